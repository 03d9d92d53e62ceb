"""System checks: what is wrong with this installation, at start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, connections

from .models.triggers import missing


@register(Tags.database)
def triggers_are_installed(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """The four-eyes rules live in the database too; without them Tongfa does not start."""
    if not databases or DEFAULT_DB_ALIAS not in databases:
        return []
    connection = connections[DEFAULT_DB_ALIAS]
    if "bot_review" not in connection.introspection.table_names():
        return []
    return [
        Error(f"数据库缺少规则 {name}，或已被改动", hint="运行 tongfa up 或 tongfa init 以重新安装。", id="tongfa.E001")
        for name in missing(connection)
    ]
