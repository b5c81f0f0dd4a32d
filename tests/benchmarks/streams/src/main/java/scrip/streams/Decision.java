package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import scrip.streams.Values.Account;
import scrip.streams.Values.Balance;
import scrip.streams.Values.Where;

/** One command being decided: what it meets, what stands against it, what comes of it. */
final class Decision {
    /** Reasons in order of precedence, as in schemas/refusals.py; only those that can occur. */
    enum Reason {
        NOT_PERMITTED, UNKNOWN_ACCOUNT, UNKNOWN_HOLD, UNKNOWN_CAPTURE, WRONG_CURRENCY,
        AMOUNT_NOT_POSITIVE, HOLD_CLOSED, LOCATION_NOT_ALLOWED, LIMIT_EXCEEDED,
        AMOUNT_EXCEEDS_CAPTURE, LINES_DO_NOT_ADD_UP, INSUFFICIENT_FUNDS
    }

    static final long DAY = 86_400_000L;
    private static final long FACTS_MAX = 1_000_000L;

    final String subject;
    final String id;
    final String type;
    /** What its sender claims, in ms UTC. */
    final long time;
    final JsonNode data;
    final Where where;
    final long now;
    Account account;
    Reason reason;
    String detail;
    String fact;
    Object body;
    final List<String> entities = new ArrayList<>();
    /** Rows as they will be, by key; the account's own is under the subject. */
    final Map<String, Object> rows = new LinkedHashMap<>();

    Decision(
            String subject, String id, String type, long time, JsonNode data, Where where,
            long now) {
        this.subject = subject;
        this.id = id;
        this.type = type;
        this.time = time;
        this.data = data;
        this.where = where;
        this.now = now;
        entities.add(where.entity);
    }

    /** A name that no other command has, of another day with the same id either. */
    String once() {
        return id + "@" + Math.floorDiv(time, DAY);
    }

    /** From which number its facts are counted. */
    long firstNumber() {
        return Math.floorDiv(time, DAY) * FACTS_MAX;
    }

    void against(Reason found, String said) {
        if (reason == null || found.compareTo(reason) < 0) {
            reason = found;
            detail = said;
        } else if (found == reason && said != null) {
            detail = said;
        }
    }

    void concerns(String entity) {
        if (!entities.contains(entity)) {
            entities.add(entity);
        }
    }

    /** The minor units asked for; a wrong currency or sign is a reason against it. */
    long amount(JsonNode money) {
        String currency = money.get("currency").asText();
        if (!currency.equals(account.currency)) {
            against(Reason.WRONG_CURRENCY, currency + ", not " + account.currency);
        }
        long minor = money.get("minor").asLong();
        if (minor <= 0) {
            against(Reason.AMOUNT_NOT_POSITIVE, null);
        }
        return minor;
    }

    /** What every fact says, with the account as it will be. */
    void told(Facts.AccountFact fact, long ledger, long held, String state) {
        fact.kind = account.kind;
        fact.programme = account.programme;
        fact.currency = account.currency;
        fact.life = account.life;
        fact.state = state;
        fact.frozen = account.frozen;
        fact.where = where;
        fact.balance = new Balance(ledger, held);
    }

    /** The state after value moved: a card at 0 without a hold is Redeemed. */
    String resting(long ledger, int openHolds) {
        if (!account.state.equals("Activated") && !account.state.equals("Redeemed")) {
            return account.state;
        }
        return ledger > 0 || openHolds > 0 ? "Activated" : "Redeemed";
    }

    boolean refused() {
        return reason != null;
    }

    Iterable<String> entitiesInOrder() {
        return new TreeSet<>(entities);
    }

    /** The refusal as it is recorded. */
    void refuse() {
        Facts.RedemptionRefused refusal = new Facts.RedemptionRefused();
        refusal.command = type;
        refusal.reason = reason.name().toLowerCase(java.util.Locale.ROOT);
        refusal.detail = detail;
        refusal.where = where;
        var requested = Json.MAPPER.createObjectNode();
        data.fields().forEachRemaining(one -> {
            if (!one.getKey().equals("place")) {
                requested.set(one.getKey(), one.getValue());
            }
        });
        refusal.requested = requested;
        entities.clear();
        entities.add(where.entity);
        fact = "redemption_refused.v1";
        body = refusal;
        rows.clear();
    }

    static IllegalStateException unforeseen(String what) {
        return new IllegalStateException("not in this workload: " + what);
    }
}
