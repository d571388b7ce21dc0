"""Every command in README.md, run as it stands there, on a small scale where it would take long.

The README's shell blocks are read; a command that this file does not know how to run is a failure.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SMALL_DEMO = "parley demo --customers 6 --months 2 --data var/demo"
ACCOUNTS = "card_accounts_taiwan_2005.toml"
TIMEOUT = 240


def commands() -> list[str]:
    """Give every command of the README's shell blocks, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def environment(**more: str) -> dict[str, str]:
    """Give a new user's environment: nothing of ours but the path to the virtual environment."""
    names = {"PARLEY_DATA", "KAFKA_BOOTSTRAP", "MONGODB_URI"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200", **more}


class Folder:
    """A new user's folder, with the project's `deploy` beside it as in a clone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "deploy").symlink_to(ROOT / "deploy")
        self.outputs: dict[str, str] = {}

    def run(self, command: str, **more: str) -> str:
        done = subprocess.run(
            command.split(), cwd=self.path, env=environment(**more), capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        self.outputs[command] = done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("newcomer"))


@pytest.fixture(scope="module")
def demo(folder: Folder) -> str:
    """The demo's folder, lived once; gives one case id."""
    output = folder.run(SMALL_DEMO)
    assert "Digest of outcomes and amounts" in output
    listed = json.loads(folder.run("parley cases --data var/demo --json"))
    assert len(listed) >= 6
    return str(max(listed, key=lambda row: len(row["reached"]))["case"])


@pytest.fixture
def platform(folder: Folder) -> Iterator[dict[str, str]]:
    """`parley up` in the background; gives the addresses it prints. Stopped by Ctrl-C, cleanly."""
    running = subprocess.Popen(
        ["parley", "up"], cwd=folder.path, env=environment(PARLEY_PARTITIONS="2"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    said: list[str] = []
    for line in running.stdout:
        said.append(line)
        found = re.search(r"Kafka (\S+?),\s+database (\S+?),", line)
        if found:
            break
    else:
        pytest.fail("parley up ended: " + "".join(said))
    yield {"KAFKA_BOOTSTRAP": found[1], "MONGODB_URI": found[2]}
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 0, "".join(said) + rest


def test_every_command_of_the_readme_is_run_here() -> None:
    known = {
        "make demo", "make test", "parley doctor", "parley up", "parley run offer", "parley policy check",
        "parley policy show cn-card", "parley offer --example", "parley day close 2026-01-31",
        f"parley publish accounts.csv --mapping deploy/mappings/{ACCOUNTS}",
        *(f"parley {command} --data var/demo" for command in ("cases", "case CASE", "trace CASE", "check")),
        "parley report --data var/demo",
        "parley evidence CASE -o case.zip --data var/demo",
        "parley verify case.zip --key var/demo/keys/lender.pub",
        *(f"parley dead {command} --data var/demo" for command in ("list", "held")),
            "parley staff list --data var/demo",
    }  # fmt: skip
    assert set(commands()) == known


def test_the_two_commands_are_targets_and_ci_runs_the_tests() -> None:
    targets = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^\s+demo ", targets, flags=re.MULTILINE)
    assert re.search(r"^\s+test ", targets, flags=re.MULTILINE)
    assert "parley demo" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.kafka
def test_the_demos_cases_can_be_read_when_nothing_runs(folder: Folder, demo: str) -> None:
    assert demo in folder.run("parley cases --data var/demo")
    narrow = folder.run("parley cases --data var/demo", COLUMNS="80")
    assert demo[:8] in narrow
    assert demo not in narrow
    story = folder.run(f"parley case {demo} --data var/demo")
    assert "intake" in story
    assert "whole" in story
    tree = folder.run(f"parley trace {demo} --data var/demo")
    for service in ("intake", "assessment", "offer"):
        assert service in tree
    assert "no dead letters" in folder.run("parley dead list --data var/demo").lower()
    assert "n-chen" in folder.run("parley staff list --data var/demo")
    assert "nothing is parked" in folder.run("parley dead held --data var/demo").lower()
    folder.run(f"parley evidence {demo} -o case.zip --data var/demo")
    proven = folder.run("parley verify case.zip --key var/demo/keys/lender.pub")
    assert "complete and untouched" in proven
    piped = "parley evidence CASE -o - --data var/demo > piped.zip".replace("CASE", demo)
    subprocess.run(piped, cwd=folder.path, env=environment(), shell=True, check=True, timeout=TIMEOUT)  # noqa: S602
    assert "complete and untouched" in folder.run("parley verify piped.zip --key var/demo/keys/lender.pub")
    checks = json.loads(folder.run("parley check --data var/demo --json"))
    assert {row["check"] for row in checks} >= {"accounting", "sequences", "money", "open cases"}
    assert all(row["wrong"] == 0 for row in checks)
    assert all(row["looked_at"] > 0 for row in checks)
    figures = json.loads(folder.run("parley report --data var/demo --json"))["figures"]
    assert {"plans", "incentives", "borrowers"} <= {row["group"] for row in figures}


@pytest.mark.kafka
def test_a_bank_publishes_a_file_and_closes_a_day(folder: Folder, platform: dict[str, str]) -> None:
    months = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
    amounts = [f"{name}{n}" for name in ("BILL_AMT", "PAY_AMT") for n in range(1, 7)]
    head = [
        "ID",
        "LIMIT_BAL",
        "SEX",
        "EDUCATION",
        "MARRIAGE",
        "AGE",
        *months,
        *amounts,
        "default.payment.next.month",
    ]
    rows = [
        [str(n), "100000", "1", "2", "1", "40", "2", *["0"] * 5, *["50000"] * 6, *["2000"] * 6, "1"]
        for n in (1, 2)
    ]
    (folder.path / "accounts.csv").write_text(
        "\n".join(",".join(row) for row in [head, *rows]), encoding="utf-8"
    )
    published = folder.run(f"parley publish accounts.csv --mapping deploy/mappings/{ACCOUNTS}")
    assert "2" in published
    folder.run("parley day close 2026-01-31")
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        listed = subprocess.run(
            ["parley", "cases", "--json"], cwd=folder.path, env=environment(), capture_output=True, text=True,
            check=False,
        ).stdout  # fmt: skip
        if listed.startswith("[") and len(json.loads(listed)) == 2:
            return
        time.sleep(0.5)
    pytest.fail(f"the published accounts became no cases: {listed}")


@pytest.mark.kafka
def test_one_service_runs_by_itself(folder: Folder, platform: dict[str, str]) -> None:
    replica = subprocess.Popen(
        ["parley", "run", "offer"], cwd=folder.path,
        env=environment(PARLEY_PARTITIONS="2", PARLEY_LOG_FORMAT="json", **platform),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert replica.stdout is not None
    for line in replica.stdout:
        if '"running"' in line:
            break
    else:
        pytest.fail("parley run offer ended by itself")
    replica.send_signal(signal.SIGTERM)
    assert replica.wait(timeout=60) == 0


@pytest.mark.kafka
def test_the_commands_that_need_no_server(folder: Folder) -> None:
    assert "packs can be used" in folder.run("parley policy check")
    assert "term.max_months" in folder.run("parley policy show cn-card")
    assert "Plan 1" in folder.run("parley offer --example")
    folder.run("parley doctor")
