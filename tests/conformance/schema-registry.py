#!/usr/bin/env python3
"""Reads every sample of an event as a consumer of the topic does: with Confluent's own client and deserialiser, which ask
the registry at URL for the schema that the record's header names. One line per sample, exit 1 on any failure."""

import json
import pathlib
import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

TOPIC = "daybook.events.v1"
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "event-schemas"


def read(client: SchemaRegistryClient, entry: dict) -> None:
    """Reads the sample of a registered version in every way there is."""
    name = f"{entry['context']}/{entry['eventType']}.v{entry['schemaVersion']}.json"
    text = (FOLDER / "schemas" / name).read_text()
    payload = (FOLDER / "samples" / name).read_bytes()
    header = b"\x01" + uuid.UUID(entry["guid"]).bytes
    context = SerializationContext(TOPIC, MessageField.VALUE, [("__value_schema_id", header)])
    latest = {"use.latest.version": True, "subject.name.strategy": topic_record_subject_name_strategy}
    for settings in ({}, latest):
        deserialise = JSONDeserializer(None, schema_registry_client=client, conf=settings)
        assert deserialise(payload, context) == json.loads(payload)
        try:
            deserialise(b'"not an object"', context)
        except SerializationError:
            pass
        else:
            raise AssertionError("a payload that does not fit is accepted")
    # The prefix of older producers works too.
    prefix = b"\x00" + entry["id"].to_bytes(4, "big")
    bare = SerializationContext(TOPIC, MessageField.VALUE, [])
    deserialise = JSONDeserializer(None, schema_registry_client=client)
    assert deserialise(prefix + payload, bare) == json.loads(payload)
    subject = entry["subject"]
    for schema in (client.get_schema(entry["id"]), client.get_schema_by_guid(entry["guid"])):
        assert (schema.schema_type, schema.schema_str) == ("JSON", text)
    registered = client.get_version(subject, entry["revision"])
    assert (registered.schema_id, registered.guid) == (entry["id"], entry["guid"])
    assert client.get_latest_version(subject).schema_id == entry["id"]
    assert entry["revision"] in client.get_versions(subject)
    assert client.lookup_schema(subject, Schema(text, "JSON")).version == entry["revision"]
    assert subject in client.get_subjects()
    assert client.get_compatibility(subject) == "FORWARD_TRANSITIVE"


def refuses(client: SchemaRegistryClient, subject: str) -> None:
    """The client knows the answers to what there is not."""
    for code, ask in (
        (40401, lambda: client.get_latest_version("nothing")),
        (40402, lambda: client.get_version(subject, 99)),
        (40403, lambda: client.get_schema_by_guid(str(uuid.UUID(int=0)))),
        (42205, lambda: client.register_schema(subject, Schema("{}", "JSON"))),
    ):
        try:
            ask()
        except SchemaRegistryError as error:
            assert error.error_code == code, error
        else:
            raise AssertionError(f"expected the error {code}")


def main() -> int:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} URL", file=sys.stderr)
        return 2
    lock = json.loads((FOLDER / "schemas" / "lock.json").read_text())["schemas"]
    # The newest revision of each event's subject: samples are of those.
    newest = {entry["subject"]: entry for entry in lock if entry["subject"].startswith(TOPIC + "-")}
    passed = failed = 0
    with SchemaRegistryClient({"url": sys.argv[1]}) as client:
        checks = [(subject, lambda entry=entry: read(client, entry)) for subject, entry in newest.items()]
        checks.append(("what there is not", lambda: refuses(client, lock[0]["subject"])))
        for name, check in checks:
            try:
                check()
            except (AssertionError, SchemaRegistryError, SerializationError) as error:
                failed += 1
                print(f"FAIL  {name}: {error!r}")
            else:
                passed += 1
                print(f"ok    {name}")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed == len(newest) + 1 else 1


if __name__ == "__main__":
    sys.exit(main())
