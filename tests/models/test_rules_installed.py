"""The rules themselves: installed, compared at start, put back by a migration, and each one shown by some test."""

from __future__ import annotations

from django.core import checks
from django.db import connection

from bot.models.triggers import RULES, install, missing
from tests.services.factories import Office, drop_rules

from . import test_rules_delivery, test_rules_editorial
from .sql import PROVED


def test_every_rule_is_installed_and_none_is_unproved(office: Office) -> None:
    assert missing(connection) == []  # type: ignore[arg-type]
    assert test_rules_editorial.__doc__
    assert test_rules_delivery.__doc__  # loading the two has filled PROVED
    assert {rule.name for rule in RULES} == PROVED


def test_a_database_without_a_rule_is_noticed_at_start_and_migrating_puts_it_back(office: Office) -> None:
    drop_rules(event="DELETE")
    gone = [rule.name for rule in RULES if rule.event == "DELETE"]
    assert missing(connection) == gone  # type: ignore[arg-type]
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert {error.msg for error in found} == {f"数据库缺少触发器 {name}" for name in gone}
    assert all(error.hint and "tongfa init" in error.hint for error in found)
    install()
    assert missing(connection) == []  # type: ignore[arg-type]


def test_a_rule_that_was_rewritten_to_allow_everything_is_noticed_at_start(office: Office) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION tongfa_audit_kept() RETURNS trigger AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql"
            )
        else:
            cursor.execute("DROP TRIGGER tongfa_audit_kept")
            cursor.execute(
                "CREATE TRIGGER tongfa_audit_kept BEFORE UPDATE ON bot_auditevent WHEN 0 BEGIN SELECT 1; END"
            )
    assert missing(connection) == ["audit_kept"]  # type: ignore[arg-type]
