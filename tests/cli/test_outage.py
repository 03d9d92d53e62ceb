"""The database is the trouble: commands say so in Chinese, on paper and as JSON, and never with a trace or a password."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError

from bot.cli import outage
from tests.e2e.home import Home
from tests.e2e.processes import ROOT, TONGFA
from tests.support import schema

NOWHERE = "postgresql://tongfa:password-of-it@127.0.0.1:1/tongfa"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("outage") / "home")
    schema.place(made.path)
    made.tongfa("init")
    return made


def asked(home: Home, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TONGFA, *arguments], env={**home.env, **more}, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_doctor_names_the_database_as_what_would_stop_tomorrows_release(home: Home) -> None:
    done = asked(home, "doctor", "--offline", "--json", DATABASE_URL=NOWHERE)
    assert done.returncode == 3, done.stderr
    (check,) = [one for one in json.loads(done.stdout)["checks"] if one["code"] == "database"]
    assert (check["ok"], check["message"]) == (False, "连不上数据库（127.0.0.1:1），到点不会发布，其他各项查不了")
    assert "DATABASE_URL" in check["remedy"]
    assert "password-of-it" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [("release", "list", "--as", "zhou"), ("release", "freeze", "--as", "zhou"), ("audit", "verify")]
)
def test_other_commands_are_not_carried_out_and_say_why(home: Home, command: tuple[str, ...]) -> None:
    done = asked(home, *command, "--json", DATABASE_URL=NOWHERE)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["code"]) == (1, False, "database")
    assert answer["message"].startswith("连不上数据库（127.0.0.1:1）")


@pytest.mark.parametrize("command", [("up", "--port", "0"), ("init",)])
def test_what_starts_the_processes_says_so_too(home: Home, command: tuple[str, ...]) -> None:
    done = asked(home, *command, DATABASE_URL=NOWHERE)
    assert done.returncode == 1
    assert "连不上数据库" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    schema.place(home.path)
    home.tongfa("init")
    for one in home.path.glob("tongfa.sqlite3*"):
        one.unlink()
    (home.path / "tongfa.sqlite3").write_bytes(b"not what it was" * 100)
    done = asked(home, "doctor", "--offline")
    assert done.returncode == 3
    assert "已损坏" in done.stdout
    assert "tongfa restore" in done.stdout


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("database is locked", "占用"), ("attempt to write a readonly database", "只能读"), ("no such table: bot_unit", "升级"),
        ("database or disk is full", "已满"), ("server closed the connection unexpectedly", "连不上"),
    ],
)  # fmt: skip
def test_each_trouble_has_its_own_words_and_remedy(error: str, words: str) -> None:
    assert words in outage.sentence(OperationalError(error))


def test_what_a_rule_of_the_database_refused_is_no_outage() -> None:
    assert outage.is_outage(OperationalError("x"))
    assert outage.is_outage(DatabaseError("file is not a database"))
    assert not outage.is_outage(IntegrityError("tongfa: a freeze is lifted"))
    assert not outage.is_outage(ValueError("x"))
    assert not outage.is_outage(ProgrammingError('syntax error at or near "SELEC"')), "a fault of ours"
    assert outage.is_outage(ProgrammingError('relation "bot_unit" does not exist'))
    assert outage.is_outage(ProgrammingError('relation "bot_unit" already exists'))
    assert "升级记录对不上" in outage.told(OperationalError('table "bot_unit" already exists'))[0]


def spoilt(tmp_path: Path, spoil: Callable[[Path], object]) -> Home:
    home = Home(tmp_path / "home")
    schema.place(home.path)
    home.tongfa("init")
    spoil(home.path)
    return home


def rewrite(name: str, held: bytes) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        (path / name).unlink(missing_ok=True)
        (path / name).write_bytes(held)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (rewrite("keys/audit.key", b"abc"), "chain", "audit.key 是空的或已损坏"),
        (rewrite("keys/master.key", b""), "bad_key", "master.key 是空的或已损坏"),
        (lambda path: (path / "keys" / "master.key").unlink(), "no_keys", "不要另建一个"),
    ],
    ids=["torn key of the trail", "empty master key", "no master key"],
)
def test_doctor_names_a_key_that_is_gone_or_torn_and_looks_at_all_else(
    tmp_path: Path, spoil: Callable[[Path], object], code: str, words: str
) -> None:
    done = asked(spoilt(tmp_path, spoil), "doctor", "--offline", "--json")
    found = {one["code"]: one for one in json.loads(done.stdout)["checks"]}
    assert (done.returncode, found[code]["ok"]) == (3, False)
    assert words in found[code]["message"]
    assert {"home", "people", "accounts", "clock_process"} <= found.keys()


def test_a_home_whose_own_file_is_torn_says_so_and_does_nothing(tmp_path: Path) -> None:
    home = spoilt(tmp_path, rewrite("home.json", b""))
    for command in (("doctor", "--offline"), ("release", "list", "--as", "zhou"), ("init",)):
        done = asked(home, *command, "--json")
        answer = json.loads(done.stdout)
        assert (done.returncode, answer["code"]) == (1, "bad_home"), command
    done = asked(home, "up", "--port", "0")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "home.json 读不懂" in done.stderr


def test_init_does_not_make_the_key_of_a_trail_anew(tmp_path: Path) -> None:
    home = spoilt(tmp_path, lambda path: (path / "keys" / "audit.key").unlink())
    done = asked(home, "init", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (1, "lost_key")
    assert not (home.path / "keys" / "audit.key").exists()
