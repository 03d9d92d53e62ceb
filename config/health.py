"""`python -m config.health NAME`: exit 0 if that process gave a sign of life lately, else 1. For containers."""

from __future__ import annotations

import sys

from bot.runtime.alive import age, is_fresh
from config.env import load


def main(arguments: list[str]) -> int:
    """Look at one process of this host and say on stderr what is wrong with it."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m config.health clock|worker-publish|worker-work\n")
        return 2
    home, name = load().home, arguments[0]
    if is_fresh(home, name):
        return 0
    seconds = age(home, name)
    told = "从未报告" if seconds is None else f"已 {seconds:.0f} 秒没有动静"
    sys.stderr.write(f"{name} {told}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
