"""Keys in a file: hashed, of scopes and owners, made and revoked while the server runs."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from affetto.server import keys
from affetto.server.__main__ import main
from affetto.server.auth import Door
from affetto.server.settings import load
from live import Live, eventually, running


def make(path: Path, owner: str, *scopes: keys.Scope, days: float | None = None) -> str:
    """A fresh key in the file."""
    value, record = keys.new(owner, scopes or keys.SCOPES, days)
    with keys.edited(path) as records:
        records.append(record)
    return value


def revoke(path: Path, key: str) -> None:
    gone = keys.digest(key).hex()
    with keys.edited(path) as records:
        records[:] = [record for record in records if record.sha256 != gone]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    make(path, "nobody")
    return path


@pytest.fixture(scope="module")
def live(file: Path) -> Iterator[Live]:
    url = f"sqlite:///{file.parent}/memory.db"
    with running(server__keys_file=str(file), server__idle_s=0.8, memory__url=url) as server:
        yield server


ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "talk": ("POST", "/v1/realtime/client_secrets", {"json": {}}),
    "text": ("POST", "/v1/audio/speech", {"json": {"input": "Hi.", "model": "affetto", "voice": "default"}}),
    "memory": ("GET", "/v1/memory?user=ana", {}),
    "trace": ("GET", "/v1/sessions", {}),
    "metrics": ("GET", "/metrics", {}),
}


def ask(live: Live, scope: str, key: str | None) -> int:
    method, path, options = ASKED[scope]
    call = live.get if method == "GET" else live.post
    return call(path, headers={} if key is None else bearer(key), **options).status_code


@pytest.mark.parametrize("scope", sorted(keys.SCOPES))
def test_a_key_opens_what_its_scopes_say_and_nothing_else(live: Live, file: Path, scope: keys.Scope) -> None:
    key = make(file, "shop", scope)
    assert {other: ask(live, other, key) for other in ASKED} == {
        other: 200 if other == scope else 403 for other in ASKED
    }
    assert live.get("/v1/models", headers=bearer(key)).status_code == 200
    if scope != "talk":
        with pytest.raises(InvalidStatus) as refused, live.call(additional_headers=bearer(key)):
            pass
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body or b"")["error"]["code"] == "insufficient_scope"


@pytest.mark.parametrize("scope", sorted(ASKED))
def test_without_a_key_nothing_is_shown(live: Live, scope: str) -> None:
    assert ask(live, scope, None) == ask(live, scope, "ak_made_up") == 401


def test_metrics_can_be_left_open(file: Path) -> None:
    with running(server__keys_file=str(file), server__metrics_open=True) as server:
        assert server.get("/metrics").status_code == 200
        assert server.get("/v1/models").status_code == 401


def test_a_key_that_is_made_is_good_at_once_and_one_that_is_revoked_is_not(live: Live, file: Path) -> None:
    key = make(file, "shop")
    secret = live.post("/v1/realtime/client_secrets", json={}, headers=bearer(key)).json()["value"]
    with live.call(additional_headers=bearer(secret)):
        pass
    revoke(file, key)
    for gone in (key, secret):
        with pytest.raises(InvalidStatus) as refused, live.call(additional_headers=bearer(gone)):
            pass
        assert refused.value.response.status_code == 401


def test_sessions_of_a_revoked_key_are_closed_and_say_why(live: Live, file: Path) -> None:
    key, other = make(file, "shop"), make(file, "shop")
    with live.call(additional_headers=bearer(key)) as wire, live.call(additional_headers=bearer(other)) as bystander:
        revoke(file, key)
        with pytest.raises(ConnectionClosed) as closed:
            wire.until("nothing")
        assert wire.events[-1]["error"]["code"] == "invalid_api_key"
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "the key is not good any more")
        assert bystander.text_turn()["response"]["status"] == "completed"


def test_keys_of_one_owner_share_a_memory_and_a_key_without_the_scope_has_none(live: Live, file: Path) -> None:
    first, second, other, blind = (
        make(file, "ana-app"),
        make(file, "ana-app"),
        make(file, "else"),
        make(file, "ana-app", "talk", "text"),
    )
    with live.call(additional_headers=bearer(blind)) as wire:
        assert wire.update(empathy={"memory": True, "user": "ana"})["session"]["empathy"]["memory"] is False
        wire.text_turn("My name is Ana and I have a dog called Biscuit.")
    with live.call(additional_headers=bearer(first)) as wire:
        assert wire.update(empathy={"memory": True, "user": "ben"})["session"]["empathy"]["memory"] is True
        wire.text_turn("My name is Ben and I have a cat called Crumb.")

    def facts(key: str, user: str) -> int:
        return len(live.get("/v1/memory", params={"user": user}, headers=bearer(key)).json()["data"])

    eventually(lambda: facts(second, "ben") == 2, "the other key of the owner finds nothing")
    assert facts(other, "ben") == 0
    assert facts(second, "ana") == 0
    body = {
        "messages": [{"role": "user", "content": "My name is Ana and I have a dog called Biscuit."}],
        "empathy": {"memory": True, "user": "ana"},
    }
    assert live.post("/v1/chat/completions", json=body, headers=bearer(blind)).status_code == 200
    asyncio.run_coroutine_threadsafe(live.server._app.state.server.memory.settled(), live.loop).result(10)
    assert facts(second, "ana") == 0


def test_the_file_holds_no_key_and_is_its_owners_alone(file: Path) -> None:
    key = make(file, "shop")
    assert key not in file.read_text()
    assert key.removeprefix(keys.PREFIX) not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_ends_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = make(path, "shop", days=1)
    now = time.time()
    ring = keys.KeyRing(path=path, clock=lambda: now)
    record = ring.find(key)
    assert record is not None
    assert ring.good(record.id)
    now += 86_401
    assert ring.find(key) is None
    assert not ring.good(record.id)


def test_a_file_that_is_broken_later_leaves_the_keys_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.json"
    key = make(path, "shop")
    ring = keys.KeyRing(path=path)
    path.write_text('{"keys": [{"id": "half')
    assert ring.find(key) is not None
    path.unlink()
    assert ring.find(key) is not None
    assert "the keys stay as they were" in caplog.text
    later = make(path, "shop")
    assert ring.find(later) is not None
    assert ring.find(key) is None


def test_a_file_without_keys_is_a_door_that_nobody_opens(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with keys.edited(path):
        pass
    ring = keys.KeyRing(path=path)
    assert not ring.empty
    assert ring.find("") is None


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (None, 0, "cannot read .*affetto keys new"),
        ("{", 0o600, "is no file of keys"),
        ('{"keys": [{"id": "a"}]}', 0o600, r"keys.0.owner Field required"),
        ('{"keys": [], "kyes": []}', 0o600, "kyes"),
        ('{"keys": []}', 0o622, "chmod go-w"),
    ],
    ids=["none", "half", "a field", "another field", "writable"],
)
def test_files_that_cannot_be_used_are_told_at_the_start(
    tmp_path: Path, text: str | None, mode: int, says: str
) -> None:
    path = tmp_path / "keys.json"
    if text is not None:
        path.write_text(text)
        os.chmod(path, mode)
    with pytest.raises(keys.BadKeys, match=says):
        Door(load(None, {"server.keys_file": str(path)}).server)


def test_a_server_does_not_start_without_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--profile", "scripted", "--port", "0", "--set", f"server.keys_file={tmp_path}/none.json"]
    assert main(["serve", *settings]) == 2
    assert "affetto keys new" in capsys.readouterr().err


def test_the_command_makes_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "keys.json"
    assert main(["keys", "new", "shop", "--file", str(path), "--scopes", "talk,text", "--days", "90", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    found = keys.KeyRing(path=path).find(made["key"])
    assert found is not None
    assert (found.owner, found.scopes) == ("shop", {"talk", "text"})
    assert found.expires_at == found.created_at + 90 * 86_400
    assert main(["keys", "list", "--set", f"server.keys_file={path}"]) == 0
    listed = capsys.readouterr().out
    assert f"{made['id']}  shop  talk,text  since " in listed
    assert made["key"] not in listed
    assert main(["keys", "revoke", made["id"], "--file", str(path)]) == 0
    assert main(["keys", "revoke", made["id"], "--file", str(path)]) == 1
    assert keys.read(path) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "shop"], "which file"),
        (["new", "a shop", "--file", "FILE"], "owner 'a shop'"),
        (["new", "shop", "--scopes", "talk,everything", "--file", "FILE"], "everything"),
        (["list", "--file", "FILE"], "cannot read"),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "keys.json")
    assert main(["keys", *[path if argument == "FILE" else argument for argument in arguments]]) == 2
    assert says in capsys.readouterr().err
    assert not Path(path).exists()


HOSTS = [
    ("127.0.0.1:8600", True),
    ("[::1]:8600", True),
    ("localhost", True),
    ("affetto:8600", True),
    ("box.local", True),
    ("evil.example:8600", False),
    ("127.0.0.1.evil.example", False),
    ("evil.example.", False),
]


@pytest.mark.parametrize(("host", "answered"), HOSTS)
def test_without_keys_no_foreign_name_that_points_here_is_answered(host: str, answered: bool) -> None:
    with running(server__allowed_origins=["https://app.example"]) as server:
        for name, expected in ((host, answered), ("app.example", True)):
            status = server.get("/v1/memory", params={"user": "ana"}, headers={"Host": name}).status_code
            assert status == (200 if expected else 403)


def test_with_keys_any_name_will_do(live: Live, file: Path) -> None:
    headers = {**bearer(make(file, "shop")), "Host": "voice.example.org"}
    assert live.get("/v1/models", headers=headers).status_code == 200


def test_no_page_with_scripts_from_elsewhere_is_served(live: Live) -> None:
    assert live.get("/docs").status_code == live.get("/redoc").status_code == 404
    assert live.get("/openapi.json").status_code == 200
