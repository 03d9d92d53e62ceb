"""The rules themselves: installed, compared at start, put back by a migration, and each one shown by some test."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.models import Attempt, Batch, Publication, Release
from bot.models.structure import absent
from bot.models.triggers import RULES, fingerprint, install, missing, rules_of
from tests.services.factories import Office, drop_rules

from . import (
    test_rules_again,
    test_rules_attachments,
    test_rules_by_hand,
    test_rules_delivery,
    test_rules_editorial,
    test_rules_emptied,
    test_rules_replaced,
    test_rules_urgent,
    test_rules_whole,
    test_rules_withdrawing,
)
from .sql import PROVED, run

MADE = (
    "DROP TRIGGER tongfa_attempt_signed ON bot_attempt; "
    "CREATE TRIGGER tongfa_attempt_signed {} EXECUTE FUNCTION tongfa_attempt_signed()"
)


def test_every_rule_is_installed_and_none_is_unproved(office: Office) -> None:
    assert missing(connection) == []  # type: ignore[arg-type]
    for module in (
        test_rules_again,
        test_rules_attachments,
        test_rules_by_hand,
        test_rules_editorial,
        test_rules_delivery,
        test_rules_emptied,
        test_rules_replaced,
        test_rules_urgent,
        test_rules_whole,
        test_rules_withdrawing,
    ):
        assert module.__doc__  # loading them has filled PROVED
    assert {rule.name for rule in rules_of("postgresql")} == PROVED  # those of SQLite, and more


def test_a_database_without_a_rule_is_noticed_at_start_and_migrating_puts_it_back(office: Office) -> None:
    drop_rules(event="DELETE")
    gone = [rule.name for rule in RULES if rule.event == "DELETE"]
    assert missing(connection) == gone  # type: ignore[arg-type]
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert {error.msg for error in found} == {f"数据库缺少规则 {name}，或已被改动" for name in gone}
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


POSTGRESQL = {
    "disabled": "ALTER TABLE bot_attempt DISABLE TRIGGER tongfa_attempt_signed",
    "replicas only": "ALTER TABLE bot_attempt ENABLE REPLICA TRIGGER tongfa_attempt_signed",
    "never": MADE.format("BEFORE INSERT ON bot_attempt FOR EACH ROW WHEN (false)"),
    "another event": MADE.format("BEFORE DELETE ON bot_attempt FOR EACH ROW"),
    "too late": MADE.format("AFTER INSERT ON bot_attempt FOR EACH ROW"),
    "another table": "CREATE TABLE decoy (publication_id int); " + MADE.format("BEFORE INSERT ON decoy FOR EACH ROW"),
    "another schema": "CREATE SCHEMA aside; CREATE TABLE aside.bot_attempt (publication_id int); "
    + MADE.format("BEFORE INSERT ON aside.bot_attempt FOR EACH ROW"),
    "other tables for the function": "ALTER FUNCTION tongfa_attempt_signed() SET search_path = pg_temp",
}
"""What leaves the trigger's name and its function's text as they are."""


@pytest.mark.parametrize("hand", POSTGRESQL)
def test_a_rule_that_is_there_by_name_only_is_noticed_and_put_back(office: Office, hand: str) -> None:
    if connection.vendor != "postgresql":
        return
    run(POSTGRESQL[hand])
    assert missing(connection) == ["attempt_signed"]  # type: ignore[arg-type]
    install()
    assert missing(connection) == []  # type: ignore[arg-type]


def test_a_session_that_asks_no_rule_is_noticed(office: Office) -> None:
    if connection.vendor != "postgresql":
        return
    run("SET session_replication_role = replica")
    assert missing(connection) == ["session_replication_role"]  # type: ignore[arg-type]
    run("SET session_replication_role = DEFAULT")


def test_rules_that_this_version_does_not_know_are_taken_away_and_what_stands_is_left(office: Office) -> None:
    if connection.vendor == "postgresql":
        run("CREATE TRIGGER tongfa_old BEFORE DELETE ON bot_unit FOR EACH ROW EXECUTE FUNCTION tongfa_audit_kept()")
    else:
        run("CREATE TRIGGER tongfa_old BEFORE DELETE ON bot_unit BEGIN SELECT RAISE(ABORT, 'tongfa: old'); END")
    before = fingerprint(connection)  # type: ignore[arg-type]
    install()
    assert fingerprint(connection) != before  # type: ignore[arg-type]
    with CaptureQueriesContext(connection) as captured:
        install()
    assert not [query for query in captured if "TRIGGER" in query["sql"].upper().split("(")[0].split("FROM")[0]]


@pytest.mark.parametrize("name", ["attempt_single_flight", "attempt_one_per_account", "publication_next"])
def test_a_dropped_index_is_noticed(office: Office, name: str) -> None:
    assert absent(connection) == []  # type: ignore[arg-type]
    run(f"DROP INDEX {name}")
    table = "bot_attempt" if name.startswith("attempt") else "bot_publication"
    assert missing(connection) == [f"{table}.{name}"]  # type: ignore[arg-type]


def test_an_index_that_is_not_unique_any_more_or_leaves_rows_out_is_noticed(office: Office) -> None:
    run("DROP INDEX attempt_single_flight")
    run("CREATE INDEX attempt_single_flight ON bot_attempt (publication_id) WHERE outcome = ''")
    assert missing(connection) == ["bot_attempt.attempt_single_flight"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("attempt_single_flight", "UNIQUE INDEX attempt_single_flight ON bot_attempt (id) WHERE outcome = ''"),
        ("attempt_single_flight", "UNIQUE INDEX attempt_single_flight ON bot_attempt (publication_id) WHERE kind = ''"),
        ("attempt_number", "UNIQUE INDEX attempt_number ON bot_attempt (id)"),
    ],
)
def test_an_index_of_that_name_on_something_else_is_noticed(office: Office, name: str, made: str) -> None:
    if name == "attempt_number" and connection.vendor == "postgresql":
        run("ALTER TABLE bot_attempt DROP CONSTRAINT attempt_number")
    elif name != "attempt_number":
        run(f"DROP INDEX {name}")
    else:
        return  # SQLite holds it within the table
    run(f"CREATE {made}")
    assert missing(connection) == [f"bot_attempt.{name}"]  # type: ignore[arg-type]


def test_a_check_of_that_name_that_allows_everything_is_noticed(office: Office) -> None:
    name = "publication_never_early"
    if connection.vendor == "postgresql":
        run(f"ALTER TABLE bot_publication DROP CONSTRAINT {name}")
        run(f"ALTER TABLE bot_publication ADD CONSTRAINT {name} CHECK (true)")
    else:
        run("PRAGMA writable_schema=ON")
        run(
            f"""UPDATE sqlite_master SET sql = replace(sql, '"{name}" CHECK (', '"{name}" CHECK (1) CHECK (')"""
            " WHERE name = 'bot_publication'"
        )
    assert missing(connection) == [f"bot_publication.{name}"]  # type: ignore[arg-type]


def test_a_trigger_of_somebody_else_that_could_rewrite_a_row_is_noticed(office: Office) -> None:
    if connection.vendor == "postgresql":
        run(
            "CREATE FUNCTION zz() RETURNS trigger AS $$ BEGIN NEW.payload_hashes = '[]'; RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        run("CREATE TRIGGER zz BEFORE INSERT ON bot_attempt FOR EACH ROW EXECUTE FUNCTION zz()")
        run("CREATE TRIGGER auditors AFTER INSERT ON bot_attempt FOR EACH ROW EXECUTE FUNCTION zz()")
    else:
        run("CREATE TRIGGER zz AFTER INSERT ON bot_attempt BEGIN SELECT 1; END")
    assert missing(connection) == ["bot_attempt.zz（外来触发器）"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Publication, "publication_never_early"),
        (Publication, "publication_state"),
        (Publication, "publication_lane"),
        (Attempt, "attempt_outcome"),
        (Attempt, "attempt_number"),
        (Release, "release_signature_complete"),
        (Batch, "batch_state"),
    ],
)
def test_a_dropped_constraint_is_noticed(office: Office, model: Any, name: str) -> None:
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    else:
        run("PRAGMA writable_schema=ON")
        run(
            f"""UPDATE sqlite_master SET sql = replace(sql, 'CONSTRAINT "{name}"', 'CONSTRAINT "other"') WHERE name = '{table}'"""
        )
    assert missing(connection) == [f"{table}.{name}"]  # type: ignore[arg-type]


def test_a_key_that_is_not_unique_any_more_is_noticed(office: Office) -> None:
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'bot_publication'::regclass AND contype = 'u'"
        )
        (name,) = [name for (name,) in cursor.fetchall() if "key" in name]
    run(f"ALTER TABLE bot_publication DROP CONSTRAINT {name}")
    assert missing(connection) == ["bot_publication.key"]  # type: ignore[arg-type]
