"""What requirements/ pins is what pyproject.toml asks for: all of it, by hashes, and from nowhere in particular."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
ASKED = {
    "affetto.txt": PROJECT["dependencies"],
    "dev.txt": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"],
}
STALE = "run `make lock`"


def pinned(name: str) -> dict[str, list[Requirement]]:
    """The entries of a lock, by name; one that differs between systems has several."""
    text = (REPOSITORY / "requirements" / name).read_text().replace("\\\n", " ")
    found: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        entry = line.partition(" --hash=")[0].strip()
        if entry and not entry.startswith("#"):
            requirement = Requirement(entry)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("name", sorted(ASKED))
def test_all_that_is_asked_for_is_pinned_to_a_release_that_fits(name: str) -> None:
    entries = pinned(name)
    for asked in map(Requirement, ASKED[name]):
        found = entries.get(canonicalize_name(asked.name), [])
        assert found, f"{asked.name} is not pinned: {STALE}"
        for entry in found:
            version = str(entry.specifier).removeprefix("==")
            assert asked.specifier.contains(version, prereleases=True), f"{entry} does not fit {asked}: {STALE}"


@pytest.mark.parametrize("name", sorted(ASKED))
def test_each_release_has_its_hashes_and_no_place(name: str) -> None:
    text = (REPOSITORY / "requirements" / name).read_text()
    assert not re.search(r"://|--index-url|--find-links|^/|@ file", text, re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            assert "==" in line
            assert "--hash=sha256:" in line, line[:80]
