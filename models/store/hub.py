"""The model hub, through huggingface_hub: its own settings (HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN, ...) hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .manifest import HubSource

PROBE_S = 3.0
"""Longest wait for the hub's first answer; where it is blocked, its own client would try for most of a minute."""


class Unreachable(Exception):
    """The hub did not answer."""


class NotThere(Exception):
    """The hub answered, and does not give this file."""


def answers(source: HubSource, endpoint: str | None = None) -> bool:
    """Whether the hub would give this file, or at least says properly that it does not."""
    import httpx
    from huggingface_hub import constants, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        return False
    url = hf_hub_url(source.repository, source.path, revision=source.revision, endpoint=endpoint)
    try:
        status = httpx.head(url, timeout=PROBE_S).status_code
    except (httpx.HTTPError, OSError):
        return False
    return status < 400 or status == 404


def fetch(source: HubSource, folder: Path, progress: Callable[[int], None], endpoint: str | None = None) -> Path:
    """Fetch a file into `folder`; goes on with what an earlier try left there.

    Raises:
        Unreachable, NotThere: with a message in one line.
    """
    import httpx
    from huggingface_hub import errors, hf_hub_download

    try:
        return Path(
            hf_hub_download(
                source.repository,
                source.path,
                revision=source.revision,
                local_dir=folder,
                endpoint=endpoint,
                tqdm_class=_bar(progress),
            )
        )
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, httpx.TransportError) as error:
        raise Unreachable(_line(source, error)) from error
    except (errors.HfHubHTTPError, ValueError) as error:
        raise NotThere(_line(source, error)) from error


def _line(source: HubSource, error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return f"model hub, {source.repository}: {said[0]}"


def _bar(progress: Callable[[int], None]) -> type[Any]:
    """A progress bar for huggingface_hub that draws nothing and tells how far it is."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined,unused-ignore]

    class Told(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **(kwargs | {"disable": True}))  # type: ignore[no-untyped-call,unused-ignore]

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            progress(int(self.n))

    return Told
