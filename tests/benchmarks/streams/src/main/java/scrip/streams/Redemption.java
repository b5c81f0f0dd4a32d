package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import scrip.streams.Values.Account;
import scrip.streams.Values.Capture;
import scrip.streams.Values.EndedHold;

/** Commands in; facts, replies and rows out: what the redemption worker does, in Streams. */
final class Redemption implements Processor<byte[], byte[], byte[], byte[]> {
    private static final String SOURCE = "service/redemption";
    private static final String COMMANDS = "scrip.redemption.commands.v1";
    private static final String EVENTS = "scrip.redemption.events.v1";
    private static final long ANSWER_KEPT = 37L * 86_400_000L;
    private static final String PROGRESS = "!progress";
    private static final byte[] END = ",\"repeated\":true}}".getBytes(StandardCharsets.UTF_8);

    private final Terms terms;
    private final Map<String, Ids.Seal> seals;
    private final Ids ids = new Ids();
    private final Decider decider;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, byte[]> balances;
    private KeyValueStore<String, byte[]> memory;
    private long now;
    private long sequence;
    private byte[] chain = new byte[32];

    Redemption(Terms terms, Map<String, Ids.Seal> seals) {
        this.terms = terms;
        this.seals = seals;
        this.decider = new Decider(terms, ids);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        balances = given.getStateStore("balances");
        memory = given.getStateStore("memory");
        byte[] progress = memory.get(PROGRESS);
        if (progress != null) {
            JsonNode said = Json.read(Json.TREE, progress);
            now = said.get("now").asLong();
            sequence = said.get("sequence").asLong();
            chain = Ids.bytes(said.get("chain").asText());
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        now = Math.max(now, record.timestamp());
        JsonNode envelope = Json.read(Json.TREE, record.value());
        String type = envelope.get("type").asText().replace(".v1", "");
        unsealed(record, envelope.get("source").asText());
        if (type.equals("policy_changed")) {
            return;
        }
        String subject = envelope.get("subject").asText();
        String id = envelope.get("id").asText();
        JsonNode data = envelope.get("data");
        byte[] content = Ids.hex(ids.sha256(Json.canonical(type, subject, data)), 16)
                .getBytes(StandardCharsets.US_ASCII);
        String replyto = envelope.path("replyto").asText(null);
        String answerKey = subject + "/answer/" + id;
        byte[] known = memory.get(answerKey);
        if (known != null) {
            repeated(replyto, content, known);
            return;
        }
        Decision one = decide(envelope, type, subject, id, data);
        byte[] reply = reply(one);
        memory.put(answerKey, answer(content, reply));
        if (replyto != null) {
            forward(replyto.getBytes(StandardCharsets.UTF_8), reply, "replies");
        }
        keepProgress();
    }

    private void unsealed(Record<byte[], byte[]> record, String source) {
        Header header = record.headers().lastHeader("scrip-seal");
        String[] said = new String(header.value(), StandardCharsets.US_ASCII).split(":", 2);
        Ids.Seal seal = seals.get(said[0]);
        boolean proven = source.startsWith("service/") == said[0].equals("service");
        if (seal == null || !proven || !seal.fits(record.key(), record.value(), said[1])) {
            throw Decision.unforeseen("an unsealed record");
        }
    }

    private void repeated(String replyto, byte[] content, byte[] known) {
        int start = after(known, "\"c\":\"");
        int reply = after(known, "\"r\":");
        if (!Arrays.equals(known, start, start + 32, content, 0, 32)) {
            throw Decision.unforeseen("an id is reused");
        }
        if (replyto != null) {
            int length = known.length - 1 - reply - 2;
            byte[] again = Arrays.copyOfRange(known, reply, reply + length + END.length);
            System.arraycopy(END, 0, again, length, END.length);
            forward(replyto.getBytes(StandardCharsets.UTF_8), again, "replies");
        }
    }

    private static int after(byte[] row, String tag) {
        byte[] wanted = tag.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i <= row.length - wanted.length; i++) {
            if (Arrays.equals(row, i, i + wanted.length, wanted, 0, wanted.length)) {
                return i + wanted.length;
            }
        }
        throw Decision.unforeseen("an answer without " + tag);
    }

    private Decision decide(JsonNode envelope, String type, String subject, String id, JsonNode data) {
        String source = envelope.get("source").asText();
        String channel = source.startsWith("channel/") ? source.substring(8) : null;
        var where = terms.where(data.get("place"));
        boolean placed = where != null;
        long time = java.time.Instant.parse(envelope.get("time").asText()).toEpochMilli();
        Decision one = new Decision(
                subject, id, type, time, data, placed ? where : terms.where(null), now);
        one.account = Json.read(Json.ACCOUNT, balances.get(subject));
        Capture capture = null;
        if (type.equals("activate")) {
            decider.activate(one);
        } else {
            if (one.account == null) {
                throw Decision.unforeseen("an unknown account");
            }
            admit(one, channel, placed);
            switch (type) {
                case "load_value" -> decider.load(one);
                case "place_hold" -> {
                    unused(one, "/hold/");
                    decider.hold(one, channel);
                }
                case "capture_hold" -> {
                    unused(one, "/capture/");
                    decider.capture(one, ended(one));
                }
                case "refund_capture" -> {
                    capture = captureOf(one);
                    Refunds.refund(one, capture);
                }
                default -> throw Decision.unforeseen(type);
            }
        }
        if (one.refused()) {
            one.refuse();
        }
        tell(one);
        evolve(one, capture);
        return one;
    }

    private void admit(Decision one, String channel, boolean placed) {
        String right = switch (one.type) {
            case "load_value" -> "issue";
            case "refund_capture" -> "refund";
            default -> "redeem";
        };
        String said = one.where.channel;
        if (said != null && !said.equals(channel) || !terms.permits(channel, right)) {
            one.against(Decision.Reason.NOT_PERMITTED, null);
        }
        if (!placed) {
            one.against(Decision.Reason.LOCATION_NOT_ALLOWED, null);
        }
    }

    /** No hold was released before it came, and no capture that may come back has this id. */
    private void unused(Decision one, String kind) {
        if (memory.get(one.subject + kind + one.id) != null) {
            throw Decision.unforeseen("an id is used again");
        }
    }

    private EndedHold ended(Decision one) {
        String key = one.subject + "/hold/" + one.data.get("hold").asText();
        return Json.read(Json.ENDED, memory.get(key));
    }

    private Capture captureOf(Decision one) {
        String key = one.subject + "/capture/" + one.data.get("capture").asText();
        return Json.read(Json.CAPTURE, memory.get(key));
    }

    /** The fact's bytes, numbered and chained. */
    private void tell(Decision one) {
        sequence++;
        String business = ids.day(Math.min(one.time, now), terms.timezone);
        String number = Long.toString(one.firstNumber());
        byte[] fact = Json.object(json -> {
            json.writeStringField("specversion", "1.0");
            json.writeStringField("id", ids.derived(EVENTS, one.subject, one.id, number));
            json.writeStringField("type", one.fact);
            json.writeStringField("source", SOURCE);
            json.writeStringField("subject", one.subject);
            json.writeStringField("time", Ids.instant(now));
            json.writeStringField("causationid", one.id);
            json.writeNumberField("policy", terms.version);
            json.writeNumberField("sequence", sequence);
            json.writeStringField("input", COMMANDS);
            json.writeObjectFieldStart("dates");
            for (String entity : one.entitiesInOrder()) {
                json.writeObjectFieldStart(entity);
                json.writeStringField("date", business);
                json.writeStringField("business_date", business);
                json.writeEndObject();
            }
            json.writeEndObject();
            json.writeFieldName("data");
            Json.WRITER.writeValue(json, one.body);
        });
        chain = ids.sha256(chain, fact);
        forward(one.subject.getBytes(StandardCharsets.UTF_8), fact, "events");
    }

    private void evolve(Decision one, Capture capture) {
        if (one.body instanceof Facts.ValueLoaded fact) {
            decider.loaded(one, fact);
        } else if (one.body instanceof Facts.HoldPlaced fact) {
            decider.placed(one, fact);
        } else if (one.body instanceof Facts.HoldCaptured fact) {
            decider.captured(one, fact);
        } else if (one.body instanceof Facts.CaptureRefunded fact) {
            Refunds.refunded(one, fact, capture);
        }
        one.rows.forEach((key, row) ->
                (key.equals(one.subject) ? balances : memory).put(key, Json.write(row)));
    }

    private byte[] reply(Decision one) {
        return Json.object(json -> {
            json.writeStringField("specversion", "1.0");
            json.writeStringField("id", ids.derived("reply", one.subject, one.id));
            json.writeStringField("type", "reply.v1");
            json.writeStringField("source", SOURCE);
            json.writeStringField("subject", one.subject);
            json.writeStringField("time", Ids.instant(now));
            json.writeStringField("causationid", one.id);
            json.writeObjectFieldStart("data");
            json.writeStringField("command", one.id);
            json.writeStringField("outcome", one.refused() ? "refused" : "accepted");
            if (one.body instanceof Facts.RedemptionRefused refusal) {
                json.writeStringField("reason", refusal.reason);
            }
            json.writeArrayFieldStart("facts");
            json.writeString(one.fact);
            json.writeEndArray();
            if (one.body instanceof Facts.AccountFact fact) {
                json.writeFieldName("balance");
                json.writeStartObject();
                json.writeNumberField("ledger", fact.balance.ledger);
                json.writeNumberField("held", fact.balance.held);
                json.writeNumberField("available", fact.balance.available);
                json.writeEndObject();
            }
            if (one.detail != null) {
                json.writeStringField("detail", one.detail);
            }
            json.writeEndObject();
        });
    }

    private byte[] answer(byte[] content, byte[] reply) {
        String head = "{\"u\":" + (now + ANSWER_KEPT) + ",\"c\":\"";
        byte[] first = head.getBytes(StandardCharsets.US_ASCII);
        byte[] second = "\",\"r\":".getBytes(StandardCharsets.US_ASCII);
        int length = first.length + content.length + second.length + reply.length + 1;
        java.nio.ByteBuffer row = java.nio.ByteBuffer.allocate(length);
        row.put(first).put(content).put(second).put(reply).put((byte) '}');
        return row.array();
    }

    private void keepProgress() {
        memory.put(PROGRESS, Json.object(json -> {
            json.writeNumberField("now", now);
            json.writeNumberField("sequence", sequence);
            json.writeStringField("chain", Ids.hex(chain, 32));
        }));
    }

    private void forward(byte[] key, byte[] value, String to) {
        context.forward(new Record<>(key, value, now), to);
    }
}
