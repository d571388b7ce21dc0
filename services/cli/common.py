"""What the commands share: the data folder, the console, and how an error ends a command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

if TYPE_CHECKING:
    from shared.texts import Language

__all__ = [
    "DataDir",
    "JsonFlag",
    "PoliciesFolder",
    "data_dir",
    "fail",
    "guarded",
    "language_of",
    "stderr",
    "stdout",
]

T = TypeVar("T")

DEFAULT_DATA = Path("var/parley")

# Into a pipe or a file goes what a wide terminal shows: columns cut short are of use to nobody there.
_PIPE_WIDTH = 160

# A terminal or a locale that lacks characters (all Chinese in Latin-1) shows ? for them: a command that
# has done its work must not end in an encoding's error.
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, TextIOWrapper):
        _stream.reconfigure(errors="replace")

stdout = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH)
stderr = Console(stderr=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="PARLEY_DATA", help="Folder of the embedded servers.", show_default="var/parley"
    ),
]
PoliciesFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder", envvar="PARLEY_POLICIES", help="Folder of the packs; the built-in ones if unset."
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def data_dir(given: Path | None) -> Path:
    """Give the data folder: the option, then PARLEY_DATA, then var/parley."""
    return given or Path(os.environ.get("PARLEY_DATA", DEFAULT_DATA))


def language_of(lang: str) -> Language:
    """Give a language that texts exist in; ends the command for another one."""
    if lang == "zh":
        return "zh"
    if lang == "en":
        return "en"
    raise fail(f"--lang: {lang!r} is neither zh nor en", code=2)


def fail(problem: str, remedy: str = "", code: int = 1) -> typer.Exit:
    """Say what is wrong and what to do about it; the caller raises what is returned."""
    stderr.print(problem, style="bold red", markup=False, highlight=False, soft_wrap=True)
    if remedy:
        stderr.print(remedy, markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def guarded(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine; known failures end it with their words, Ctrl-C with code 130."""
    from deploy.embedded.errors import StartError
    from shared.policy.loader import PolicyError
    from shared.runtime.ports import FatalError, UnavailableError
    from shared.runtime.refused import RefusedError
    from shared.runtime.settings import SettingsError

    try:
        return asyncio.run(work())
    except (StartError, RefusedError) as error:
        raise fail(error.problem, error.remedy) from None
    except SettingsError as error:
        raise fail(str(error), "Correct the environment and run it again.") from None
    except FatalError as error:
        raise fail(str(error)) from None
    except UnavailableError as error:
        raise fail(
            f"A server does not answer: {error}",
            "See that it runs (`parley doctor`) and that KAFKA_BOOTSTRAP and MONGODB_URI name it.",
        ) from None
    except PolicyError as error:
        raise fail(str(error), "Correct the pack; `parley policy check` lists every problem.") from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
