"""`make lock`: requirements/*.in and benchmarks/peers.in -> *.txt, every file by hash, for all platforms.

Hosts and paths stay out of it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Folder, name, and what the versions are kept to.
LOCKED = (
    ("requirements", "base", ()),
    ("requirements", "dev", ("--constraints", "base.txt")),
    ("benchmarks", "peers", ("--constraints", "../requirements/base.txt")),
)
OPTIONS = (
    *("--quiet", "--generate-hashes", "--universal", "--python-version", "3.11"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
)


def main(arguments: list[str]) -> int:
    """Lock base first; the others keep base's versions. Further arguments go to uv (`--upgrade-package django`)."""
    for folder, name, keep in LOCKED:
        command = ["uv", "pip", "compile", f"{name}.in", "-o", f"{name}.txt", *OPTIONS, *keep, *arguments]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT / folder, check=True, stdout=subprocess.DEVNULL)
        print(f"· {folder}/{name}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
