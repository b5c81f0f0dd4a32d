package scrip.streams;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import scrip.streams.Values.Balance;
import scrip.streams.Values.CoveredLine;
import scrip.streams.Values.Draw;
import scrip.streams.Values.Fixed;
import scrip.streams.Values.Hold;
import scrip.streams.Values.Lot;
import scrip.streams.Values.LotValidity;
import scrip.streams.Values.Part;
import scrip.streams.Values.Where;

/** The facts this workload leads to, field by field as in schemas/redemption_facts.py. */
public final class Facts {
    private Facts() {}

    public static class AccountFact {
        public String kind;
        public String programme;
        public String currency;
        public int life;
        public String state;
        public boolean frozen;
        public Where where;
        public Balance balance;
    }

    public static final class ValueLoaded extends AccountFact {
        public String cause;
        public List<Lot> lots;
        public long minor;
        public long price_minor;
        public String tender;
        public String origin;
        public String sale;
        public Fixed fixed;
        public String note;
        public String day;
        public List<LotValidity> validity = List.of();
        public List<Object> merged = List.of();
    }

    public static final class HoldPlaced extends AccountFact {
        public Hold hold;
        public long requested_minor;
        public long due_minor;
    }

    @JsonPropertyOrder({
        "kind", "programme", "currency", "life", "state", "frozen", "where", "balance", "hold_id",
        "capture", "minor", "requested_minor", "exception_minor", "late", "final"})
    public static final class HoldCaptured extends AccountFact {
        public String hold_id;
        public String capture;
        public long minor;
        public long requested_minor;
        public long exception_minor;
        public boolean late;
        @JsonProperty("final")
        public boolean last;
        public List<Part> parts;
        public List<CoveredLine> lines;
        public List<Draw> draws;
        public Hold hold;
        public long released_minor;
        public String order;
        public Long refundable_until;
        public String day;
    }

    public static final class CaptureRefunded extends AccountFact {
        public String capture;
        public String to;
        public boolean to_same;
        public long minor;
        public List<Part> parts;
        public List<CoveredLine> lines;
        public List<Draw> restored;
        public List<Lot> lots = List.of();
        public Where capture_where;
        public boolean fully;
        public String reason;
        public Object goods;
        public String order;
    }

    public static final class RedemptionRefused {
        public String command;
        public String reason;
        public String detail;
        public Where where;
        public JsonNode requested;
    }
}
