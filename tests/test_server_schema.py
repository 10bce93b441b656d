"""schemathesis over /openapi.json: no request of any shape brings the server down or an answer out of shape."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from fuzzing import target
from hypothesis import strategies as st

from live import Live, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error

OPERATIONS = 14


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    url = f"sqlite:///{tmp_path_factory.mktemp('schema')}/memory.db"
    with running(memory__url=url, server__requests_per_s=1e6) as server:
        yield server


def test_no_request_is_more_than_answered(live: Live) -> None:
    schema = schemathesis.openapi.from_url(f"{live.http}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) >= OPERATIONS
    for operation in found:

        @target(operation.as_strategy(), st.none(), examples=8)
        def each(case: Any, _: None) -> None:
            case.call_and_validate(checks=[not_a_server_error])

        each()
    assert live.get("/health").status_code == 200
