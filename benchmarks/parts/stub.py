"""The server that everything is sent to: benchmarks/stub.c, built on the way, or a slower stand-in in Python.

with Stub() as stub:
    stub.base(17)                  # the address of account 17, "http://127.0.0.1:PORT/17"
    stub.journal()                 # every request so far: arrival, account, call, bytes
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "stub.c"
#: By these calls something becomes public: the ones that may arrive at T and not before.
PUBLIC = frozenset({"send", "message/mass/sendall", "freepublish/submit", "statuses/share"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: when its first byte came (nanoseconds since the epoch), for whom, which call, how long."""

    ns: int
    account: int
    call: str
    size: int

    @property
    def public(self) -> bool:
        """Whether it makes something public."""
        return self.call in PUBLIC

    @property
    def at(self) -> float:
        """Seconds since the epoch."""
        return self.ns / 1e9


def compiler() -> str | None:
    """A C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _folder() -> Path:
    root = SOURCE.parents[1] / ".venv"
    folder = (root if root.is_dir() else Path(tempfile.gettempdir())) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def built(*, tls: bool = False) -> Path | None:
    """The stub as a program, compiled if it has changed; None where that cannot be done (said on stderr)."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    program = _folder() / f"stub{'-tls' if tls else ''}-{digest}"
    if program.exists():
        return program
    with_c = compiler()
    if with_c is None:
        print("· no C compiler (cc, gcc, clang): stamps come from a slower stub in Python", file=sys.stderr)
        return None
    fresh = program.with_suffix(f".{os.getpid()}")
    extra = ["-DWITH_TLS", "-lssl", "-lcrypto"] if tls else []
    command = [with_c, "-O2", "-o", str(fresh), str(SOURCE), *extra]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        what = "with TLS (are OpenSSL's headers there? libssl-dev)" if tls else ""
        print(f"· stub.c does not compile {what}\n{done.stderr}", file=sys.stderr)
        return None
    fresh.replace(program)
    return program


class Stub:
    """The running server. `delay_ms` applies to public calls, `delay_all_ms` to the others.

    `tls` is (certificate, key), PEM files; then `tls_port` listens too. RuntimeError where TLS cannot be had.
    `python` forces the stand-in.
    """

    def __init__(
        self, *, delay_ms: int = 0, delay_all_ms: int = 0, tls: tuple[Path, Path] | None = None, python: bool = False
    ) -> None:
        program = None if python else built(tls=tls is not None)
        if program is None and tls is not None:
            raise RuntimeError("the stub speaks TLS only where it can be compiled with OpenSSL")
        self.in_c = program is not None
        start = [str(program)] if program else [sys.executable, "-m", "benchmarks.parts.pystub"]
        extra = ["--tls", str(tls[0]), str(tls[1])] if tls else []
        self._argv = [*start, "--delay-ms", str(delay_ms), "--delay-all-ms", str(delay_all_ms), *extra]

    def __enter__(self) -> Stub:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._argv, cwd=SOURCE.parents[1], stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout
        self.port, self.tls_port = map(int, self._process.stdout.readline().split())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def base(self, account: int | str, *, tls: bool = False) -> str:
        """Where that account's platform is."""
        return f"https://127.0.0.1:{self.tls_port}/{account}" if tls else f"http://127.0.0.1:{self.port}/{account}"

    def journal(self) -> list[Arrival]:
        """All requests since the last `clear`, as they were completed."""
        found = []
        for line in self._ask("GET", "/_stub/journal").decode().splitlines():
            ns, account, call, size = line.split()
            found.append(Arrival(int(ns), int(account), call, int(size)))
        return found

    def public(self, accounts: Sequence[int] | range | None = None) -> list[Arrival]:
        """The public calls (of these accounts)."""
        return [line for line in self.journal() if line.public and (accounts is None or line.account in accounts)]

    def clear(self) -> None:
        """Forget the journal."""
        self._ask("POST", "/_stub/clear")

    def delay(self, public_ms: int, other_ms: int = 0) -> None:
        """How long answers take from now on."""
        self._ask("POST", f"/_stub/delay?{public_ms},{other_ms}")

    def stamped_by(self) -> str:
        """Who stamps: "kernel", "clock" or "clock (Python)"."""
        if not self.in_c:
            return "clock (Python)"
        counts = json.loads(self._ask("GET", "/_stub/about"))
        return "kernel" if counts["by_kernel"] >= counts["by_clock"] else "clock"

    def _ask(self, method: str, path: str) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, path)
            return line.getresponse().read()
        finally:
            line.close()
