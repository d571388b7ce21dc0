"""`parley health`: ask a running process whether it is ready; what a container's health check runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli.common import JsonFlag, fail, stdout

__all__ = ["health"]

_SECONDS = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask what listens everywhere
_NOT_READY = 503


def health(
    url: Annotated[
        str | None,
        typer.Option(
            help="The endpoint to ask; /ready of PARLEY_HEALTH_HOST and PARLEY_HEALTH_PORT if unset."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a process of `parley run` whether it is ready. Exit code 0: it is; 1: it is not, and why."""
    answer = _ask(url or _own_url())
    if as_json:
        import orjson

        stdout.print_json(orjson.dumps(answer).decode())
    ready = answer.get("ready", answer.get("live"))
    if ready:
        if not as_json:
            stdout.print("ready" if "ready" in answer else "live")
        return
    if not as_json:
        for reason in answer.get("reasons", []):
            where = " ".join(
                f"{name} {reason[name]}" if name == "partition" else str(reason[name])
                for name in ("server", "service", "partition")
                if name in reason
            )
            stdout.print(
                f"{where}: {reason['why']}".lstrip(": "), markup=False, highlight=False, soft_wrap=True
            )
    raise fail("not ready" if "ready" in answer else "not live")


def _own_url() -> str:
    from shared.runtime.settings import Settings, SettingsError

    try:
        settings = Settings.load()
    except SettingsError as error:
        raise fail(str(error), "Correct the environment and run it again.") from None
    if settings.health_port is None:
        raise fail(
            "PARLEY_HEALTH_PORT is not set: nothing is served", "Set it for the process, or give --url."
        )
    host = _EVERYWHERE.get(settings.health_host, settings.health_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.health_port}/ready"


def _ask(url: str) -> dict[str, Any]:
    """Give the answer of /ready or /live, whatever it says."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    if not url.startswith(("http://", "https://")):
        raise fail(f"--url: {url!r} does not begin with http:// or https://", code=2)
    try:
        try:
            with urlopen(url, timeout=_SECONDS) as response:  # noqa: S310 - its scheme is checked above
                found = json.load(response)
        except HTTPError as error:
            if error.code != _NOT_READY:
                raise fail(f"{url} answers {error.code}", "Ask for /ready or /live.") from None
            found = json.load(error)
    except (URLError, OSError, ValueError) as error:
        raise fail(
            f"{url} does not answer ({type(error).__name__})", "See whether the process runs."
        ) from None
    if not isinstance(found, dict) or not {"ready", "live"} & found.keys():
        raise fail(f"{url} says nothing of readiness", "Ask for /ready or /live.")
    return found
