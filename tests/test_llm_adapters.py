"""The adapters that ship: each belongs to a model that can be pulled, is found by its name, and is whole."""

from __future__ import annotations

from affetto.models.llm import adapters
from affetto.models.llm.llama import Options
from affetto.models.store import manifest


def test_each_file_is_listed_and_each_entry_is_of_a_model_that_can_be_pulled() -> None:
    assets = set(manifest.shipped().assets)
    listed = {asset: adapters.shipped(asset) for asset in assets}
    found = {adapter.path.name for adapter in listed.values() if adapter is not None}
    assert found == {path.name for path in adapters.FOLDER.glob("*.gguf")}


def test_the_default_model_speaks_with_its_adapter() -> None:
    adapter = adapters.shipped(Options().model)
    assert adapter is not None
    adapter.verify()


def test_a_model_without_an_adapter_speaks_without() -> None:
    assert adapters.shipped("smollm2-1") is None
