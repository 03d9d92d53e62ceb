"""A start is short: the clock starts a process for each piece of work that no worker answered for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.home import Home
from tests.e2e.processes import ROOT
from tests.support import schema

ONCE = ("run", "once", "inspect", "0", "--json")


def loaded(home: Home, *arguments: str) -> set[str]:
    """What the process of a command had imported when it ended."""
    code = (
        "import json, sys\n"
        "from bot.cli.main import main\n"
        "try: main(sys.argv[1:], prog_name='tongfa')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=home.env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_start_on_sqlite_does_not_load_the_driver_of_another_database(tmp_path: Path) -> None:
    """With the code of sending and of its locks loaded; only on PostgreSQL are they sessions."""
    home = Home(tmp_path / "home")
    schema.place(home.path)
    home.tongfa("init")
    found = loaded(home, *ONCE)
    assert "bot.services.locks" in found
    assert {name for name in found if name.split(".")[0] in {"psycopg", "psycopg_binary"}} == set()
