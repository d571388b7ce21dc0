"""Kafka: the one package that imports FastStream and aiokafka.

FastStream holds the connections, registers the subscriber, runs the consuming loop and publishes. What it
cannot do is done on the aiokafka objects that it wraps, and only there:

- *Its batch parser decodes headers of the whole batch*, so that one odd header kills it: our own parser and
  decoder hand over the raw records.
- *Its loop pushes, the engine pulls*: the handler waits until the engine asks for the next batch, so that no
  record is fetched ahead of a pause or a seek (`consumer`).
- *Its loop swallows errors of the client* and tries again for ever: they are picked up from its logger, which
  is ours, and raised to the engine.
- *It has no pause, no explicit commit and no offsets*: these go to `subscriber.consumer`.
- *Its headers are a dict of str*: a dead letter whose original headers are not text, or are given twice, goes
  through the producer that the broker wraps (`publisher`).
- *`publish_batch` ignores keys*: every record is published by itself, unconfirmed, and the acknowledgements
  are awaited together.
"""

from shared.runtime.kafka.consumer import KafkaConsumer
from shared.runtime.kafka.publisher import KafkaPublisher
from shared.runtime.settings import Settings

__all__ = ["KafkaConsumer", "KafkaLog", "KafkaPublisher"]


class KafkaLog:
    """The process's way to Kafka: consumers of its services, and one publisher that they share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._publisher = KafkaPublisher(settings)

    def consumer(self, group: str, client_id: str) -> KafkaConsumer:
        """Make a consumer that has not started yet."""
        return KafkaConsumer(self._settings, group, client_id)

    def publisher(self) -> KafkaPublisher:
        """Give the process's publisher; it connects with its first record."""
        return self._publisher

    async def close(self) -> None:
        """Close the publisher; consumers are stopped by their engines."""
        await self._publisher.close()
