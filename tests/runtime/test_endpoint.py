"""/live, /ready and /lag as an orchestrator asks for them, `parley health`, and the thread of last resort."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from shared.runtime.backlog import Behind
from shared.runtime.endpoint import Endpoint
from shared.runtime.health import Standing, Trouble
from shared.runtime.monitor import Report
from shared.runtime.ports import FatalError
from shared.runtime.pulse import State
from shared.runtime.watchdog import STALLED, Sentinel, StalledError, Watchdog

LOOPBACK = "127.0.0.1"
BEHIND = Behind(3, {"intake.events": 7, "desk.events": 0}, (), 12.34567)
WORKING = Standing("offer", State.WORKING, (BEHIND,), {3: ("agreement",)})
STUCK = Standing(
    "offer", State.WORKING, (BEHIND,), {}, (Trouble("offer", "desk.events has brought nothing", 3, 90.0),)
)


class Process:
    """What a process would report."""

    def __init__(self) -> None:
        self.report = Report()


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def endpoint(process: Process) -> Iterator[Endpoint]:
    with Endpoint(LOOPBACK, 0, lambda: process.report, live_seconds=3600) as endpoint:
        yield endpoint


def ask(endpoint: Endpoint, path: str) -> tuple[int, Any]:
    connection = HTTPConnection(LOOPBACK, endpoint.port, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "application/json"
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_it_does_not_say_what_it_is_made_of_and_ends_with_its_process(process: Process) -> None:
    with Endpoint(LOOPBACK, 0, lambda: process.report, live_seconds=3600) as endpoint:
        connection = HTTPConnection(LOOPBACK, endpoint.port, timeout=30)
        connection.request("GET", "/live")
        assert connection.getresponse().headers["Server"].strip() == "parley"
        connection.close()
    endpoint._thread.join(30)
    assert not endpoint._thread.is_alive()


def test_it_is_not_ready_before_the_first_look(endpoint: Endpoint) -> None:
    assert ask(endpoint, "/ready") == (
        503,
        {"ready": False, "services": {}, "reasons": [{"why": "starting"}]},
    )


def test_it_is_ready_and_says_how_far_behind_it_is(endpoint: Endpoint, process: Process) -> None:
    process.report = Report((WORKING,))
    assert ask(endpoint, "/ready?verbose") == (
        200,
        {"ready": True, "services": {"offer": "working"}, "reasons": []},
    )
    assert ask(endpoint, "/lag") == (
        200,
        [
            {
                "service": "offer",
                "partition": 3,
                "lag": 7,
                "by_topic": {"desk.events": 0, "intake.events": 7},
                "oldest_seconds": 12.346,
                "waits_for": ["agreement"],
            }
        ],
    )


def test_what_is_wrong_is_said_by_server_service_and_partition(endpoint: Endpoint, process: Process) -> None:
    process.report = Report((STUCK,), silent=("database",))
    status, said = ask(endpoint, "/ready")
    assert status == 503
    assert said["reasons"] == [
        {"server": "database", "why": "does not answer"},
        {"service": "offer", "partition": 3, "why": "desk.events has brought nothing"},
    ]


def test_it_lives_while_the_loop_turns(endpoint: Endpoint, process: Process) -> None:
    endpoint.turned()
    assert ask(endpoint, "/live")[0] == 200
    with Endpoint(LOOPBACK, 0, lambda: process.report, live_seconds=0) as hung:
        status, said = ask(hung, "/live")
    assert (status, said["live"]) == (503, False)


def test_other_paths_are_not_found(endpoint: Endpoint) -> None:
    assert ask(endpoint, "/metrics")[0] == 404


def test_a_client_that_says_nothing_holds_nobody_up(endpoint: Endpoint) -> None:
    with socket.create_connection((LOOPBACK, endpoint.port)):
        assert ask(endpoint, "/live")[0] == 200


def test_an_address_that_is_taken_is_named(endpoint: Endpoint, process: Process) -> None:
    with pytest.raises(FatalError, match=f"PARLEY_HEALTH_PORT={endpoint.port}: cannot listen there"):
        Endpoint(LOOPBACK, endpoint.port, lambda: process.report, live_seconds=1)


# -- parley health -----------------------------------------------------------------------------------------


def health(*options: str, **env: str) -> Result:
    return CliRunner().invoke(app, ["health", *options], env=env)


def test_the_command_asks_the_processs_own_port(endpoint: Endpoint, process: Process) -> None:
    process.report = Report((WORKING,))
    done = health(PARLEY_HEALTH_PORT=str(endpoint.port), PARLEY_HEALTH_HOST="0.0.0.0")  # noqa: S104
    assert (done.exit_code, done.stdout) == (0, "ready\n")


def test_the_command_fails_and_says_why(endpoint: Endpoint, process: Process) -> None:
    process.report = Report((STUCK,), silent=("Kafka",))
    done = health("--url", f"http://{LOOPBACK}:{endpoint.port}/ready")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Kafka: does not answer",
        "offer partition 3: desk.events has brought nothing",
    ]
    as_json = health("--json", "--url", f"http://{LOOPBACK}:{endpoint.port}/ready")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["ready"] is False


def test_the_command_may_ask_whether_it_lives(endpoint: Endpoint) -> None:
    done = health("--url", f"http://{LOOPBACK}:{endpoint.port}/live")
    assert (done.exit_code, done.stdout) == (0, "live\n")


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("ftp://x/ready", 2, "does not begin with http"),
        (f"http://{LOOPBACK}:1/ready", 1, "does not answer"),
        ("http://{}/lag", 1, "says nothing of readiness"),
        ("http://{}/other", 1, "answers 404"),
    ],
)
def test_the_command_names_what_it_cannot_ask(endpoint: Endpoint, url: str, code: int, words: str) -> None:
    done = health("--url", url.format(f"{LOOPBACK}:{endpoint.port}"))
    assert done.exit_code == code
    assert words in done.stderr


def test_the_command_needs_a_port() -> None:
    done = health(PARLEY_HEALTH_PORT="")
    assert done.exit_code == 1
    assert "PARLEY_HEALTH_PORT" in done.stderr


# -- the end -----------------------------------------------------------------------------------------------


def test_the_watchdog_judges_only_while_the_servers_answer() -> None:
    watchdog = Watchdog(60)
    watchdog.judge([STUCK], servers_answer=False)
    watchdog.judge([WORKING], servers_answer=True)
    Watchdog(90).judge([STUCK], servers_answer=True)
    with pytest.raises(StalledError, match=r"offer partition 3 is stuck: desk.events .*; run: parley doctor"):
        watchdog.judge([STUCK], servers_answer=True)


class Ended:
    """Notes the exit code that would have ended the process."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.event = threading.Event()

    def __call__(self, code: int) -> None:
        self.code = code
        self.event.set()


def test_a_loop_that_does_not_turn_any_more_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    ended = Ended()
    with Sentinel(0.1, end=ended) as sentinel:
        sentinel.watch(lambda: {"offer": {"write": 3.5}})
        sentinel.turned()
        assert ended.event.wait(60)
    assert ended.code == STALLED
    assert "the event loop does not turn; under way: {'offer': {'write': 3.5}}" in caplog.text


def test_an_end_that_does_not_come_is_made(caplog: pytest.LogCaptureFixture) -> None:
    ended = Ended()
    with Sentinel(2.0, end=ended) as sentinel:
        sentinel.expect_the_end(0.1)
        assert ended.event.wait(60)
    assert ended.code == STALLED
    assert "it does not come to its end" in caplog.text


def test_who_leaves_is_watched_no_more() -> None:
    ended = Ended()
    with Sentinel(2.0, end=ended) as sentinel:
        sentinel.turned()
    assert not sentinel._thread.is_alive()
    assert ended.code is None


class Looks:
    """Stands for the sentinel's event: it is set after `number` looks; `between` runs before each."""

    def __init__(self, number: int, between: Any) -> None:
        self._left = number
        self._between = between

    def wait(self, _seconds: float) -> bool:
        self._left -= 1
        self._between()
        return self._left < 0


@pytest.mark.parametrize("turning", [True, False])
def test_a_loop_that_turns_or_has_not_begun_is_left_alone(turning: bool) -> None:
    ended = Ended()
    sentinel = Sentinel(60, end=ended)
    sentinel._left = Looks(100, sentinel.turned if turning else lambda: None)  # type: ignore[assignment]
    sentinel._watch()
    assert ended.code is None


@pytest.mark.parametrize(("seconds", "looks"), [(6.0, 2), (7.0, 3), (0.0, 1)])
def test_an_end_has_the_time_that_it_was_given_and_one_look_at_least(seconds: float, looks: int) -> None:
    ended, taken = Ended(), 0

    def look() -> None:
        nonlocal taken
        taken += 1

    sentinel = Sentinel(60, end=ended)  # a look every three seconds
    sentinel._left = Looks(100, look)  # type: ignore[assignment]
    sentinel.expect_the_end(seconds)
    sentinel._watch()
    assert (ended.code, taken) == (STALLED, looks)
