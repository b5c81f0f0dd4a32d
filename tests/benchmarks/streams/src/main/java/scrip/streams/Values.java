package scrip.streams;

import java.util.ArrayList;
import java.util.List;

/** What rows and facts are made of, field by field as in schemas/value.py and redemption/rows.py. */
public final class Values {
    private Values() {}

    /** The quotient of two amounts, halves up. */
    static long halfUp(long numerator, long denominator) {
        return (2 * numerator + denominator) / (2 * denominator);
    }

    public static final class Where {
        public String location;
        public String entity;
        public String channel;
        public String register;
        public String staff;
        public String receipt;
    }

    public static final class Balance {
        public long ledger;
        public long held;
        public long available;

        public Balance() {}

        public Balance(long ledger, long held) {
            this.ledger = ledger;
            this.held = held;
            this.available = ledger - held;
        }
    }

    public static final class Lot {
        public String lot;
        public String origin;
        public String location;
        public String entity;
        public String programme;
        public String jurisdiction;
        public String cohort;
        public long minor;
        public long held;
        public long funded;
        public long face_start;
        public long funded_start;
        public long sold_at;
        public Long expires_at;
        public int life = 1;
        public String of_sale;

        /** What the books owe for so much left of it: half up of its share at the start. */
        public long fundedLeft(long left) {
            if (funded_start == face_start) {
                return left;
            }
            return halfUp(funded_start * left, face_start);
        }

        /** What was spent of it comes back; where its share rounds otherwise it starts anew. */
        public void giveBack(List<Part> parts) {
            for (Part part : parts) {
                if (part.lot.equals(lot)) {
                    minor += part.minor;
                    funded += part.funded;
                }
            }
            if (funded != fundedLeft(minor)) {
                face_start = minor;
                funded_start = funded;
            }
        }
    }

    public static final class Fixed {
        public long sold_at;
        public long face_minor;
        public Long expires_at;
        public Integer hold_seconds;
        public Long balance_max;
        public Long per_day_max;
    }

    public static final class Draw {
        public String lot;
        public long minor;

        public Draw() {}

        public Draw(String lot, long minor) {
            this.lot = lot;
            this.minor = minor;
        }
    }

    public static final class Hold {
        public String hold;
        public long minor;
        public long captured;
        public long placed_at;
        public long ends_at;
        public List<Draw> draws = new ArrayList<>();
        public String order;
        public Where where;
        public Long order_total;
        public long order_taken;
        public String day;
    }

    public static final class LotValidity {
        public String lot;
        public long expires_at;
    }

    public static final class Part {
        public int line;
        public String category;
        public String lot;
        public String origin;
        public String entity;
        public String location;
        public String programme;
        public String jurisdiction;
        public String cohort;
        public long minor;
        public long funded;
        public String capture;
        public Integer capture_policy;
        public Long drawn;
        public Long refunded_before;

        public long before() {
            return refunded_before == null ? 0 : refunded_before;
        }

        /** What of its funded comes back with so much: all of it gives all. */
        public long cumulative(long more) {
            return halfUp(funded * (before() + more), minor) - halfUp(funded * before(), minor);
        }

        public Part copy() {
            Part made = new Part();
            made.line = line;
            made.category = category;
            made.lot = lot;
            made.origin = origin;
            made.entity = entity;
            made.location = location;
            made.programme = programme;
            made.jurisdiction = jurisdiction;
            made.cohort = cohort;
            made.minor = minor;
            made.funded = funded;
            made.capture = capture;
            made.capture_policy = capture_policy;
            made.drawn = drawn;
            made.refunded_before = refunded_before;
            return made;
        }
    }

    public static final class CoveredLine {
        public int line;
        public String category;
        public long amount;
        public long covered;
        public String product;
        public Integer quantity;
    }

    public static final class Sale {
        public String sale;
        public String tender;
        public long price_minor;
        public long face_minor;
        public List<String> lots;
        public Where where;
        public boolean charged_back;
        public Object untaken;
    }

    public static final class Account {
        public String kind;
        public String programme;
        public String currency;
        public int life;
        public String state;
        public boolean frozen;
        public long ledger;
        public long held;
        public List<Lot> lots = new ArrayList<>();
        public List<Hold> holds = new ArrayList<>();
        public String owner_kind;
        public String owner;
        public Fixed fixed;
        public Sale sale;
        public boolean used;
        public long loaded_at;
        public String loaded_day;
        public long loaded_minor;
        public String spent_day;
        public long spent_minor;
        public List<Lot> expired = new ArrayList<>();
        public String return_id;
        public Long return_due;
        public boolean unclaimed;
        public int sweeps;
        public List<Object> lapsed = new ArrayList<>();
        public Object trail;

        public Lot lot(String name) {
            for (Lot found : lots) {
                if (found.lot.equals(name)) {
                    return found;
                }
            }
            return null;
        }

        public Hold hold(String name) {
            for (Hold found : holds) {
                if (found.hold.equals(name)) {
                    return found;
                }
            }
            return null;
        }
    }

    public static final class LotTerms {
        public String lot;
        public long face_start;
        public long funded_start;
        public long sold_at;
        public Long expires_at;
        public int life;
        public String of_sale;
    }

    public static final class Capture {
        public String capture;
        public long minor;
        public long refunded;
        public int policy;
        public Where where;
        public List<Part> parts;
        public List<LotTerms> lots;
        public Long until;
        public Object receipt;
        public String order;

        public LotTerms terms(String lot) {
            for (LotTerms found : lots) {
                if (found.lot.equals(lot)) {
                    return found;
                }
            }
            throw new IllegalStateException("no terms of lot " + lot);
        }
    }

    public static final class EndedHold {
        public String hold;
        public String ended;
        public long ended_at;
        public long minor;
        public String order;
        public Long order_total;
    }
}
