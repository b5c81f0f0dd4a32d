package scrip.streams;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.module.afterburner.AfterburnerModule;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.TreeMap;
import scrip.streams.Values.Account;
import scrip.streams.Values.Capture;
import scrip.streams.Values.EndedHold;

/** JSON by Jackson with Afterburner; field order is the order of declaration, as in Python. */
final class Json {
    static final ObjectMapper MAPPER = new ObjectMapper()
            .registerModule(new AfterburnerModule())
            .setVisibility(PropertyAccessor.ALL, JsonAutoDetect.Visibility.NONE)
            .setVisibility(PropertyAccessor.FIELD, JsonAutoDetect.Visibility.PUBLIC_ONLY)
            .configure(SerializationFeature.FAIL_ON_EMPTY_BEANS, true)
            .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, true);
    static final ObjectReader TREE = MAPPER.readerFor(JsonNode.class);
    static final ObjectReader ACCOUNT = MAPPER.readerFor(Account.class);
    static final ObjectReader CAPTURE = MAPPER.readerFor(Capture.class);
    static final ObjectReader ENDED = MAPPER.readerFor(EndedHold.class);
    static final ObjectWriter WRITER = MAPPER.writer();

    private Json() {}

    static <T> T read(ObjectReader reader, byte[] value) {
        try {
            return value == null ? null : reader.readValue(value);
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    static <T> T read(JsonNode node, Class<T> type) {
        try {
            return MAPPER.treeToValue(node, type);
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    static byte[] write(Object value) {
        try {
            return WRITER.writeValueAsBytes(value);
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    interface Writing {
        void to(JsonGenerator json) throws IOException;
    }

    /** One object, written field by field. */
    static byte[] object(Writing fields) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (JsonGenerator json = MAPPER.createGenerator(bytes)) {
            json.writeStartObject();
            fields.to(json);
            json.writeEndObject();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
        return bytes.toByteArray();
    }

    /** Type, subject and data with every object's keys in order: what a repeat is told by. */
    static byte[] canonical(String type, String subject, JsonNode data) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (JsonGenerator json = MAPPER.createGenerator(bytes)) {
            json.writeStartArray();
            json.writeString(type);
            json.writeString(subject);
            sorted(json, data);
            json.writeEndArray();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
        return bytes.toByteArray();
    }

    private static void sorted(JsonGenerator json, JsonNode node) throws IOException {
        if (node.isObject()) {
            TreeMap<String, JsonNode> fields = new TreeMap<>();
            node.fields().forEachRemaining(one -> fields.put(one.getKey(), one.getValue()));
            json.writeStartObject();
            for (var field : fields.entrySet()) {
                json.writeFieldName(field.getKey());
                sorted(json, field.getValue());
            }
            json.writeEndObject();
        } else if (node.isArray()) {
            json.writeStartArray();
            for (JsonNode one : node) {
                sorted(json, one);
            }
            json.writeEndArray();
        } else {
            json.writeTree(node);
        }
    }
}
