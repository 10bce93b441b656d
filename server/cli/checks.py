"""What `affetto doctor` looks at beside speed: the machine, packages, weights, and what can be reached."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import httpx

from ...models.registry import EXTRAS
from ...models.store import Store
from ..serving import PortInUse, listen
from ..settings import Settings

REACH_S = 8.0
PROBE = "six"
"""A small package that every index has; only its list of versions is asked for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `mend` says what to do where it is not good. `needed` ones decide the exit status."""

    name: str
    good: bool
    found: str
    mend: str = ""
    needed: bool = False

    def record(self) -> dict[str, Any]:
        return asdict(self)


def machine() -> dict[str, Any]:
    """The machine as a report names it; memory in GiB, where the system tells."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {})
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if pages else None
    return {
        "affetto": metadata.version("affetto"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "memory_gib": round(memory, 1) if memory else None,
    }


def packages() -> list[Check]:
    """Installed packages of the core, and which extras could be used."""
    required = [r for r in metadata.requires("affetto") or [] if "extra ==" not in r]
    names = [requirement.split(">")[0].split("=")[0].split("[")[0].split(";")[0].strip() for requirement in required]
    missing = [name for name in names if not _version(name)]
    found = f"all {len(names)}" if not missing else f"missing: {', '.join(missing)}"
    checks = [Check("packages", not missing, found, "pip install affetto" if missing else "", needed=True)]
    for extra in dict.fromkeys(EXTRAS.values()):
        absent = [name for name, of in EXTRAS.items() if of == extra and find_spec(name) is None]
        said = "installed" if not absent else f"not installed ({', '.join(absent)})"
        checks.append(Check(f"extra {extra}", not absent, said, f"pip install 'affetto[{extra}]'" if absent else ""))
    return checks


def weights(store: Store, names: Iterable[str]) -> list[Check]:
    """Each asset that the settings need."""
    missing = set(store.missing(names))
    return [
        Check(
            f"weights {name}",
            name not in missing,
            f"{'pulled' if name not in missing else 'not pulled'} "
            f"({store.manifest.assets[name].size / 2**20:.0f} MiB, {store.manifest.assets[name].licence})",
            f"affetto pull {name}" if name in missing else "",
            needed=True,
        )
        for name in names
    ]


def reachable(settings: Settings, *, network: bool) -> list[Check]:
    """The port, the language model's endpoint where it is another's, and where weights come from."""
    checks = [_port(settings)]
    if settings.llm.backend == "openai" and (base := settings.llm.options.get("base_url")):
        checks.append(_answers("language model", f"{str(base).rstrip('/')}/models", needed=True))
    if network:
        from huggingface_hub import constants

        hub = _answers("model hub", constants.ENDPOINT, needed=False)
        checks += [hub, _index("package index (pip)", [sys.executable, "-m", "pip", "index", "versions", PROBE])]
        if npm := shutil.which("npm"):
            checks.append(_index("package index (npm)", [npm, "view", "is-number", "version"]))
    return checks


def _port(settings: Settings) -> Check:
    host, port = settings.server.host, settings.server.port
    try:
        listen(host, port).close()
    except PortInUse:
        return Check(f"port {port}", False, _who(host, port), "affetto serve --port 0 takes a free one")
    return Check(f"port {port}", True, "free")


def _who(host: str, port: int) -> str:
    """Who holds our port: a server of ours says so."""
    try:
        answer = httpx.get(f"http://{host}:{port}/ready", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return "taken by something that is not an Affetto server"
    return f"taken; an Affetto server answers there ({'ready' if answer.is_success else 'not ready'})"


def _answers(name: str, url: str, *, needed: bool) -> Check:
    try:
        httpx.get(url, timeout=REACH_S)
    except httpx.HTTPError as error:
        mend = "start it, or set llm.options.base_url" if needed else "packages are used instead"
        return Check(name, False, f"no answer ({type(error).__name__})", mend, needed=needed)
    return Check(name, True, "answers", needed=needed)


def _index(name: str, command: list[str]) -> Check:
    try:
        done = subprocess.run(command, capture_output=True, timeout=REACH_S * 2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Check(name, False, "no answer", "weights that are not pulled yet cannot be fetched from it")
    if done.returncode:
        return Check(name, False, "no answer", "weights that are not pulled yet cannot be fetched from it")
    return Check(name, True, "answers")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
