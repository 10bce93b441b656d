"""A PostgreSQL of the tests' own, where its programs are at hand (Debian: postgresql)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WANTED = "no PostgreSQL here: install Debian's postgresql (it need not run), then these tests start one of their own"


@contextmanager
def postgresql() -> Iterator[Server]:
    """A fresh server on a free port; skips where there is none to start."""
    programs = _programs()
    if programs is None:
        pytest.skip(WANTED)
    with tempfile.TemporaryDirectory(prefix="affetto-pg-", ignore_cleanup_errors=True) as folder:
        server = Server(programs, Path(folder))
        server.make()
        try:
            server.start_somewhere()
            yield server
        finally:
            server.stop()


class Server:
    """Started and stopped at will; root may not run it, so root does as another user."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = self.folder = folder
        self._user = _other_user() if os.geteuid() == 0 else None
        self.port = _free_port()

    @property
    def url(self) -> str:
        return f"postgresql://affetto@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def make(self) -> None:
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", "data", "-U", "affetto", "--auth=trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-w", "-t", "60", "-l", "log", "-o", options, "start")

    def start_somewhere(self) -> None:
        """Other tests look for free ports, too: if this one is taken by now, another will do."""
        for _ in range(3):
            try:
                return self.start()
            except AssertionError:
                self.port = _free_port()
        return self.start()

    def stop(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server
            stderr=subprocess.DEVNULL,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, f"{program} {arguments[0]}: {done.returncode}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs: Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _other_user() -> pwd.struct_passwd:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


async def emptied(url: str) -> None:
    """Drop all that is in a database."""
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
