"""The page's modules by themselves, in Node: the playout, the words, the resampler, and the client against a server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from affetto.server.pages import FOLDER
from live import running

pytestmark = pytest.mark.node
TESTS = Path(__file__).parent / "web_modules"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules and their tests, as a package of Node's."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("modules")
    for path in [*FOLDER.glob("*.js"), *TESTS.glob("*.mjs")]:
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.mjs")))
def test_module(package: Path, name: str) -> None:
    with running() as live, running(server__api_keys=["sk-right"]) as keyed:
        environment = {**os.environ, "AFFETTO_TEST_URL": live.http, "AFFETTO_TEST_KEYED_URL": keyed.http}
        done = subprocess.run(
            ["node", "--experimental-websocket", "--no-warnings", "--test", "--test-timeout=20000", name],
            cwd=package,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
