"""The database: the one package that imports motor, PyMongo and BSON for writing (motor in `client` alone).

One collection per service and kind: `<service>.cases`, `.ids`, `.links`, `.parked`, `.positions`, `.keys`.
Only plain CRUD, unordered bulk writes, indexes and one small aggregation, so that it holds on every server of
the protocol.

Three habits are for the embedded database's planner and harmless elsewhere: a range on a day is closed on
both sides (`> ""`), which lets the partial indexes serve it; no query is hinted; and a write's filter says of
all but the id that it is "not unequal", or the planner looks through every index before it takes the id's.
"""

from __future__ import annotations

from shared.runtime.mongo.client import client_options
from shared.runtime.mongo.reading import read_documents
from shared.runtime.mongo.store import MongoStore

__all__ = ["MongoStore", "client_options", "read_documents"]
