"""Joining parts: interrupted anywhere, any number of times, it ends with the same file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.store.joining import Joining

SHA = "a" * 64
PARTS = st.lists(st.lists(st.binary(max_size=20), max_size=4), min_size=1, max_size=5)


class Cut(Exception):
    pass


def blocks(part: list[bytes], cut_after: int | None) -> Iterator[bytes]:
    for index, block in enumerate(part):
        if index == cut_after:
            raise Cut
        yield block
    if cut_after is not None:
        raise Cut


def ignore(size: int) -> None:
    pass


@given(PARTS, st.lists(st.integers(0, 4), max_size=6))
def test_interruptions_change_nothing(parts: list[list[bytes]], cuts: list[int]) -> None:
    whole = b"".join(b"".join(part) for part in parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.bin"
        joining, fetched = Joining(path, SHA), 0
        while joining.parts < len(parts):
            try:
                joining.add(blocks(parts[joining.parts], cuts.pop() if cuts else None), ignore)
                fetched += 1
            except Cut:
                joining = Joining(path, SHA)  # as a new process would
        assert path.read_bytes() == whole
        assert joining.digest == hashlib.sha256(whole).hexdigest()
        assert fetched == len(parts)  # no whole part twice


def test_progress_counts_from_what_was_there(tmp_path: Path) -> None:
    told: list[int] = []
    joining = Joining(tmp_path / "w", SHA)
    joining.add([b"abc"], told.append)
    Joining(tmp_path / "w", SHA).add([b"de", b"f"], told.append)
    assert told == [3, 5, 6]


def test_what_an_interrupted_part_wrote_is_cut_off(tmp_path: Path) -> None:
    joining = Joining(tmp_path / "w", SHA)
    joining.add([b"abc"], ignore)
    with pytest.raises(Cut):
        joining.add(blocks([b"far too long"], 1), ignore)
    joining.add([b"de"], ignore)
    assert (tmp_path / "w").read_bytes() == b"abcde"
    assert joining.digest == hashlib.sha256(b"abcde").hexdigest()


def test_a_journal_for_another_hash_does_not_count(tmp_path: Path) -> None:
    Joining(tmp_path / "w", SHA).add([b"abc"], ignore)
    assert Joining(tmp_path / "w", "b" * 64).parts == 0


def test_a_file_shorter_than_its_journal_is_joined_anew(tmp_path: Path) -> None:
    Joining(tmp_path / "w", SHA).add([b"abc"], ignore)
    (tmp_path / "w").write_bytes(b"a")
    assert Joining(tmp_path / "w", SHA).parts == 0


@pytest.mark.parametrize("journal", ["", "{", "[]", '{"parts": 1}'])
def test_a_torn_journal_does_not_count(tmp_path: Path, journal: str) -> None:
    Joining(tmp_path / "w", SHA).add([b"abc"], ignore)
    (tmp_path / "w.parts").write_text(journal)
    assert Joining(tmp_path / "w", SHA).parts == 0


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    joining = Joining(tmp_path / "w", SHA)
    joining.add([b"abc"], ignore)
    joining.discard()
    assert list(tmp_path.iterdir()) == []
    joining.add([b"x"], ignore)
    assert joining.digest == hashlib.sha256(b"x").hexdigest()
