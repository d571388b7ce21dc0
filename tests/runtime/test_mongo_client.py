"""What the database's answers mean, and which command waits for the disk: without a server."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    OperationFailure,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.runtime.mongo import client as module
from shared.runtime.mongo.client import Connection, client_options, explain, only
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings

DURABLE, SENT = WriteConcern(w="majority", j=True), WriteConcern(w="majority")
DUPLICATE = 11000


def settings(**given: Any) -> Settings:
    return Settings.load(**{"database_seconds": 2.0, **given})


class Server:
    """Takes every write, but those at `refused` of all operations; `run` is another one after each start."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.commands: list[tuple[WriteConcern, int]] = []
        self.taken = 0
        self.refused: dict[int, int] = {}  # code by operation
        self.concern_errors: list[Any] = []
        self.syncs = 0
        self.closed = False
        self.run: Iterable[str] = iter(lambda: "one", None)
        self.raises: Exception | None = None
        self.admin = SimpleNamespace(command=self._command)

    def __getitem__(self, _name: str) -> Any:
        return SimpleNamespace(get_collection=lambda _n, **options: Collection(self, **options))

    def close(self) -> None:
        self.closed = True

    async def _command(self, name: str) -> dict[str, Any]:
        if self.raises is not None and name == "ping":
            raise self.raises
        return {"topologyVersion": {"processId": next(iter(self.run))}} if name == "hello" else {}


class Collection:
    def __init__(self, server: Server, read_concern: ReadConcern, write_concern: WriteConcern) -> None:
        self.server, self.read_concern, self.write_concern = server, read_concern, write_concern

    def with_options(self, write_concern: WriteConcern) -> Collection:
        return Collection(self.server, self.read_concern, write_concern)

    async def bulk_write(self, operations: list[Any], *, ordered: bool) -> None:
        assert not ordered, "one that is refused keeps no other from being written"
        server = self.server
        server.commands.append((self.write_concern, len(operations)))
        failed = [
            {"index": index, "code": server.refused[server.taken + index]}
            for index in range(len(operations))
            if server.taken + index in server.refused
        ]
        server.taken += len(operations)
        if failed or server.concern_errors:
            raise BulkWriteError({"writeErrors": failed, "writeConcernErrors": server.concern_errors})

    async def update_one(self, *_: Any, upsert: bool) -> None:
        assert self.write_concern == DURABLE
        assert upsert
        self.server.syncs += 1

    async def find_one(self, _query: Any) -> None:
        assert self.read_concern == ReadConcern("majority")
        if self.server.raises is not None:
            raise self.server.raises


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()

    def client(_uri: str, **options: Any) -> Server:
        made.options = options
        return made

    monkeypatch.setattr(module, "AsyncIOMotorClient", client)
    return made


def replaces(count: int) -> list[Any]:
    return [ReplaceOne({"_id": n}, {"_id": n}, upsert=True) for n in range(count)]


def inserts(count: int) -> list[Any]:
    return [InsertOne({"_id": n}) for n in range(count)]


# -- writing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "commands"),
    [
        (replaces(1), [(DURABLE, 1)]),
        (replaces(2), [(DURABLE, 2)]),
        ([*replaces(2), *inserts(5)], [(DURABLE, 7)]),
        (inserts(9), [(DURABLE, 9)]),
        (replaces(3), [(SENT, 2), (DURABLE, 1)]),
        ([*inserts(5), *replaces(3)], [(SENT, 7), (DURABLE, 1)]),
        ([], []),
    ],
)
async def test_the_last_of_many_writes_waits_for_the_disk_and_with_it_all_before_it(
    server: Server, operations: list[Any], commands: list[tuple[WriteConcern, int]]
) -> None:
    assert await Connection(settings())._write("offer", "cases", operations) == []
    assert server.commands == commands
    assert server.syncs == 0


async def test_who_was_overtaken_is_told_by_its_place_whichever_command_it_was_in(server: Server) -> None:
    server.refused = dict.fromkeys((0, 2, 4), DUPLICATE)
    assert await Connection(settings())._write("offer", "cases", replaces(5)) == [0, 2, 4]
    assert server.syncs == 1, "the last write was refused: another one makes the rest durable"


async def test_nothing_more_is_synced_where_the_last_write_was_done(server: Server) -> None:
    server.refused = {1: DUPLICATE}
    assert await Connection(settings())._write("offer", "cases", replaces(5)) == [1]
    assert server.syncs == 0


async def test_a_server_that_was_started_anew_between_two_commands_has_not_written(server: Server) -> None:
    server.run = iter(["one", "two"])
    with pytest.raises(UnavailableError, match="started anew"):
        await Connection(settings())._write("offer", "cases", replaces(3))


@pytest.mark.parametrize("codes", [{0: 50}, {0: DUPLICATE, 1: 50}])
async def test_any_other_refusal_is_an_outage(server: Server, codes: dict[int, int]) -> None:
    server.refused = codes
    with pytest.raises(UnavailableError, match=r"a bulk write failed \(codes \[50\]\)"):
        await Connection(settings())._write("offer", "cases", replaces(2))


async def test_what_the_majority_has_not_is_an_outage(server: Server) -> None:
    server.concern_errors = [{"code": 64}]
    with pytest.raises(UnavailableError, match="a bulk write failed"):
        await Connection(settings())._write("offer", "cases", replaces(2))


async def test_a_connection_that_breaks_is_an_outage(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: Any, **__: Any) -> None:
        raise AutoReconnect("gone")

    monkeypatch.setattr(Collection, "bulk_write", breaks)
    with pytest.raises(UnavailableError, match=r"cannot write offer\.cases \(AutoReconnect\)"):
        await Connection(settings())._write("offer", "cases", replaces(1))


# -- connecting ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [72, 148, 238])
async def test_without_majority_reads_it_reads_locally_and_says_so(
    server: Server, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    connection = Connection(settings())
    assert connection._collection("offer", "cases").read_concern == ReadConcern("majority")
    failure, ping = OperationFailure("no majority", code), server.admin.command

    async def command(name: str) -> Any:
        server.raises = None
        answer = await ping(name)
        server.raises = failure
        return answer

    server.admin = SimpleNamespace(command=command)
    with caplog.at_level(logging.WARNING):
        await connection.start()
    assert "does not support readConcern majority" in caplog.text
    assert connection._collection("offer", "cases").read_concern == ReadConcern("local")
    assert connection._collection("offer", "cases").write_concern == DURABLE


async def test_a_server_that_answers_is_read_with_majority(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    connection = Connection(settings())
    await connection.start()
    await connection.ping()
    assert connection._collection("offer", "cases").read_concern == ReadConcern("majority")
    assert caplog.text == ""
    await connection.close()
    assert server.closed


@pytest.mark.parametrize("call", ["start", "ping"])
async def test_who_is_not_let_in_is_told_and_who_is_not_there_is_an_outage(server: Server, call: str) -> None:
    connection = Connection(settings())
    server.raises = OperationFailure("auth", 18)
    with pytest.raises(FatalError, match=r"refuses this user to connect \(code 18\): check MONGODB_URI"):
        await getattr(connection, call)()
    server.raises = ServerSelectionTimeoutError("nobody")
    with pytest.raises(UnavailableError, match=r"cannot connect \(ServerSelectionTimeoutError\)"):
        await getattr(connection, call)()


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (OperationFailure("x", 13), FatalError, "refuses this user to read"),
        (AutoReconnect("x"), UnavailableError, "cannot read"),
    ],
)
async def test_a_right_that_is_missing_shows_at_the_first_read(
    server: Server, error: Exception, kind: type[Exception], told: str
) -> None:
    connection, ping = Connection(settings()), server.admin.command

    async def command(name: str) -> Any:
        server.raises = None
        answer = await ping(name)
        server.raises = error
        return answer

    server.admin = SimpleNamespace(command=command)
    with pytest.raises(kind, match=told):
        await connection.start()


def test_the_client_waits_as_long_as_is_set_and_repeats_no_write(server: Server) -> None:
    Connection(settings())
    assert server.options == client_options(settings())
    assert (server.options["serverSelectionTimeoutMS"], server.options["connectTimeoutMS"]) == (2000, 2000)
    assert server.options["socketTimeoutMS"] == 6000
    assert server.options["retryWrites"] is False


@pytest.mark.parametrize("error", [ConfigurationError("secret"), ValueError("secret")])
def test_an_address_that_is_none_is_not_repeated(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def client(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(module, "AsyncIOMotorClient", client)
    with pytest.raises(FatalError, match="MONGODB_URI is not valid") as told:
        Connection(settings())
    assert "secret" not in str(told.value)


# -- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (OperationFailure("Li Wei", 8000), FatalError, "refuses this user to count (code 8000)"),
        (ConfigurationError("Li Wei"), FatalError, "MONGODB_URI is not valid (ConfigurationError)"),
        (OperationFailure("Li Wei", 91), UnavailableError, "cannot count (OperationFailure, code 91)"),
        (OperationFailure("Li Wei"), UnavailableError, "cannot count (OperationFailure)"),
        (OSError("Li Wei"), UnavailableError, "cannot count (OSError)"),
    ],
)
def test_an_error_is_told_by_its_kind_and_never_by_its_text(
    error: Exception, kind: type[Exception], told: str
) -> None:
    found = explain(error, "count")
    assert type(found) is kind
    assert told in str(found)
    assert "Li Wei" not in str(found)


def test_what_was_explained_stays_as_it_is() -> None:
    known = UnavailableError("database: away")
    assert explain(known, "count") is known


def test_a_field_that_is_asked_for_must_not_differ() -> None:
    assert only("c", version=3) == {"_id": {"$eq": "c"}, "version": {"$not": {"$ne": 3}}}
