"""`python3 scripts/bootstrap.py base|dev`: make .venv ready. Standard library only; done again only when needed.

`base` is what `make demo` needs, `dev` what `make test` needs besides. Packages are installed by hash from
requirements/*.txt; the stamp in .venv is the hash of what was installed, so a second run takes milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LEVELS = {"base": ("base",), "dev": ("base", "dev")}

NO_VENV = """\
这台机器的 Python 不能建立虚拟环境（缺少 venv/ensurepip）。Debian/Ubuntu 请先运行：apt install python{v}-venv
This Python cannot make a virtual environment (venv or ensurepip is missing). On Debian or Ubuntu:
    apt install python{v}-venv
then run make again."""

LAUNCHER = """\
#!/bin/sh
'''exec' '{python}' "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


def main(arguments: list[str]) -> int:
    """Prepare the environment of the level that is named. Returns an exit status."""
    level = arguments[0] if arguments else "base"
    if level not in LEVELS:
        print(f"usage: bootstrap.py {'|'.join(LEVELS)}", file=sys.stderr)
        return 2
    try:
        make_venv()
        install(level)
        link()
    except subprocess.CalledProcessError as error:
        print(error.output or f"failed: {error.cmd[:4]}", file=sys.stderr)
        return 1
    return 0


def make_venv() -> None:
    """Create .venv with pip, unless a working one is there. Exits with a message where Python cannot."""
    if PYTHON.exists() and works(PYTHON):
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    say(f"virtual environment .venv (Python {version})")
    made = quietly([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if made.returncode:
        print(NO_VENV.format(v=version), file=sys.stderr)
        sys.exit(1)


def install(level: str) -> None:
    """Install the locked packages of `level`, unless its stamp, or that of a higher level, fits."""
    if any(stamp(other).exists() for other, holds in LEVELS.items() if level in holds):
        return
    say(f"packages of requirements/{level}.txt (hash-locked; once)")
    for old in VENV.glob(".installed-*"):
        old.unlink()
    lock = ROOT / "requirements" / f"{level}.txt"
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--prefer-binary", "--require-hashes"]
    quietly([str(PYTHON), "-m", "pip", "install", *options, "-r", str(lock)])
    stamp(level).touch()


def stamp(level: str) -> Path:
    """The file that says: exactly these locks are installed."""
    digest = hashlib.sha256(sys.version.encode())
    for name in LEVELS[level]:
        digest.update((ROOT / "requirements" / f"{name}.txt").read_bytes())
    return VENV / f".installed-{level}-{digest.hexdigest()[:16]}"


def link() -> None:
    """Put the checkout on the path of .venv, and its commands into .venv/bin.

    A path file instead of `pip install -e .`: it needs no build back end, leaves nothing in the checkout, and
    a new top-level package is found at once.
    """
    site = next((VENV / "lib").glob("python3.*/site-packages"))
    write(site / "tongfa.pth", f"{ROOT}\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name, target in project["scripts"].items():
        module, _, function = target.partition(":")
        text = LAUNCHER.format(python=str(PYTHON).replace("'", "'\\''"), module=module, function=function)
        write(VENV / "bin" / name, text, mode=0o755)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file, only if it differs: a running command may be reading it."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
        path.chmod(mode)


def works(python: Path) -> bool:
    """Whether that interpreter still runs (a .venv dies with the Python that made it) and has pip."""
    has_pip = any(VENV.glob("lib/python3.*/site-packages/pip/__init__.py"))
    try:
        return has_pip and quietly([str(python), "-I", "-S", "-c", "pass"], check=False).returncode == 0
    except OSError:
        return False


def quietly(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is shown only if it fails."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    return subprocess.run(
        command, check=check, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean, cwd=ROOT
    )


def say(text: str) -> None:
    """One line a step."""
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
