"""How a core banking system in Python publishes to Parley: aiokafka alone, nothing of Parley. Copy it.

    python overdue_producer.py BOOTSTRAP CUSTOMER DATE

The same four rules as in OverdueProducer.java: the key is the customer number; the partition is murmur2 of
the key (aiokafka's default; with librdkafka set `partitioner=murmur2_random`); acks=all, idempotent; and when
the day's facts are acknowledged, the day is closed on every partition by its number.
"""

import asyncio
import json
import sys
from datetime import date

from aiokafka import AIOKafkaProducer

TOPIC = "bank.events"


def money(amount: str) -> dict[str, str]:
    """An amount on the wire: a decimal string, never a JSON number."""
    return {"amount": amount, "currency": "CNY"}


def headers(type_: str, id_: str, time: str) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 in binary mode. `ce_source` with `ce_id` identifies a fact for good."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_type": type_,
        "ce_source": "/bank/core",
        "ce_id": id_,
        "ce_time": time,
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in attributes.items()]


async def main(bootstrap: str, customer: str, day: date) -> None:
    """Publish one overdue account and close the day."""
    parts = dict.fromkeys(("interest", "fees", "late_charges"), money("0.00"))
    account = f"{customer}-A1"
    id_ = f"overdue/{account}/{day}"  # derived from the fact: a second run of the batch gives the same id
    overdue = {
        "account_id": account,
        "as_of": day.isoformat(),
        "product": "cn-card",
        "kind": "card",
        "days_past_due": 35,
        "outstanding": {"principal": money("18250.40"), **parts},
        "overdue": {"principal": money("1825.04"), **parts},
        "annual_rate_pct": "18.25",
        "contract_date": "2024-05-17",
    }
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        at = await producer.send_and_wait(
            TOPIC,
            key=customer.encode(),
            value=json.dumps(overdue).encode(),
            headers=headers("parley.bank.account.overdue.v1", id_, f"{day}T18:00:00+08:00"),
        )
        for partition in await producer.partitions_for(TOPIC):
            await producer.send_and_wait(
                TOPIC,
                partition=partition,
                value=json.dumps({"day": day.isoformat()}).encode(),
                headers=headers("parley.bank.day.closed.v1", f"day/{day}", f"{day}T23:59:59+08:00"),
            )
    finally:
        await producer.stop()
    sys.stdout.write(f"overdue on partition {at.partition} at offset {at.offset}\nclosed {day}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], date.fromisoformat(sys.argv[3])))
