// Debezium's engine before a producer of Kafka: an outbox table on topics. What Daybook's relay is compared with; knows
// nothing of Daybook.
//
// Outbox PRODUCER: the file of the producer's properties. Then each line of the input is `FILE COUNT`: runs an engine with
// the properties of that file until so many records are acknowledged, and answers with a line. Ends with its input.

import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;

public final class Outbox
        implements DebeziumEngine.ChangeConsumer<RecordChangeEvent<SourceRecord>> {
    private final KafkaProducer<byte[], byte[]> producer;
    private final CountDownLatch done = new CountDownLatch(1);
    private final AtomicReference<Throwable> failed = new AtomicReference<>();
    private long left;

    private Outbox(KafkaProducer<byte[], byte[]> producer, long count) {
        this.producer = producer;
        this.left = count;
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        try (var producer =
                new KafkaProducer<>(
                        properties(arguments[0]),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (var line = input.readLine(); line != null; line = input.readLine()) {
                var words = line.split(" ");
                new Outbox(producer, Long.parseLong(words[1])).run(properties(words[0]));
                System.out.println("done");
            }
        }
    }

    private static Properties properties(String file) throws IOException {
        var properties = new Properties();
        try (var reader = new FileReader(file)) {
            properties.load(reader);
        }
        return properties;
    }

    private void run(Properties properties) throws Exception {
        // Whatever ended it: not before all was published, or it has failed.
        DebeziumEngine.CompletionCallback ended =
                (success, message, error) -> {
                    if (done.getCount() > 0) {
                        fail(error != null ? error : new IllegalStateException(message));
                    }
                };
        var engine =
                DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
                        .using(properties)
                        .using(ended)
                        .notifying(this)
                        .build();
        var thread = new Thread(engine, "engine");
        thread.start();
        done.await();
        if (failed.get() != null) {
            failed.get().printStackTrace();
            System.exit(1);
        }
        engine.close();
        thread.join();
    }

    private void fail(Throwable error) {
        failed.compareAndSet(null, error);
        done.countDown();
    }

    // As its own server does it: hands the batch to the client, waits for the answers, then marks it.
    @Override
    public void handleBatch(
            List<RecordChangeEvent<SourceRecord>> events,
            DebeziumEngine.RecordCommitter<RecordChangeEvent<SourceRecord>> committer)
            throws InterruptedException {
        for (var event : events) {
            producer.send(
                    record(event.record()),
                    (metadata, error) -> {
                        if (error != null) {
                            fail(error);
                        }
                    });
        }
        producer.flush();
        for (var event : events) {
            committer.markProcessed(event);
        }
        committer.markBatchFinished();
        left -= events.size();
        if (left <= 0) {
            done.countDown();
        }
    }

    private static ProducerRecord<byte[], byte[]> record(SourceRecord source) {
        var headers = new RecordHeaders();
        for (Header header : source.headers()) {
            // The engine's own notes are no part of the record.
            if (header.value() != null && !header.key().startsWith("__debezium")) {
                headers.add(header.key(), bytes(header.value()));
            }
        }
        return new ProducerRecord<>(
                source.topic(),
                source.kafkaPartition(),
                bytes(source.key()),
                bytes(source.value()),
                headers);
    }

    private static byte[] bytes(Object value) {
        if (value instanceof byte[] bytes) {
            return bytes;
        }
        if (value instanceof ByteBuffer buffer) {
            var bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return bytes;
        }
        return value.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }
}
