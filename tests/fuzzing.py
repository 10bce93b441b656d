"""Fuzz targets: briefly where tests run, for `AFFETTO_FUZZ_S` seconds each where that is set (`make fuzz`)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("AFFETTO_FUZZ_S", "0"))
BRIEFLY, AT_A_TIME = 100, 2000


def target(*inputs: st.SearchStrategy[Any], examples: int = BRIEFLY) -> Callable[[Callable[..., None]], Any]:
    """A test that feeds a parser with what Hypothesis thinks up, again and again until its time is over."""

    def fuzzed(check: Callable[..., None]) -> Callable[[], None]:
        once = settings(
            max_examples=AT_A_TIME if SECONDS else examples, deadline=None, suppress_health_check=list(HealthCheck)
        )(given(*inputs)(check))

        def test() -> None:
            end = time.monotonic() + SECONDS
            once()
            while time.monotonic() < end:
                once()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return fuzzed


@st.composite
def mutated(draw: st.DrawFn, good: st.SearchStrategy[Any]) -> Any:
    """Something good, str or bytes, with a few parts cut out, said twice, replaced, or put in."""
    data = draw(good)
    junk = st.binary(max_size=8) if isinstance(data, bytes) else st.text(max_size=8)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 16)))
        put = draw(st.one_of(junk, st.just(data[start:end] * 2), st.just(data[:0])))
        data = data[:start] + put + data[end:]
    return data


def repeated(parts: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    """Long texts of one part said again and again, which slow patterns trip over, and something behind it."""
    return st.builds(lambda part, tail: (part * (most // max(1, len(part))))[:most] + tail, parts, parts)
