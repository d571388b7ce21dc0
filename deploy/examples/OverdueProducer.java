import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * How a core banking system publishes to Parley: plain kafka-clients, nothing else. Copy it.
 *
 * <p>Four things matter:
 * <ol>
 *   <li>The record key is the customer number. All facts of a customer then lie on one partition, in order.
 *   <li>The partitioner is the client's default (murmur2 of the key): do not set another one, and do not
 *       choose the partition yourself. Records on the wrong partition are dead-lettered.
 *   <li>acks=all and an idempotent producer: what send() has acknowledged is never lost.
 *   <li>When everything of a day is acknowledged, close the day on <em>every</em> partition, by its number,
 *       every calendar day. Business time moves by this message alone.
 * </ol>
 *
 * <p>ce_source with ce_id identifies a fact for good: publishing it again (a repeated batch run) changes nothing.
 *
 * <p>Usage: java -cp kafka-clients.jar:slf4j-api.jar:. OverdueProducer BOOTSTRAP CUSTOMER DATE
 */
public final class OverdueProducer {
    private static final String TOPIC = "bank.events";
    private static final String SOURCE = "/bank/core";

    private OverdueProducer() {}

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: OverdueProducer BOOTSTRAP CUSTOMER DATE");
            System.exit(2);
        }
        String customer = args[1];
        LocalDate day = LocalDate.parse(args[2]);
        try (Producer<String, byte[]> producer = new KafkaProducer<>(settings(args[0]))) {
            RecordMetadata at = producer.send(overdue(customer, day)).get();
            System.out.println("overdue on partition " + at.partition() + " at offset " + at.offset());
            closeDay(producer, day);
            System.out.println("closed " + day);
        }
    }

    static Properties settings(String bootstrap) {
        Properties settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
        settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class.getName());
        return settings;
    }

    /** One account of the customer is overdue. Amounts are strings; the contract is in deploy/schemas/bank. */
    static ProducerRecord<String, byte[]> overdue(String customer, LocalDate day) {
        String account = customer + "-A1";
        String json = "{"
                + "\"account_id\": \"" + account + "\","
                + "\"as_of\": \"" + day + "\","
                + "\"product\": \"cn-card\","
                + "\"kind\": \"card\","
                + "\"days_past_due\": 35,"
                + "\"outstanding\": " + balances("18250.40", "312.75", "0.00", "91.25") + ","
                + "\"overdue\": " + balances("1825.04", "312.75", "0.00", "91.25") + ","
                + "\"annual_rate_pct\": \"18.25\","
                + "\"contract_date\": \"2024-05-17\","
                + "\"contractual_payment\": " + money("1825.04") + ","
                + "\"language\": \"zh\","
                + "\"name\": {\"value\": \"示例客户\"}"
                + "}";
        // Derived from the fact, never random: a second run of the same batch gives the same id.
        String id = "overdue/" + account + "/" + day;
        OffsetDateTime time = day.atTime(18, 0).atOffset(ZoneOffset.ofHours(8));
        return event("parley.bank.account.overdue.v1", id, time, null, customer, json);
    }

    /** Everything of the day is acknowledged: say so on every partition, by number. Saying it twice is harmless. */
    static void closeDay(Producer<String, byte[]> producer, LocalDate day) throws Exception {
        producer.flush();
        OffsetDateTime time = day.atTime(23, 59, 59).atOffset(ZoneOffset.ofHours(8));
        int partitions = producer.partitionsFor(TOPIC).size();
        List<Future<RecordMetadata>> acknowledgements = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            String json = "{\"day\": \"" + day + "\"}";
            acknowledgements.add(producer.send(
                    event("parley.bank.day.closed.v1", "day/" + day, time, partition, "day", json)));
        }
        for (Future<RecordMetadata> acknowledgement : acknowledgements) {
            acknowledgement.get();
        }
    }

    /** A CloudEvent in binary mode: attributes in headers, data as the value. */
    private static ProducerRecord<String, byte[]> event(
            String type, String id, OffsetDateTime time, Integer partition, String key, String json) {
        ProducerRecord<String, byte[]> record =
                new ProducerRecord<>(TOPIC, partition, key, json.getBytes(StandardCharsets.UTF_8));
        header(record, "ce_specversion", "1.0");
        header(record, "ce_type", type);
        header(record, "ce_source", SOURCE);
        header(record, "ce_id", id);
        header(record, "ce_time", time.format(DateTimeFormatter.ISO_OFFSET_DATE_TIME));
        header(record, "content-type", "application/json");
        return record;
    }

    private static void header(ProducerRecord<String, byte[]> record, String name, String value) {
        record.headers().add(name, value.getBytes(StandardCharsets.UTF_8));
    }

    private static String balances(String principal, String interest, String fees, String lateCharges) {
        return "{\"principal\": " + money(principal)
                + ", \"interest\": " + money(interest)
                + ", \"fees\": " + money(fees)
                + ", \"late_charges\": " + money(lateCharges) + "}";
    }

    /** A decimal string and its currency, never a JSON number. */
    private static String money(String amount) {
        return "{\"amount\": \"" + amount + "\", \"currency\": \"CNY\"}";
    }
}
