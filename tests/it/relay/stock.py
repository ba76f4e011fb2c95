#!/usr/bin/env python3
"""Reads a topic from its beginning with Confluent's own client, committed records only: stock.py BROKERS TOPIC. A line of
JSON per record, at once. When standard input ends it reads on to where the topic ends by then, and ends."""

import hashlib
import json
import sys
import threading

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition


def main() -> int:
    if len(sys.argv) != 3:
        print(f"usage: {sys.argv[0]} BROKERS TOPIC", file=sys.stderr)
        return 2
    brokers, topic = sys.argv[1:]
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "stock",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    partitions = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in consumer.list_topics(topic).topics[topic].partitions]
    consumer.assign(partitions)
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    # Where each partition ended when its end was last reached, and where it must end.
    reached, ends = {}, None
    while ends is None or any(reached.get(number, -1) < end for number, end in ends.items()):
        record = consumer.poll(0.1)
        if record is not None and record.error():
            assert record.error().code() == KafkaError._PARTITION_EOF, record.error()
            reached[record.partition()] = record.offset()
        elif record is not None:
            headers = dict(record.headers())
            line = {
                "partition": record.partition(),
                "offset": int(headers["ce_offset"]),
                "id": headers["ce_id"].decode(),
                "key": record.key().decode(),
                "sha256": hashlib.sha256(record.value()).hexdigest(),
            }
            print(json.dumps(line), flush=True)
        if ends is None and told.is_set():
            ends = {at.partition: consumer.get_watermark_offsets(at)[1] for at in partitions}
    consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
