package scrip.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Ids that follow from what they name, instants as text, seals and digests; one thread's own. */
final class Ids {
    private static final String NAMESPACE = "6f1b0f7a5d3c5c1e9a533a3f8f1f7c11";
    private static final char[] HEX = "0123456789abcdef".toCharArray();
    private static final int MINUTES_KEPT = 4096;

    private final byte[] namespace = bytes(NAMESPACE);
    private final MessageDigest sha1 = digest("SHA-1");
    private final MessageDigest sha256 = digest("SHA-256");
    private final Map<Long, String> days = new HashMap<>();

    private static MessageDigest digest(String name) {
        try {
            return MessageDigest.getInstance(name);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** uuid5 over the parts, joined by |. */
    String derived(String... parts) {
        sha1.update(namespace);
        byte[] hash = sha1.digest(String.join("|", parts).getBytes(StandardCharsets.UTF_8));
        hash[6] = (byte) ((hash[6] & 0x0f) | 0x50);
        hash[8] = (byte) ((hash[8] & 0x3f) | 0x80);
        char[] text = new char[36];
        int at = 0;
        for (int i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10) {
                text[at++] = '-';
            }
            text[at++] = HEX[(hash[i] >> 4) & 15];
            text[at++] = HEX[hash[i] & 15];
        }
        return new String(text);
    }

    byte[] sha256(byte[] first, byte[] second) {
        sha256.update(first);
        return sha256.digest(second);
    }

    byte[] sha256(byte[] all) {
        return sha256.digest(all);
    }

    static String hex(byte[] raw, int count) {
        char[] text = new char[2 * count];
        for (int i = 0; i < count; i++) {
            text[2 * i] = HEX[(raw[i] >> 4) & 15];
            text[2 * i + 1] = HEX[raw[i] & 15];
        }
        return new String(text);
    }

    static byte[] bytes(String hex) {
        byte[] raw = new byte[hex.length() / 2];
        for (int i = 0; i < raw.length; i++) {
            raw[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        }
        return raw;
    }

    /** Milliseconds UTC as RFC 3339 with milliseconds and Z. */
    static String instant(long ms) {
        var moment = Instant.ofEpochMilli(ms).atOffset(ZoneOffset.UTC);
        StringBuilder text = new StringBuilder(24);
        text.append(moment.getYear()).append('-');
        two(text, moment.getMonthValue()).append('-');
        two(text, moment.getDayOfMonth()).append('T');
        two(text, moment.getHour()).append(':');
        two(text, moment.getMinute()).append(':');
        two(text, moment.getSecond()).append('.');
        int part = (int) Math.floorMod(ms, 1000L);
        return text.append(part / 100).append(part / 10 % 10).append(part % 10).append('Z').toString();
    }

    private static StringBuilder two(StringBuilder text, int number) {
        return text.append((char) ('0' + number / 10)).append((char) ('0' + number % 10));
    }

    /** The ISO day of an instant in a timezone; remembered by the minute. */
    String day(long ms, ZoneId zone) {
        long minute = Math.floorDiv(ms, 60_000L);
        String known = days.get(minute);
        if (known == null) {
            if (days.size() > MINUTES_KEPT) {
                days.clear();
            }
            known = LocalDate.ofInstant(Instant.ofEpochSecond(minute * 60), zone).toString();
            days.put(minute, known);
        }
        return known;
    }

    /** The right seal of a record: HMAC-SHA256 over the length-prefixed topic, key and value. */
    static final class Seal {
        private final Mac mac;
        private final byte[] topic;

        Seal(String secretHex, String topic) {
            try {
                mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(bytes(secretHex), "HmacSHA256"));
            } catch (GeneralSecurityException impossible) {
                throw new IllegalStateException(impossible);
            }
            this.topic = topic.getBytes(StandardCharsets.UTF_8);
        }

        boolean fits(byte[] key, byte[] value, String said) {
            part(topic);
            part(key);
            part(value);
            byte[] right = hex(mac.doFinal(), 32).getBytes(StandardCharsets.US_ASCII);
            return MessageDigest.isEqual(right, said.getBytes(StandardCharsets.US_ASCII));
        }

        private void part(byte[] part) {
            mac.update(ByteBuffer.allocate(4).putInt(0, part.length));
            mac.update(part);
        }
    }
}
