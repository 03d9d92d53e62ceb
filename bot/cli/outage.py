"""The database is away, locked or damaged: said to people, with what to do, instead of a trace."""

from __future__ import annotations

from typing import TypeGuard

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, ProgrammingError, connection

CODE = "database"
_LOCKED = ("locked", "busy")
_DAMAGED = ("not a database", "malformed", "disk image")
_NOT_MADE = ("no such table", "does not exist", "no such column")
_AT_ODDS = ("already exists",)
_FULL = ("disk is full", "database or disk", "no space")
_READ_ONLY = ("readonly", "read-only")


def told(error: DatabaseError) -> tuple[str, str]:
    """What happened, and who must do what; neither with a password in it."""
    text = str(error).lower()
    where = _where()
    for words, what, remedy in (
        (_LOCKED, f"{where}正被别的程序占用", "请稍后再试；一直这样的，请系统管理员查明是哪个程序占着。"),
        (_DAMAGED, f"{where}打不开，文件已损坏或不是 Tongfa 的数据库", "请系统管理员停下各进程，用最近的备份恢复（tongfa restore）。"),
        (_FULL, f"{where}写不进去，磁盘已满", "请系统管理员清理磁盘后再试。"),
        (_READ_ONLY, f"{where}只能读，不能写", "请系统管理员检查数据库文件和目录的权限。"),
        (_AT_ODDS, f"{where}与升级记录对不上：要建的表已经在了", "请系统管理员用最近的备份恢复；不要手工删表。"),
        (_NOT_MADE, f"{where}还没有建好，或者不是本版本的", "请系统管理员运行 tongfa up（或 tongfa init）升级。"),
    ):  # fmt: skip
        if any(word in text for word in words):
            return what, remedy
    return f"连不上{where}", "请系统管理员检查数据库是否在运行、DATABASE_URL 是否正确。"


def sentence(error: DatabaseError) -> str:
    """Both, for a command that was not carried out."""
    what, remedy = told(error)
    return f"{what}，这一次没有办完：请先恢复数据库，查看现状后再办。{remedy}"


def is_outage(error: BaseException) -> TypeGuard[DatabaseError]:
    """Whether it is the database's trouble and not a fault in what was asked of it: of those the trace is wanted."""
    if isinstance(error, ProgrammingError):
        return any(word in str(error).lower() for word in (*_NOT_MADE, *_AT_ODDS))
    return isinstance(error, DatabaseError) and not isinstance(error, (IntegrityError, DataError))


def _where() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"数据库（{settings.TONGFA.home.path}）"
    return f"数据库（{values.get('HOST') or '本机'}:{values.get('PORT') or 5432}）"
