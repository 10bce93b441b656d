"""What tests share: recordings, the pulled weights of the real models, and databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from affetto.models.errors import Unavailable
from affetto.models.store import Store
from databases import Server, emptied, postgresql

RECORDINGS = Path(__file__).parent / "recordings"

# Deadlines would measure how busy the machine is, not the code.
settings.register_profile("affetto", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("affetto")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def recordings() -> Path:
    """Folder of real speech (LibriSpeech, CC BY 4.0; EmoDB, CC0)."""
    return RECORDINGS


@pytest.fixture
def require() -> Callable[..., Store]:
    """`require("whisper-base", ...)` gives the store, or skips where these weights were not pulled."""

    def with_assets(*assets: str) -> Store:
        store = Store()
        for asset in assets:
            try:
                store.path(asset)
            except Unavailable as error:
                pytest.skip(str(error))
        return store

    return with_assets


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """One for all tests that leave it running; skips where there is none to start."""
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/memory.db"
    server: Server = request.getfixturevalue("postgresql_server")
    asyncio.run(emptied(server.url))
    return server.url
