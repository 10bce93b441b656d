"""The page's files as the server gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from affetto.server import pages
from live import Live, running


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running() as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/trace"])
def test_the_page_comes_under_a_strict_policy(live: Live, path: str) -> None:
    answer = live.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "microphone=(self)" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("path", ["/", "/trace"])
def test_nothing_is_inline_and_all_that_is_named_is_there(live: Live, path: str) -> None:
    html = live.get(path).text
    assert re.findall(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=|<style", html) == []
    named = re.findall(r'(?:src|href)="(/[^"]*)"', html)
    assert named
    assert {path: live.get(path).status_code for path in named} == dict.fromkeys(named, 200)


@pytest.mark.parametrize("name", ["page.js", "style.css", "icon.svg"])
def test_a_file_that_has_not_changed_is_not_sent_again(live: Live, name: str) -> None:
    first = live.get(f"/web/{name}")
    assert first.headers["cache-control"] == "no-cache"
    again = live.get(f"/web/{name}", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/web/none.js", "/web/__init__.py", "/web/..%2f__init__.py", "/web/", "/web/a/b"])
def test_nothing_else_is_given_away(live: Live, path: str) -> None:
    answer = live.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_server_without_a_page() -> None:
    with running(server__page=False) as live:
        assert live.get("/").status_code == 404
        assert live.get("/health").status_code == 200


def test_all_modules_together_are_small() -> None:
    assert sum(len(asset.body) for asset in pages.assets().values()) < 150_000
