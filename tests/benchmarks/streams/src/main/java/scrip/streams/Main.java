package scrip.streams;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The redemption worker in Kafka Streams, exactly_once_v2.
 *
 * <p>Arguments: bootstrap, application id, input topic, tuned|default, threads, folder of state,
 * policy (JSON) and seal keys (JSON, as the worker has them). Output topics are the application id
 * followed by .events and .replies. It runs until it is asked to end.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        String application = arguments[1];
        boolean tuned = arguments[3].equals("tuned");
        JsonNode policy = Json.MAPPER.readTree(Files.readAllBytes(Path.of(arguments[6])));
        Terms terms = new Terms(policy, 1);
        JsonNode keys = Json.MAPPER.readTree(Files.readAllBytes(Path.of(arguments[7])));
        Topology topology = topology(application, arguments[2], tuned, terms, keys);
        KafkaStreams streams = new KafkaStreams(topology, settings(arguments, tuned));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(fault -> {
            fault.printStackTrace();
            ended.countDown();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
        ended.await();
        System.exit(1);
    }

    private static Topology topology(
            String application, String input, boolean tuned, Terms terms, JsonNode keys) {
        Topology topology = new Topology();
        topology.addSource("commands", input);
        topology.addProcessor("decide", () -> new Redemption(terms, sealsOf(keys)), "commands");
        topology.addStateStore(store("balances", tuned), "decide");
        topology.addStateStore(store("memory", tuned), "decide");
        topology.addSink("events", application + ".events", "decide");
        topology.addSink("replies", application + ".replies", "decide");
        return topology;
    }

    private static Map<String, Ids.Seal> sealsOf(JsonNode keys) {
        Map<String, Ids.Seal> seals = new TreeMap<>();
        keys.fields().forEachRemaining(key -> {
            String secret = key.getValue().get("secret").asText();
            seals.put(key.getKey(), new Ids.Seal(secret, "scrip.redemption.commands.v1"));
        });
        return seals;
    }

    private static StoreBuilder<KeyValueStore<String, byte[]>> store(String name, boolean tuned) {
        KeyValueBytesStoreSupplier supplier = tuned
                ? Stores.inMemoryKeyValueStore(name) : Stores.persistentKeyValueStore(name);
        return Stores.keyValueStoreBuilder(supplier, Serdes.String(), Serdes.ByteArray())
                .withCachingEnabled().withLoggingEnabled(Map.of());
    }

    private static Properties settings(String[] arguments, boolean tuned) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[4]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[5]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        if (tuned) {
            settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 250);
            settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
            settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
            settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 1);
            settings.put(
                    StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG),
                    4 << 20);
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 << 10);
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 256L << 20);
        }
        return settings;
    }
}
