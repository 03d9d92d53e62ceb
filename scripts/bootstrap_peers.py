"""`python3 scripts/bootstrap_peers.py`: make .venv-peers from benchmarks/peers.txt, by hash; done again only when it changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV, LOCKED = ROOT / ".venv-peers", ROOT / "benchmarks" / "peers.txt"


def main() -> int:
    """Returns an exit status."""
    stamp = VENV / f".installed-{hashlib.sha256(LOCKED.read_bytes()).hexdigest()[:16]}"
    if stamp.exists():
        return 0
    print("· .venv-peers", file=sys.stderr)
    venv.create(VENV, with_pip=True, clear=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    status = subprocess.run([*pip, "--require-hashes", "-r", str(LOCKED)], check=False).returncode
    if status == 0:
        stamp.touch()
    return status


if __name__ == "__main__":
    sys.exit(main())
