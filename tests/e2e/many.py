"""`python -m tests.e2e.many`: several `tongfa` commands in one process, to save their start-up.

Standard input: a JSON list of argument lists. Standard output: one JSON document per command, in order. It ends with
the status of the first command that does not end with 0. With `--each` nothing ends it, and each document says what the
command would have left behind as a process of its own: `{"code": 1, "out": "...", "err": "..."}`.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import click

from bot.cli.main import main


def run(arguments: list[str]) -> int:
    """One command's exit status."""
    try:
        main(arguments, prog_name="tongfa", standalone_mode=False)
    except SystemExit as end:
        return int(end.code or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


def each(arguments: list[str]) -> dict[str, int | str]:
    """What one command answers, whatever it is."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run(arguments)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for command in json.load(sys.stdin):
        if "--each" in sys.argv:
            print(json.dumps(each([*command, "--json"])))
        elif status := run([*command, "--json"]):
            sys.stderr.write(f"tongfa {' '.join(command)}: {status}\n")
            sys.exit(status)
