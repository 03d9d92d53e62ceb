"""`make bench`: every benchmark of the repository, one after the other. Arguments go to each of them."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("benchmarks.launcher_lateness",)


def main() -> int:
    """The worst exit status."""
    return max(
        subprocess.run([sys.executable, "-m", name, *sys.argv[1:]], check=False).returncode for name in BENCHMARKS
    )


if __name__ == "__main__":
    sys.exit(main())
