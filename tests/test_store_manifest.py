"""The manifest: closed, pinned, and naming what the default server reads."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from affetto.models.store.manifest import UnknownAsset, parse, shipped
from affetto.server.cli.weights import needed
from affetto.server.settings import load

TINY = """
[profiles]
both = ["a", "b"]
[assets.a]
title = "A"
licence = "MIT"
files = [{ name = "a.bin", size = 1, sha256 = "SHA", parts = [{ package = "p", version = "1", member = "m" }] }]
[assets.b]
title = "B"
licence = "MIT"
files = [{ name = "b.bin", size = 2, sha256 = "SHA", hub = { repository = "r", revision = "1", path = "b" } }]
""".replace("SHA", "0" * 64)


def test_names_resolve_to_assets_once_each() -> None:
    manifest = parse(TINY)
    assert manifest.resolve("both") == ("a", "b")
    assert manifest.resolve(["b", "both", "all"]) == ("b", "a")
    assert manifest.resolve([]) == ()


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(UnknownAsset, match="no weights called 'c'; choose from all, both, a, b"):
        parse(TINY).resolve(["a", "c"])


@pytest.mark.parametrize(
    ("wrong", "right", "complaint"),
    [
        ('title = "A"', 'titel = "A"', "titel"),
        ('["a", "b"]', '["a", "c"]', "assets that are not there: c"),
        ("size = 1", "size = 0", "greater than 0"),
        ("0" * 64, "0" * 63, "sha256"),
        ('name = "a.bin"', 'name = "../a.bin"', "name"),
        (', parts = [{ package = "p", version = "1", member = "m" }]', "", "a.bin has no source"),
    ],
)
def test_a_wrong_manifest_is_refused(wrong: str, right: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        parse(TINY.replace(wrong, right, 1))


def test_the_default_profile_has_all_that_the_default_server_reads() -> None:
    assert set(needed(load())) <= set(shipped().resolve("embedded"))


def test_every_shipped_file_can_be_had_without_the_hub() -> None:
    assert [f.name for asset in shipped().assets.values() for f in asset.files if not f.parts] == []


def test_every_shipped_file_is_its_own() -> None:
    hashes = [f.sha256 for asset in shipped().assets.values() for f in asset.files]
    assert len(hashes) == len(set(hashes))


def test_parts_of_a_file_are_distinct() -> None:
    for asset in shipped().assets.values():
        for file in asset.files:
            assert len(set(file.parts)) == len(file.parts), file.name
