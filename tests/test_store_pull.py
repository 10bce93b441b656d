"""Pulling with scripted sources: resumed, verified, atomic, one process at a time, and clear when it cannot be."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock

from affetto.models.errors import Unavailable
from affetto.models.store import Store
from affetto.models.store.events import Checking, Progressed, PullEvent, SourceLost, Waiting
from affetto.models.store.manifest import Asset, HubSource, Manifest, Package, Part, WeightFile
from affetto.models.store.plan import PullFailed
from affetto.models.store.pull import Puller
from affetto.models.store.sources import Progress, SourceFailed

BIG = {f"part{n}": bytes([n]) * 1000 for n in (1, 2, 3)}
WHOLE = b"".join(BIG.values())
CONFIG = b'{"layers": 1}'
HUB = HubSource(repository="someone/model", revision="main", path="w.bin")


def weight(name: str, content: bytes, *parts: Part, hub: HubSource | None = None) -> WeightFile:
    return WeightFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), hub=hub, parts=parts)


def part(package: str, member: str) -> Part:
    return Part(package=package, version="1", member=member)


MODEL = Asset(
    title="A model",
    licence="MIT",
    files=(
        weight("w.bin", WHOLE, *(part(f"pkg{n}", f"part{n}") for n in (1, 2, 3)), hub=HUB),
        weight("config.json", CONFIG, part("pkg1", "config")),
    ),
)
MANIFEST = Manifest(profiles={"default": ("model",)}, assets={"model": MODEL})


@dataclass
class ScriptedSources:
    """Registries in memory. `broken` names packages that fail; `fetched` lists what was downloaded."""

    members: dict[str, bytes] = field(default_factory=lambda: {**BIG, "config": CONFIG})
    hub: bytes | None = None
    broken: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    asked_hub: int = 0

    def hub_answers(self, source: HubSource) -> bool:
        self.asked_hub += 1
        return self.hub is not None

    def from_hub(self, source: HubSource, folder: Path, progress: Progress) -> Path:
        self.fetched.append("hub")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "w.bin"
        path.write_bytes(self.hub or b"")
        progress(len(self.hub or b""))
        return path

    def from_package(self, part: Part, folder: Path) -> Iterator[bytes]:
        if part.package not in self.held:
            self.fetched.append(part.package)
            self.held.add(part.package)
        content = self.members[part.member]
        yield content[: len(content) // 2]
        if part.package in self.broken:
            raise SourceFailed(f"package {part.spec}: the line went dead")
        yield content[len(content) // 2 :]

    def drop(self, package: Package, folder: Path) -> None:
        self.held.discard(package.package)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models", MANIFEST)


def test_a_pull_joins_verifies_and_seals(store: Store) -> None:
    sources, told = ScriptedSources(), list[PullEvent]()
    assert store.missing("default") == ("model",)
    assert store.pull("default", sources=sources, observer=told.append) == ("model",)
    assert (store.path("model") / "w.bin").read_bytes() == WHOLE
    assert (store.path("model") / "config.json").read_bytes() == CONFIG
    assert sources.fetched == ["pkg1", "pkg2", "pkg3"]  # pkg1 once, for two files
    assert sources.held == set()
    assert told[-1] == Progressed("config.json", len(CONFIG), len(CONFIG))
    assert not (store.root / ".partial" / "model").exists()


def test_nothing_is_fetched_or_read_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.pull("default", sources=ScriptedSources())
    monkeypatch.setattr("affetto.models.store.seals.digest", lambda path: pytest.fail(f"{path} was read again"))
    sources = ScriptedSources()
    assert store.missing("default") == ()
    assert store.pull("default", sources=sources) == ()
    assert sources.fetched == []


def test_a_broken_pull_goes_on_where_it_broke(store: Store) -> None:
    sources = ScriptedSources(broken={"pkg3"})
    with pytest.raises(PullFailed, match="the line went dead"):
        store.pull("default", sources=sources)
    assert not (store.root / "model" / "w.bin").exists()
    again, told = ScriptedSources(), list[PullEvent]()
    store.pull("default", sources=again, observer=told.append)
    assert again.fetched == ["pkg3", "pkg1"]  # the rest of w.bin, then config.json
    assert told[0] == Progressed("w.bin", 2000, 3000)
    assert (store.path("model") / "w.bin").read_bytes() == WHOLE


def test_a_wrong_hash_is_refused_and_nothing_of_it_kept(store: Store) -> None:
    sources = ScriptedSources(members={**BIG, "part2": b"x" * 1000, "config": CONFIG})
    with pytest.raises(PullFailed) as failure:
        store.pull("default", sources=sources)
    said = str(failure.value)
    got = hashlib.sha256(BIG["part1"] + b"x" * 1000 + BIG["part3"]).hexdigest()
    assert f"w.bin is not what it should be and was refused: expected sha256 {MODEL.files[0].sha256}, got {got}" in said
    assert not (store.root / "model" / "w.bin").exists()
    assert sources.held == set()
    healthy = ScriptedSources()
    store.pull("default", sources=healthy)
    assert healthy.fetched == ["pkg1", "pkg2", "pkg3"]


def test_the_hub_comes_first(store: Store) -> None:
    sources = ScriptedSources(hub=WHOLE)
    store.pull("default", sources=sources)
    assert sources.fetched == ["hub", "pkg1"]
    assert sources.asked_hub == 1


def test_a_wrong_file_from_the_hub_makes_way_for_the_packages(store: Store) -> None:
    sources, told = ScriptedSources(hub=b"a newer model"), list[PullEvent]()
    store.pull("default", sources=sources, observer=told.append)
    assert (store.path("model") / "w.bin").read_bytes() == WHOLE
    lost = [event for event in told if isinstance(event, SourceLost)]
    assert [event.file for event in lost] == ["w.bin"]
    assert "model hub, someone/model: w.bin is not what it should be" in lost[0].problem


def test_what_was_there_stays_until_the_new_file_is_whole(store: Store) -> None:
    (store.root / "model").mkdir(parents=True)
    (store.root / "model" / "w.bin").write_bytes(b"an older model")
    with pytest.raises(PullFailed):
        store.pull("default", sources=ScriptedSources(broken={"pkg2"}))
    assert (store.root / "model" / "w.bin").read_bytes() == b"an older model"


def test_files_put_there_by_hand_are_checked_and_taken(store: Store) -> None:
    folder = store.root / "model"
    folder.mkdir(parents=True)
    (folder / "w.bin").write_bytes(WHOLE)
    (folder / "config.json").write_bytes(CONFIG)
    sources, told = ScriptedSources(), list[PullEvent]()
    store.pull("default", sources=sources, observer=told.append)
    assert sources.fetched == []
    assert told == [Checking("w.bin", 3000), Checking("config.json", len(CONFIG))]
    assert store.missing("default") == ()


def test_a_changed_file_is_noticed(store: Store) -> None:
    store.pull("default", sources=ScriptedSources())
    path = store.path("model") / "w.bin"
    path.write_bytes(b"?" * len(WHOLE))
    os.utime(path, (1, 1))
    assert store.missing("default") == ("model",)
    assert store.verify("default") == {"model": False}
    sources = ScriptedSources()
    store.pull("default", sources=sources)
    assert sources.fetched == ["pkg1", "pkg2", "pkg3"]
    assert store.verify("default") == {"model": True}


def test_of_a_half_changed_asset_only_the_changed_half_is_read(store: Store) -> None:
    store.pull("default", sources=ScriptedSources())
    (store.root / "model" / "config.json").unlink()
    told = list[PullEvent]()
    store.pull("default", sources=ScriptedSources(), observer=told.append)
    assert {event.file for event in told if isinstance(event, Checking | Progressed)} == {"config.json"}


def test_verifying_seals_what_is_right(store: Store) -> None:
    store.pull("default", sources=ScriptedSources())
    for seal in (store.root / "model").glob(".*.verified"):
        seal.unlink()
    assert store.missing("default") == ("model",)
    assert store.verify("default") == {"model": True}
    assert store.missing("default") == ()


def test_too_little_room_is_told_before_anything_is_fetched(store: Store) -> None:
    sources = ScriptedSources()
    puller = Puller(store.root, sources, free_bytes=lambda path: 1000)
    with pytest.raises(
        PullFailed, match=r"0\.0 GiB free, 0\.2 GiB are needed while pulling: free some, or .*--models-dir"
    ):
        puller.pull("model", MODEL)
    assert sources.fetched == []


def test_a_disk_that_fills_up_is_told_and_the_pull_goes_on_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("affetto.models.store.joining.os.fsync", full)
    with pytest.raises(PullFailed, match=r"cannot write .*: No space left on device\. Free some room"):
        store.pull("default", sources=ScriptedSources())
    monkeypatch.setattr("affetto.models.store.joining.os.fsync", synced)
    store.pull("default", sources=ScriptedSources())
    assert store.verify("default") == {"model": True}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PullFailed, match=r"cannot write .*file"):
        Store(tmp_path / "file" / "models", MANIFEST).pull("default", sources=ScriptedSources())


def test_weights_in_a_folder_that_cannot_be_written_serve_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.root / "model"
    folder.mkdir(parents=True)
    (folder / "w.bin").write_bytes(WHOLE)
    (folder / "config.json").write_bytes(CONFIG)

    def refuse(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    sources = ScriptedSources()
    store.pull("default", sources=sources)
    assert sources.fetched == []
    assert not (store.root / ".lock").exists()


def test_two_pulls_at_once_fetch_once(store: Store) -> None:
    store.root.mkdir(parents=True)
    sources, waiting, failures = ScriptedSources(), threading.Event(), list[BaseException]()

    def observe(event: PullEvent) -> None:
        if isinstance(event, Waiting):
            waiting.set()

    def second() -> None:
        try:
            Puller(store.root, sources, observe).pull("model", MODEL)
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            failures.append(error)

    other = threading.Thread(target=second)
    with FileLock(store.root / ".lock"):
        other.start()
        assert waiting.wait(10)
        for file, content in (("w.bin", WHOLE), ("config.json", CONFIG)):  # what the first process does meanwhile
            (store.root / "model").mkdir(exist_ok=True)
            (store.root / "model" / file).write_bytes(content)
    other.join(10)
    assert failures == []
    assert sources.fetched == []


def test_a_missing_asset_names_the_command(store: Store) -> None:
    with pytest.raises(Unavailable, match=r"not in .* \(w\.bin, config\.json\): run `affetto pull model`"):
        store.path("model")


def test_half_an_asset_is_missing_too(store: Store) -> None:
    store.pull("default", sources=ScriptedSources())
    (store.root / "model" / "w.bin").write_bytes(WHOLE[:-1])
    with pytest.raises(Unavailable, match=r"\(w\.bin\): run `affetto pull model`"):
        store.path("model")


def test_weights_of_ones_own_need_no_manifest(store: Store) -> None:
    (store.root / "mine").mkdir(parents=True)
    assert store.path("mine") == store.root / "mine"
    with pytest.raises(Unavailable, match="`affetto pull` knows model"):
        store.path("yours")


def test_the_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.delenv("AFFETTO_MODELS", raising=False)
    assert Store().root == Path("/caches/affetto/models")
    monkeypatch.setenv("AFFETTO_MODELS", "~/weights")
    assert Store().root == Path.home() / "weights"
    assert Store(Path("here")).root == Path("here")
