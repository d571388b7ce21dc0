"""Run something with one line of the runtime changed: `python -m tests.simulation.mutate NAME sim|test …`.

The change is made while the module is imported; no file is written. Exit code 0: the mutant survived.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


class _Loader(importlib.machinery.SourceFileLoader):
    """Reads the source, changes it, and never takes or leaves a compiled file."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        path = self.get_filename(fullname)
        source = Path(path).read_text(encoding="utf-8")
        return compile(self._mutant.applied(source), path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = str(ROOT.joinpath(*fullname.split(".")).with_suffix(".py"))
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_Loader(fullname, file, self._mutant)
        )


def main(arguments: list[str]) -> int:
    """Run `sim …` (the simulation's own arguments) or `test …` (pytest's) under a mutant."""
    name, what, *rest = arguments
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    sys.meta_path.insert(0, _Finder(mutant))
    if what == "sim":
        from shared.runtime.simulation.__main__ import main as simulate

        return simulate(rest)
    import pytest

    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--no-header", *rest]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
