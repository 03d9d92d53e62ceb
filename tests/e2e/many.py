"""`python -m tests.e2e.many`: several `tongfa` commands in one process, to save their start-up.

Standard input: a JSON list of argument lists. Standard output: one JSON document per command, in order. It ends with
the status of the first command that does not end with 0.
"""

from __future__ import annotations

import json
import sys

from bot.cli.main import main


def run(arguments: list[str]) -> int:
    """One command's exit status."""
    try:
        main(arguments, prog_name="tongfa", standalone_mode=False)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    for command in json.load(sys.stdin):
        if status := run([*command, "--json"]):
            sys.stderr.write(f"tongfa {' '.join(command)}: {status}\n")
            sys.exit(status)
