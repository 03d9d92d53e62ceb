"""`make lock`: requirements/*.in -> *.txt, every file by hash, for all platforms. Hosts and paths stay out of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
OPTIONS = (
    *("--quiet", "--generate-hashes", "--universal", "--python-version", "3.11"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
)


def main(arguments: list[str]) -> int:
    """Lock base first; dev keeps base's versions. Further arguments go to uv (`--upgrade-package django`)."""
    for name in ("base", "dev"):
        keep = ["--constraints", "base.txt"] if name == "dev" else []
        command = ["uv", "pip", "compile", f"{name}.in", "-o", f"{name}.txt", *OPTIONS, *keep, *arguments]
        subprocess.run([sys.executable, "-m", *command], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
        print(f"· requirements/{name}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
