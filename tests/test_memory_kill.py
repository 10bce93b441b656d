"""A server that is killed at any moment has lost nothing that it had confirmed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from test_memory_store import texts, use

WRITER = """
import asyncio, sys
from test_memory_store import told
from affetto.pipelines.memory.database import Database
from affetto.pipelines.memory.sealing import Sealer
from affetto.pipelines.memory.store import MemoryStore

async def main():
    store = MemoryStore(Database(sys.argv[1]), Sealer(), most_facts=10_000)
    number = int(sys.argv[2])
    while True:
        await told(store, f"fact {number} of many", at=float(number))
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""
ROUNDS = int(os.environ.get("AFFETTO_KILLS", "3"))
"""How often it is killed; `make kills` does it a hundred times."""


def test_what_was_confirmed_is_there_after_the_writer_was_killed(url: str) -> None:
    rng, confirmed = random.Random(7), 0
    for _ in range(ROUNDS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(confirmed)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        )
        assert writer.stdout is not None
        for _ in range(rng.randint(1, 15)):
            confirmed = int(writer.stdout.readline()) + 1
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()  # what it had still confirmed before it died
        writer.wait()
        writer.stdout.close()
        confirmed = int(rest[-1]) + 1 if rest else confirmed
        kept = set(use(url, texts))
        assert {f"fact {number} of many" for number in range(confirmed)} <= kept
        assert len(kept) <= confirmed + 1, "one may have been kept and not confirmed any more"
