package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import scrip.streams.Decision.Reason;
import scrip.streams.Values.Account;
import scrip.streams.Values.Capture;
import scrip.streams.Values.CoveredLine;
import scrip.streams.Values.Draw;
import scrip.streams.Values.Lot;
import scrip.streams.Values.LotTerms;
import scrip.streams.Values.Part;

/** Captured value goes back, by lines, to the lots it came from, in reverse. */
final class Refunds {
    private static final long ENDED_KEPT = 37L * 86_400_000L;

    private Refunds() {}

    static Capture refundable(Account account, Facts.HoldCaptured fact, int policy) {
        Capture capture = new Capture();
        capture.capture = fact.capture;
        capture.minor = fact.minor;
        capture.policy = policy;
        capture.where = fact.where;
        capture.parts = fact.parts;
        capture.lots = new ArrayList<>();
        for (Lot lot : account.lots) {
            if (fact.draws.stream().anyMatch(drawn -> drawn.lot.equals(lot.lot))) {
                LotTerms terms = new LotTerms();
                terms.lot = lot.lot;
                terms.face_start = lot.face_start;
                terms.funded_start = lot.funded_start;
                terms.sold_at = lot.sold_at;
                terms.expires_at = lot.expires_at;
                terms.life = lot.life;
                terms.of_sale = lot.of_sale;
                capture.lots.add(terms);
            }
        }
        capture.until = fact.refundable_until;
        return capture;
    }

    static void refund(Decision one, Capture capture) {
        if (capture == null) {
            one.against(Reason.UNKNOWN_CAPTURE, null);
            return;
        }
        if (one.data.size() > 3 || !one.data.has("lines")) {
            throw Decision.unforeseen("a refund by amount, or to another account");
        }
        Map<Integer, Long> wanted = wanted(one, capture);
        if (one.refused()) {
            return;
        }
        Map<Integer, Long> taken = backwards(capture, wanted);
        long minor = taken.values().stream().mapToLong(Long::longValue).sum();
        Account account = one.account;
        long ledger = account.ledger + minor;
        Facts.CaptureRefunded fact = new Facts.CaptureRefunded();
        one.told(fact, ledger, account.held, one.resting(ledger, account.holds.size()));
        fact.capture = capture.capture;
        fact.to = one.subject;
        fact.to_same = true;
        fact.minor = minor;
        fact.lines = lines(capture, wanted);
        fact.capture_where = capture.where;
        fact.fully = capture.refunded + minor == capture.minor;
        back(one, capture, taken, fact);
        fact.parts.forEach(part -> one.concerns(part.entity));
        one.concerns(capture.where.entity);
        one.fact = "capture_refunded.v1";
        one.body = fact;
    }

    private static Map<Integer, Long> wanted(Decision one, Capture capture) {
        Map<Integer, Long> left = new LinkedHashMap<>();
        for (Part part : capture.parts) {
            left.merge(part.line, part.minor - part.before(), Long::sum);
        }
        Map<Integer, Long> wanted = new LinkedHashMap<>();
        for (JsonNode line : one.data.get("lines")) {
            wanted.merge(line.get("line").asInt(), one.amount(line.get("amount")), Long::sum);
        }
        wanted.forEach((line, minor) -> {
            if (minor > left.getOrDefault(line, 0L)) {
                one.against(Reason.AMOUNT_EXCEEDS_CAPTURE, "of a line");
            }
        });
        return wanted;
    }

    /** {index of the part: minor}; within a line what was drawn last goes back first. */
    private static Map<Integer, Long> backwards(Capture capture, Map<Integer, Long> wanted) {
        Map<Integer, Long> left = new LinkedHashMap<>(wanted);
        Map<Integer, Long> taken = new TreeMap<>();
        for (int i = capture.parts.size() - 1; i >= 0; i--) {
            Part part = capture.parts.get(i);
            long open = left.getOrDefault(part.line, 0L);
            long minor = Math.min(open, part.minor - part.before());
            if (minor > 0) {
                taken.put(i, minor);
                left.put(part.line, open - minor);
            }
        }
        return taken;
    }

    private static List<CoveredLine> lines(Capture capture, Map<Integer, Long> wanted) {
        List<CoveredLine> lines = new ArrayList<>();
        wanted.forEach((number, minor) -> {
            CoveredLine line = new CoveredLine();
            line.line = number;
            line.covered = minor;
            for (Part part : capture.parts) {
                if (part.line == number) {
                    line.category = line.category == null ? part.category : line.category;
                    line.amount += part.minor;
                }
            }
            lines.add(line);
        });
        return lines;
    }

    /** Back to the lots; none has ended meanwhile. */
    private static void back(
            Decision one, Capture capture, Map<Integer, Long> taken, Facts.CaptureRefunded fact) {
        var touched = taken.keySet().stream()
                .map(i -> capture.parts.get(i).line).collect(Collectors.toSet());
        fact.parts = new ArrayList<>();
        fact.restored = new ArrayList<>();
        for (int i = 0; i < capture.parts.size(); i++) {
            Part part = capture.parts.get(i);
            if (!touched.contains(part.line)) {
                continue;
            }
            long minor = taken.getOrDefault(i, 0L);
            if (minor > 0) {
                Lot lot = one.account.lot(part.lot);
                Long end = lot == null ? capture.terms(part.lot).expires_at : lot.expires_at;
                if (end != null && end <= one.now) {
                    throw Decision.unforeseen("a lot has expired");
                }
                fact.restored.add(new Draw(part.lot, minor));
            }
            fact.parts.add(told(capture, part, minor, part.cumulative(minor)));
        }
    }

    private static Part told(Capture capture, Part part, long minor, long funded) {
        Part told = part.copy();
        told.minor = minor;
        told.funded = funded;
        told.capture = capture.capture;
        told.capture_policy = capture.policy;
        told.drawn = part.minor;
        told.refunded_before = part.before();
        return told;
    }

    /** A lot that had been spent to the end, at 0. */
    private static Lot madeAgain(Part part, LotTerms terms) {
        Lot lot = new Lot();
        lot.lot = part.lot;
        lot.origin = part.origin;
        lot.location = part.location;
        lot.entity = part.entity;
        lot.programme = part.programme;
        lot.jurisdiction = part.jurisdiction;
        lot.cohort = part.cohort;
        lot.face_start = terms.face_start;
        lot.funded_start = terms.funded_start;
        lot.sold_at = terms.sold_at;
        lot.expires_at = terms.expires_at;
        lot.life = terms.life;
        lot.of_sale = terms.of_sale;
        return lot;
    }

    /** The capture with more given back; the account with it. */
    static void refunded(Decision one, Facts.CaptureRefunded fact, Capture capture) {
        Account account = one.account;
        Decider.settle(account, fact);
        fact.restored.stream().map(restored -> restored.lot).distinct().forEach(name -> {
            Lot lot = account.lot(name);
            if (lot == null) {
                Part first = fact.parts.stream()
                        .filter(part -> part.lot.equals(name)).findFirst().orElseThrow();
                lot = madeAgain(first, capture.terms(name));
                account.lots.add(lot);
            }
            lot.giveBack(fact.parts);
        });
        capture.refunded += fact.minor;
        for (Part part : capture.parts) {
            long given = 0;
            for (Part back : fact.parts) {
                if (back.line == part.line && back.lot.equals(part.lot)) {
                    given = back.minor;
                }
            }
            part.refunded_before = part.before() + given;
        }
        if (fact.fully) {
            capture.parts = List.of();
            capture.lots = List.of();
            capture.until = Math.min(capture.until, one.now + ENDED_KEPT);
        }
        one.rows.put(one.subject + "/capture/" + fact.capture, capture);
        one.rows.put(one.subject, account);
    }
}
