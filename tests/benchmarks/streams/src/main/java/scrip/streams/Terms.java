package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import scrip.streams.Values.Where;

/** The one policy of the benchmark, read at start: places, rights, limits, validity, law. */
final class Terms {
    private static final long DAY = 86_400_000L;

    final int version;
    final String parent;
    final ZoneId timezone;
    final int validityDays;
    final int floorYears;
    final int refundDays = 730;
    private final JsonNode channels;
    private final int holdSecondsOfProgramme;
    private final Map<String, String> entities = new HashMap<>();
    private final Map<String, String> jurisdictions = new HashMap<>();

    Terms(JsonNode policy, int version) {
        this.version = version;
        JsonNode network = policy.get("network");
        parent = network.get("parent").asText();
        timezone = ZoneId.of(network.get("timezone").asText());
        channels = policy.get("channels");
        JsonNode gift = policy.get("programmes").get("gift");
        holdSecondsOfProgramme = gift.path("hold_seconds").asInt(600);
        validityDays = gift.get("validity").get("days").asInt();
        floorYears = policy.get("law").get(0).get("expiry_floor_years").asInt();
        entities.put(parent, parent);
        jurisdictions.put(parent, "US");
        policy.get("locations").fields().forEachRemaining(place -> {
            entities.put(place.getKey(), place.getValue().get("entity").asText());
            jurisdictions.put(place.getKey(), place.getValue().get("jurisdiction").asText());
        });
    }

    /** The decided place of a command; null for an unknown location. */
    Where where(JsonNode place) {
        Where found = new Where();
        found.location = place == null || !place.has("location") ? parent : text(place, "location");
        found.entity = entities.get(found.location);
        if (found.entity == null) {
            return null;
        }
        if (place != null) {
            found.channel = text(place, "channel");
            found.register = text(place, "register");
            found.staff = text(place, "staff");
            found.receipt = text(place, "receipt");
        }
        return found;
    }

    private static String text(JsonNode node, String name) {
        JsonNode found = node.get(name);
        return found == null ? null : found.asText();
    }

    boolean permits(String channel, String right) {
        JsonNode known = channels.get(channel);
        if (known != null) {
            for (JsonNode may : known.get("may")) {
                if (may.asText().equals(right)) {
                    return true;
                }
            }
        }
        return false;
    }

    String jurisdiction(String location) {
        return jurisdictions.get(location);
    }

    long holdSeconds(String channel, Integer fixed) {
        JsonNode known = channels.path(channel).get("hold_seconds");
        if (known != null) {
            return known.asLong();
        }
        return fixed != null ? fixed : holdSecondsOfProgramme;
    }

    /** When value that comes in now ends: by the programme, but not before the law's floor. */
    long end(long now) {
        return Math.max(now + validityDays * DAY, floor(now));
    }

    /** So many calendar years later (29 February becomes 1 March). */
    long floor(long from) {
        var moment = Instant.ofEpochMilli(from).atOffset(ZoneOffset.UTC);
        var later = moment.plusYears(floorYears);
        if (later.getDayOfMonth() != moment.getDayOfMonth()) {
            later = later.plusDays(1);
        }
        return later.toInstant().toEpochMilli();
    }
}
