"""Somebody took the database's rules away: nothing that sends starts, and `tongfa init` says so before it mends them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .home import Home

pytestmark = pytest.mark.e2e


def _drop(home: Home, table: str) -> None:
    with sqlite3.connect(home.path / "tongfa.sqlite3") as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [table])
        for (name,) in rows.fetchall():
            database.execute(f"DROP TRIGGER {name}")
    database.close()


def test_no_clock_and_no_sender_start_without_the_rules_and_the_mending_is_on_record(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", {"BROKER_URL": "redis://127.0.0.1:9/0"})
    home.tongfa("init")
    _drop(home, "bot_attempt")
    starts = [("clock", "run", "clock"), ("sender", "run", "worker", "--queue", "publish")]
    started = [home.start(*arguments) for arguments in starts]
    try:
        for process in started:
            assert process.wait(60) == 1
            for words in ("未启动：数据库规则缺少或被改动", "attempt_signed", "没有发出任何内容", "tongfa up"):
                assert words in process.output()
            assert "Traceback" not in process.output()
    finally:
        for process in started:
            process.end()
    home.tongfa("init")
    said = [row["action"] for row in home.rows("SELECT action FROM bot_auditevent WHERE subject LIKE 'home%'")]
    assert said.index("rules.tampered") < len(said) - 1 - said[::-1].index("alarm.raised")
    assert {row["subject"] for row in home.rows("SELECT subject FROM bot_alarm")} == {"home", "home:rules"}
    assert home.rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'bot_attempt'")
