"""Makes `jars.txt` anew: `python -m deploy.embedded.relock`. For maintainers, when Kafka's version changes.

Resolves Kafka's dependencies with jgo, downloads every jar and writes its SHA-256. The adapter from slf4j to
log4j is resolved apart: named together with Kafka, jgo takes log4j's managed versions for everything, and the
broker fails.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from jgo.maven import MavenContext
from rich.console import Console

from deploy.embedded.cache import repositories
from deploy.embedded.jars import KAFKA_VERSION, LOCK_FILE, sha256_of

_ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
_HEADER = f"""\
# The jars of Apache Kafka {KAFKA_VERSION}: SHA-256, bytes, Maven coordinates. No other jar is ever started.
# Made by `python -m deploy.embedded.relock`.
"""


def main() -> None:
    """Resolve, download, hash and write."""
    lines: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        remote = {f"repository-{number}": address for number, address in enumerate(repositories())}
        context = MavenContext(repo_cache=Path(folder), remote_repos=remote, timeout=30)
        for root in _ROOTS:
            inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
            for dependency in [*inputs, *transitive]:
                file = dependency.artifact.resolve()
                name = f"{dependency.groupId}:{dependency.artifactId}"
                line = f"{sha256_of(file)} {file.stat().st_size:>9} {name}:{dependency.version}"
                if lines.setdefault(name, line) != line:
                    raise SystemExit(f"two versions of {name}: {lines[name]} and {line}")
    LOCK_FILE.write_text(_HEADER + "".join(f"{lines[name]}\n" for name in sorted(lines)), encoding="utf-8")
    Console().print(f"{len(lines)} jars written to {LOCK_FILE.name}")


if __name__ == "__main__":
    main()
