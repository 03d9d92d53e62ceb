"""PostgreSQL's TRUNCATE asks no rule about rows: what is not deleted row by row is not emptied as a whole either.

SQLite has no such statement: there a DELETE without a condition asks the rules about each row.
"""

from __future__ import annotations

import pytest
from django.db import connection

from bot.models import AuditEvent
from bot.models.triggers import RULES, install, missing
from bot.services import audit, stops
from tests.services.factories import NOW, Office, after_live

from .sql import proves, refused, run

#: table, and why nothing is deleted from it
KEPT = {
    "bot_review": "reviews are insert-only",
    "bot_auditevent": "the audit trail is append-only",
    "bot_postrecord": "a rendered post is not taken away",
    "bot_waiver": "a waiver is not taken away",
    "bot_freeze": "a freeze is lifted, not taken away",
    "bot_item": "what is taken out needs a new signature",
    "bot_publication": "what is taken out needs a new signature",
    "bot_attempt": "attempts are append-only",
    "bot_portalgate": "a gate is not taken away",
    "bot_takedowncall": "calls that delete are append-only",
    "bot_manualpost": "the book of manual posts is append-only",
    "bot_manualvoid": "a voided entry stays void",
    "bot_manualtask": "a task is not taken away",
    "bot_urgency": "an urgent notice is not taken away",
    "bot_urgentword": "a word stays given",
    "bot_attachmentfile": "a kept file is not taken away",
    "bot_release": "a release is called off, not taken away",
    "bot_edition": "an edition is not taken away",
    "bot_document": "a document is not taken away",
    "bot_account": "an account is taken out of use, not taken away",
    "bot_unit": "a unit is not taken away",
    "bot_person": "a person is taken out of use, not taken away",
    "bot_assetrecord": "a kept picture is not taken away",
}
RULE = "tongfa_review_not_emptied"
HANDS = {
    "dropped": f"DROP TRIGGER {RULE} ON bot_review",
    "disabled": f"ALTER TABLE bot_review DISABLE TRIGGER {RULE}",
    "too late": f"DROP TRIGGER {RULE} ON bot_review; "
    f"CREATE TRIGGER {RULE} AFTER TRUNCATE ON bot_review FOR EACH STATEMENT EXECUTE FUNCTION {RULE}()",
    "another event": f"DROP TRIGGER {RULE} ON bot_review; "
    f"CREATE TRIGGER {RULE} BEFORE DELETE ON bot_review FOR EACH STATEMENT EXECUTE FUNCTION {RULE}()",
    "rewritten": f"CREATE OR REPLACE FUNCTION {RULE}() RETURNS trigger AS $$ BEGIN RETURN NULL; END $$ LANGUAGE plpgsql",
}


@pytest.fixture
def used(office: Office) -> Office:
    """Signed, waiting for the portal, and stopped. A TRUNCATE wants no check left for the end of the transaction."""
    office.signed(sync=after_live())
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=NOW)
    run("SET CONSTRAINTS ALL IMMEDIATE" if connection.vendor == "postgresql" else "SELECT 1")
    return office


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        return int(cursor.fetchone()[0])


def test_all_tables_from_which_something_is_never_deleted_are_spoken_of_here() -> None:
    assert {rule.table: rule.message for rule in RULES if rule.event == "DELETE"} == KEPT


@proves(*(f"{table.removeprefix('bot_')}_not_emptied" for table in KEPT))
@pytest.mark.parametrize("table", KEPT)
def test_what_is_not_deleted_row_by_row_is_not_emptied_as_a_whole(used: Office, table: str) -> None:
    if connection.vendor != "postgresql":
        return
    before = count(table)
    for more in ("CASCADE", "RESTART IDENTITY CASCADE"):
        with refused(KEPT[table]):
            run(f"TRUNCATE {table} {more}")
    assert count(table) == before


@pytest.mark.parametrize(
    "table", ["bot_unit", "bot_person", "bot_document", "bot_edition", "bot_release", "bot_account"]
)
def test_emptying_what_they_refer_to_does_not_empty_them_along_with_it(used: Office, table: str) -> None:
    if connection.vendor != "postgresql":
        return
    with refused("tongfa: "):
        run(f"TRUNCATE {table} CASCADE")


def test_the_trail_is_whole_after_a_hand_tried_to_empty_it_among_other_tables(used: Office) -> None:
    if connection.vendor != "postgresql":
        return
    lines = AuditEvent.objects.count()
    with refused("the audit trail is append-only"):
        run("TRUNCATE django_session, bot_auditevent")
    assert audit.verify_chain()[::2] == (lines, None)


@pytest.mark.parametrize("hand", HANDS)
def test_a_rule_against_emptying_that_is_gone_or_says_nothing_is_noticed_and_put_back(used: Office, hand: str) -> None:
    if connection.vendor != "postgresql":
        return
    run(HANDS[hand])
    assert missing(connection) == ["review_not_emptied"]  # type: ignore[arg-type]
    install()
    assert missing(connection) == []  # type: ignore[arg-type]
    with refused("reviews are insert-only"):
        run("TRUNCATE bot_review CASCADE")
