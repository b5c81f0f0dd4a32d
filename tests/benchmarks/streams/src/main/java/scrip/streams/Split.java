package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import scrip.streams.Decision.Reason;
import scrip.streams.Values.Account;
import scrip.streams.Values.CoveredLine;
import scrip.streams.Values.Draw;
import scrip.streams.Values.Lot;
import scrip.streams.Values.Part;

/** The line × lot split of what was spent, by largest remainder; it loses nothing. */
final class Split {
    private Split() {}

    record Line(int line, String category, long amount, String product, Integer quantity) {}

    /** The receipt's lines, null for none; what does not fit stands against the command. */
    static List<Line> lines(Decision one, long minor) {
        JsonNode said = one.data.get("lines");
        if (said == null) {
            return null;
        }
        List<Line> lines = new ArrayList<>();
        Set<Integer> named = new HashSet<>();
        long total = 0;
        for (JsonNode line : said) {
            JsonNode money = line.get("amount");
            long amount = money.get("minor").asLong();
            int number = line.get("line").asInt();
            JsonNode product = line.get("product");
            JsonNode quantity = line.get("quantity");
            lines.add(new Line(number, line.get("category").asText(), amount,
                    product == null ? null : product.asText(),
                    quantity == null ? null : quantity.asInt()));
            total += amount;
            named.add(number);
            if (!money.get("currency").asText().equals(one.account.currency)) {
                one.against(Reason.WRONG_CURRENCY, "of line " + number);
            }
            if (amount < 0) {
                one.against(Reason.AMOUNT_NOT_POSITIVE, "line " + number);
            }
        }
        if (total > minor) {
            throw Decision.unforeseen("a receipt that others pay too");
        }
        if (total < minor) {
            one.against(Reason.LINES_DO_NOT_ADD_UP, null);
        }
        if (named.size() < lines.size()) {
            one.against(Reason.LINES_DO_NOT_ADD_UP, "a line is named twice");
        }
        return lines;
    }

    /** How much of each line is covered; no lines: one, unclassified. */
    static List<CoveredLine> cover(List<Line> lines, long minor) {
        if (lines == null) {
            return List.of(covered(new Line(1, "unclassified", minor, null, null), minor));
        }
        long[] shares = apportion(minor, lines.stream().mapToLong(Line::amount).toArray());
        List<CoveredLine> covered = new ArrayList<>();
        for (int i = 0; i < shares.length; i++) {
            covered.add(covered(lines.get(i), shares[i]));
        }
        return covered;
    }

    private static CoveredLine covered(Line line, long share) {
        CoveredLine covered = new CoveredLine();
        covered.line = line.line;
        covered.category = line.category;
        covered.amount = line.amount;
        covered.covered = share;
        covered.product = line.product;
        covered.quantity = line.quantity;
        return covered;
    }

    /** Line by line over what is left of each lot's draw, so that lots add up too. */
    static List<Part> split(List<CoveredLine> lines, List<Draw> draws, Account account) {
        int count = draws.size();
        Lot[] lots = new Lot[count];
        long[] left = new long[count];
        long[] minorLeft = new long[count];
        long[] funded = new long[count];
        for (int i = 0; i < count; i++) {
            lots[i] = account.lot(draws.get(i).lot);
            left[i] = draws.get(i).minor;
            minorLeft[i] = lots[i].minor;
            funded[i] = lots[i].funded;
        }
        List<Part> parts = new ArrayList<>();
        for (CoveredLine line : lines) {
            long[] shares = count == 1
                    ? new long[] {line.covered} : apportion(line.covered, left);
            for (int i = 0; i < count; i++) {
                if (shares[i] != 0) {
                    left[i] -= shares[i];
                    minorLeft[i] -= shares[i];
                    long after = lots[i].fundedLeft(minorLeft[i]);
                    parts.add(part(lots[i], line, shares[i], funded[i] - after));
                    funded[i] = after;
                }
            }
        }
        return parts;
    }

    private static Part part(Lot lot, CoveredLine line, long minor, long funded) {
        Part part = new Part();
        part.line = line.line;
        part.category = line.category;
        part.lot = lot.lot;
        part.origin = lot.origin;
        part.entity = lot.entity;
        part.location = lot.location;
        part.programme = lot.programme;
        part.jurisdiction = lot.jurisdiction;
        part.cohort = lot.cohort;
        part.minor = minor;
        part.funded = funded;
        return part;
    }

    /** Split by weights: largest remainder, of equal remainders the earlier. */
    static long[] apportion(long total, long[] weights) {
        long all = Arrays.stream(weights).sum();
        if (total == 0) {
            return new long[weights.length];
        }
        if (total == all) {
            return weights.clone();
        }
        long[] shares = new long[weights.length];
        long[] remainders = new long[weights.length];
        long rest = total;
        for (int i = 0; i < weights.length; i++) {
            shares[i] = total * weights[i] / all;
            remainders[i] = total * weights[i] % all;
            rest -= shares[i];
        }
        IntStream.range(0, weights.length).boxed()
                .sorted(Comparator.comparingLong((Integer i) -> -remainders[i]))
                .limit(rest)
                .forEach(i -> shares[i]++);
        return shares;
    }
}
