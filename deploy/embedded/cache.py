"""Where downloads are kept, and from which repository they come."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

_CENTRAL = "central"


def cache_dir(environ: Mapping[str, str] | None = None) -> Path:
    """`PARLEY_CACHE`, otherwise `parley` in the user's cache folder (`XDG_CACHE_HOME` or `~/.cache`)."""
    env = os.environ if environ is None else environ
    if env.get("PARLEY_CACHE"):
        return Path(env["PARLEY_CACHE"]).expanduser().absolute()
    base = Path(env["XDG_CACHE_HOME"]) if env.get("XDG_CACHE_HOME") else Path.home() / ".cache"
    return base.absolute() / "parley"


def repositories(environ: Mapping[str, str] | None = None, home: Path | None = None) -> list[str]:
    """Addresses of the Maven repositories to try, in order.

    `PARLEY_MAVEN_REPOSITORY` alone when it is set; otherwise the repositories of jgo's own configuration,
    then Maven Central or the mirror of it that the user's Maven settings name. Proxies, certificates and
    logins come from the usual places (HTTPS_PROXY, REQUESTS_CA_BUNDLE or SSL_CERT_FILE, ~/.netrc).
    """
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    env = os.environ if environ is None else environ
    if env.get("PARLEY_MAVEN_REPOSITORY"):
        return [env["PARLEY_MAVEN_REPOSITORY"].rstrip("/")]
    configured = dict(GlobalSettings.load().repositories)
    settings = (home or Path.home()) / ".m2" / "settings.xml"
    built_in = MavenContext().remote_repos[_CENTRAL]  # jgo knows the address; it is written down nowhere here
    central = configured.pop(_CENTRAL, None) or mirror_of_central(settings) or built_in
    return [address.rstrip("/") for address in [*configured.values(), central]]


def mirror_of_central(settings: Path) -> str | None:
    """The mirror of Maven Central that a Maven `settings.xml` names; None when there is none."""
    try:
        root = ET.fromstring(settings.read_text(encoding="utf-8"))  # noqa: S314 - the user's own file
    except (OSError, ET.ParseError, UnicodeDecodeError):
        return None
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        patterns = [part.strip() for part in (mirror.findtext("{*}mirrorOf") or "").split(",")]
        excluded = f"!{_CENTRAL}" in patterns
        address = (mirror.findtext("{*}url") or "").strip()
        if address and not excluded and {_CENTRAL, "*", "external:*"} & set(patterns):
            return address
    return None


def without_login(text: str) -> str:
    """`text` with the login of any address in it removed, for messages."""
    return re.sub(r"//[^/@\s'\"]+@", "//", text)
