"""`affetto cluster` without a cluster: what it says."""

from __future__ import annotations

import sys

import pytest

from affetto.server.__main__ import main
from affetto.server.cli import cluster, outcome


def test_without_ray_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith("affetto.models.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["cluster", "status"]) == outcome.MISSING
    assert "pip install 'affetto[cluster]'" in capsys.readouterr().err


def test_it_tells_each_stages_replicas() -> None:
    assert "affetto cluster up" in cluster._told({})
    told = cluster._told({"asr": {"status": "RUNNING", "replicas": {"RUNNING": 2, "STARTING": 1}}})
    assert told.split() == ["asr", "running", "2", "running,", "1", "starting"]
