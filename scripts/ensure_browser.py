"""Prints the path of a Chromium, installing one if need be: $CHROMIUM, PATH, apt as root, Playwright's download.

A font with Chinese characters comes along where apt can bring it: without one the pages are drawn as boxes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONT_PACKAGE = "fonts-noto-cjk"

MISSING = """\
没有找到 Chromium，也无法自动安装。请安装 chromium，或用环境变量 CHROMIUM 指定其路径。
No Chromium was found and none could be installed: install one, or name it with CHROMIUM=/path/to/chromium."""


def main() -> int:
    """Print the path on stdout, notes on stderr. 1: there is none and none could be had."""
    ways: tuple[Callable[[], str | None], ...] = (named, on_path, by_apt, by_playwright)
    found = next((path for way in ways if (path := way())), None)
    if not found:
        print(MISSING, file=sys.stderr)
        return 1
    if not has_chinese_font() and can_apt():
        apt(FONT_PACKAGE)
    if not has_chinese_font():
        note("no font with Chinese characters: screenshots will show boxes (install fonts-noto-cjk)")
    print(found)
    return 0


def named() -> str | None:
    """$CHROMIUM, if it is a program."""
    path = os.environ.get("CHROMIUM", "")
    if path and not shutil.which(path):
        note(f"CHROMIUM={path} is not a program; looking further")
    return shutil.which(path) if path else None


def on_path() -> str | None:
    """The first known name on the PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def can_apt() -> bool:
    """Whether packages can be installed here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def by_apt() -> str | None:
    """Install Debian's chromium with the font, as root."""
    if can_apt() and apt("chromium", FONT_PACKAGE):
        return on_path()
    return None


def apt(*packages: str) -> bool:
    """Install packages, with fresh lists when the old ones do not do."""
    note(f"apt: {' '.join(packages)}")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    return succeeds(install) or (succeeds(["apt-get", "update", "-qq"]) and succeeds(install))


def by_playwright() -> str | None:
    """Playwright's own download; its folder is in the user's cache."""
    note("playwright install chromium")
    if not succeeds([sys.executable, "-m", "playwright", "install", "chromium"]):
        return None
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if path and Path(path).exists() else None


def has_chinese_font() -> bool:
    """Whether fontconfig knows one; without fontconfig nobody can tell, and we do not insist."""
    if not shutil.which("fc-list"):
        return True
    answer = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False)
    return bool(answer.stdout.strip())


def succeeds(command: list[str]) -> bool:
    """Run a command; its output goes to stderr, stdout belongs to the path."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, check=False, env=env, stdout=sys.stderr, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def note(text: str) -> None:
    """A line for whoever watches."""
    print(f"· {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
