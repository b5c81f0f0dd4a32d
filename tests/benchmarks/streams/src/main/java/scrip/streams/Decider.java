package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import scrip.streams.Decision.Reason;
import scrip.streams.Values.Account;
import scrip.streams.Values.Capture;
import scrip.streams.Values.Draw;
import scrip.streams.Values.EndedHold;
import scrip.streams.Values.Fixed;
import scrip.streams.Values.Hold;
import scrip.streams.Values.Lot;
import scrip.streams.Values.LotValidity;
import scrip.streams.Values.Sale;

/** Activation, load, hold and capture, as services/redemption decides them. */
final class Decider {
    private static final int LOTS_MAX = 100;

    private final Terms terms;
    private final Ids ids;

    Decider(Terms terms, Ids ids) {
        this.terms = terms;
        this.ids = ids;
    }

    void activate(Decision one) {
        if (one.account != null) {
            throw Decision.unforeseen("a live card is activated");
        }
        JsonNode data = one.data;
        Account account = new Account();
        account.kind = "card";
        account.programme = data.get("programme").asText();
        account.currency = "USD";
        account.life = data.get("life").asInt();
        account.state = "Activated";
        one.account = account;
        List<Lot> lots = new ArrayList<>();
        long minor = 0;
        long funded = 0;
        for (JsonNode said : data.get("lots")) {
            Lot lot = Json.read(said, Lot.class);
            lots.add(lot);
            minor += lot.minor;
            funded += lot.funded;
            one.concerns(lot.entity);
        }
        Facts.ValueLoaded fact = new Facts.ValueLoaded();
        one.told(fact, minor, 0, "Activated");
        fact.cause = "activation";
        fact.lots = lots;
        fact.minor = minor;
        fact.price_minor = funded;
        fact.tender = data.get("tender").asText();
        fact.origin = lots.get(0).origin;
        fact.sale = data.get("sale").asText();
        fact.fixed = Json.read(data.get("fixed"), Fixed.class);
        one.fact = "value_loaded.v1";
        one.body = fact;
    }

    void load(Decision one) {
        Account account = one.account;
        noneOver(one);
        long minor = one.amount(one.data.get("amount"));
        String day = ids.day(one.now, terms.timezone);
        Fixed fixed = account.fixed;
        if (fixed.balance_max != null && account.ledger + minor > fixed.balance_max) {
            one.against(Reason.LIMIT_EXCEEDED, "balance_max");
        }
        long before = day.equals(account.loaded_day) ? account.loaded_minor : 0;
        if (fixed.per_day_max != null && before + minor > fixed.per_day_max) {
            one.against(Reason.LIMIT_EXCEEDED, "per_day_max");
        }
        if (account.lots.size() >= LOTS_MAX) {
            throw Decision.unforeseen("lots are merged");
        }
        if (one.refused()) {
            return;
        }
        long ledger = account.ledger + minor;
        Facts.ValueLoaded fact = new Facts.ValueLoaded();
        one.told(fact, ledger, account.held, one.resting(ledger, account.holds.size()));
        fact.cause = "load";
        fact.lots = List.of(lotFor(one, minor));
        fact.minor = minor;
        fact.price_minor = minor;
        fact.tender = one.data.get("tender").asText();
        fact.origin = one.data.get("origin").asText();
        fact.day = day;
        fact.validity = putOff(account, terms.floor(one.now));
        one.fact = "value_loaded.v1";
        one.body = fact;
    }

    private static void noneOver(Decision one) {
        for (Hold hold : one.account.holds) {
            if (hold.ends_at <= one.now) {
                throw Decision.unforeseen("a hold is past its end");
            }
        }
    }

    private Lot lotFor(Decision one, long minor) {
        Lot lot = new Lot();
        lot.lot = ids.derived("lot", one.subject, one.once());
        lot.origin = one.data.get("origin").asText();
        lot.location = one.where.location;
        lot.entity = one.where.entity;
        lot.programme = one.account.programme;
        lot.jurisdiction = terms.jurisdiction(one.where.location);
        lot.cohort = ids.day(one.now, terms.timezone).substring(0, 7);
        lot.minor = minor;
        lot.funded = minor;
        lot.face_start = minor;
        lot.funded_start = minor;
        lot.sold_at = one.now;
        lot.expires_at = terms.end(one.now);
        lot.life = one.account.life;
        return lot;
    }

    private static List<LotValidity> putOff(Account account, long earliest) {
        List<LotValidity> later = new ArrayList<>();
        for (Lot lot : account.lots) {
            if (lot.expires_at != null && earliest > lot.expires_at) {
                LotValidity found = new LotValidity();
                found.lot = lot.lot;
                found.expires_at = earliest;
                later.add(found);
            }
        }
        return later;
    }

    /** The account after value came in. */
    void loaded(Decision one, Facts.ValueLoaded fact) {
        Account account = one.account;
        settle(account, fact);
        account.loaded_at = one.now;
        if (fact.cause.equals("load")) {
            account.used = true;
            if (!fact.day.equals(account.loaded_day)) {
                account.loaded_day = fact.day;
                account.loaded_minor = 0;
            }
            account.loaded_minor += fact.minor;
        } else {
            account.fixed = fact.fixed;
            account.sale = saleOf(fact);
        }
        for (LotValidity later : fact.validity) {
            account.lot(later.lot).expires_at = later.expires_at;
        }
        account.lots.addAll(fact.lots);
        one.rows.put(one.subject, account);
    }

    private static Sale saleOf(Facts.ValueLoaded fact) {
        Sale sale = new Sale();
        sale.sale = fact.sale;
        sale.tender = fact.tender;
        sale.price_minor = fact.price_minor;
        sale.face_minor = fact.minor;
        sale.lots = fact.lots.stream().map(lot -> lot.lot).toList();
        sale.where = fact.where;
        return sale;
    }

    void hold(Decision one, String channel) {
        Account account = one.account;
        noneOver(one);
        long minor = one.amount(one.data.get("amount"));
        if (one.data.size() > 2) {
            throw Decision.unforeseen("a hold with more than amount and place");
        }
        List<Draw> draws = draw(live(one), minor);
        if (draws.stream().mapToLong(drawn -> drawn.minor).sum() < minor) {
            one.against(Reason.INSUFFICIENT_FUNDS, null);
        }
        String day = ids.day(one.now, terms.timezone);
        long before = day.equals(account.spent_day) ? account.spent_minor : 0;
        if (account.fixed.per_day_max != null && before + minor > account.fixed.per_day_max) {
            one.against(Reason.LIMIT_EXCEEDED, "per_day_max");
        }
        if (account.holds.size() >= 50) {
            one.against(Reason.LIMIT_EXCEEDED, "50 open holds");
        }
        if (one.refused()) {
            return;
        }
        Hold hold = new Hold();
        hold.hold = one.id;
        hold.minor = minor;
        hold.placed_at = one.now;
        hold.ends_at = one.now + terms.holdSeconds(channel, account.fixed.hold_seconds) * 1000;
        hold.draws = draws;
        hold.where = one.where;
        hold.day = day;
        Facts.HoldPlaced fact = new Facts.HoldPlaced();
        one.told(fact, account.ledger, account.held + minor, account.state);
        fact.hold = hold;
        fact.requested_minor = minor;
        for (Draw drawn : draws) {
            one.concerns(account.lot(drawn.lot).entity);
        }
        one.fact = "hold_placed.v1";
        one.body = fact;
    }

    /** The lots that may be spent, in draw order: promo, soonest expiring, oldest. */
    private static List<Lot> live(Decision one) {
        List<Lot> lots = new ArrayList<>(one.account.lots);
        for (Lot lot : lots) {
            if (lot.expires_at != null && lot.expires_at <= one.now) {
                throw Decision.unforeseen("a lot has expired");
            }
        }
        lots.sort(Comparator.<Lot>comparingInt(lot -> lot.origin.equals("promo") ? 0 : 1)
                .thenComparingLong(lot -> lot.expires_at == null ? 1L << 62 : lot.expires_at)
                .thenComparingLong(lot -> lot.sold_at));
        return lots;
    }

    private static List<Draw> draw(List<Lot> lots, long amount) {
        List<Draw> draws = new ArrayList<>();
        long left = amount;
        for (Lot lot : lots) {
            long free = lot.minor - lot.held;
            if (free > 0 && left > 0) {
                long taken = Math.min(free, left);
                draws.add(new Draw(lot.lot, taken));
                left -= taken;
            }
        }
        return draws;
    }

    /** The account with one more open hold. */
    void placed(Decision one, Facts.HoldPlaced fact) {
        Account account = one.account;
        Hold hold = fact.hold;
        settle(account, fact);
        for (Draw drawn : hold.draws) {
            account.lot(drawn.lot).held += drawn.minor;
        }
        account.holds.add(hold);
        if (!hold.day.equals(account.spent_day)) {
            account.spent_day = hold.day;
            account.spent_minor = 0;
        }
        account.spent_minor += hold.minor;
        one.rows.put(one.subject, account);
    }

    void capture(Decision one, EndedHold past) {
        Account account = one.account;
        Hold hold = account.hold(one.data.get("hold").asText());
        if (hold == null) {
            one.against(past == null ? Reason.UNKNOWN_HOLD : Reason.HOLD_CLOSED, null);
            return;
        }
        if (one.now >= hold.ends_at || one.data.has("amount") || one.data.has("final")) {
            throw Decision.unforeseen("a late or partial capture");
        }
        List<Split.Line> lines = Split.lines(one, hold.minor);
        if (one.refused()) {
            return;
        }
        long ledger = account.ledger - hold.minor;
        Facts.HoldCaptured fact = new Facts.HoldCaptured();
        String state = one.resting(ledger, account.holds.size() - 1);
        one.told(fact, ledger, account.held - hold.minor, state);
        fact.hold_id = hold.hold;
        fact.capture = one.id;
        fact.minor = hold.minor;
        fact.requested_minor = hold.minor;
        fact.last = true;
        fact.lines = Split.cover(lines, hold.minor);
        fact.parts = Split.split(fact.lines, hold.draws, account);
        fact.draws = hold.draws;
        fact.refundable_until = one.now + terms.refundDays * Decision.DAY;
        fact.parts.forEach(part -> one.concerns(part.entity));
        one.fact = "hold_captured.v1";
        one.body = fact;
    }

    /** The account with less, the hold as it ended, and the capture to refund from. */
    void captured(Decision one, Facts.HoldCaptured fact) {
        Account account = one.account;
        settle(account, fact);
        Hold hold = account.hold(fact.hold_id);
        account.holds.remove(hold);
        for (Draw drawn : hold.draws) {
            account.lot(drawn.lot).held -= drawn.minor;
        }
        EndedHold ended = new EndedHold();
        ended.hold = fact.hold_id;
        ended.ended = "captured";
        ended.ended_at = one.now;
        one.rows.put(one.subject + "/hold/" + fact.hold_id, ended);
        account.used = true;
        Capture capture = Refunds.refundable(account, fact, terms.version);
        one.rows.put(one.subject + "/capture/" + fact.capture, capture);
        for (Draw drawn : fact.draws) {
            Lot lot = account.lot(drawn.lot);
            lot.minor -= drawn.minor;
            lot.funded = lot.fundedLeft(lot.minor);
        }
        account.lots.removeIf(lot -> lot.minor == 0);
        one.rows.put(one.subject, account);
    }

    static void settle(Account account, Facts.AccountFact fact) {
        account.state = fact.state;
        account.frozen = fact.frozen;
        account.ledger = fact.balance.ledger;
        account.held = fact.balance.held;
    }
}
