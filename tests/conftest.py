"""Fixtures of the whole project: the real servers, and the rule that CI never skips them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from deploy.embedded.platform import Addresses
from deploy.embedded.testing import shared_servers
from tests.hanging import waiting_tasks
from tests.runtime.secured import SecureKafka, secure_kafka

_SKIPPED = "PARLEY_SKIP_KAFKA=1: the tests on real servers were left out"


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


# What is tried in CI is always the same, so that a change is judged by what it changed; elsewhere it is new
# every time, and what failed once is kept as a case of its own.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if _in_ci():
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """A real Kafka and database, started once for the test run (tests marked `kafka`)."""
    with shared_servers() as addresses:
        yield addresses


@pytest.fixture(scope="session")
def secured() -> Iterator[SecureKafka]:
    """A Kafka cluster as a bank runs it: three nodes, TLS, logins, rights; started once for the test run."""
    with secure_kafka() as cluster:
        yield cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=["with", "without"],
        help="only the tests on real servers, or only the others (which may run side by side: -n 2)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the half that `--servers` asks for; without it, everything."""
    half = config.getoption("--servers")
    if half is None:
        return
    left = [item for item in items if (item.get_closest_marker("kafka") is None) == (half == "with")]
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kafka") is not None and os.environ.get("PARLEY_SKIP_KAFKA") == "1":
        pytest.skip(_SKIPPED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test on real servers that was skipped, for whatever reason, fails in CI; what hangs says where."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and call.excinfo is not None and "Timeout (>" in str(call.excinfo.value):
        report.sections.append(("Tasks that wait", waiting_tasks()))
    if report.skipped and not hasattr(report, "wasxfail") and _in_ci() and item.get_closest_marker("kafka"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs the real servers and may not be skipped in CI"
    return report  # type: ignore[return-value]
