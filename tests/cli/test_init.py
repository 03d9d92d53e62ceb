"""`tongfa init`: what is to be done next depends on what is there already."""

from __future__ import annotations

from bot.cli.home import initialise
from tests.console.world import District


def next_step() -> str:
    reply = initialise(
        live=False, admin="admin", admin_name="吴管", unit="hedong", unit_name="河东区", password="heartily-2017"
    )
    return reply.lines[-1]


def test_of_a_new_home_people_and_accounts_are_to_be_added(db: None) -> None:
    assert next_step() == "下一步：tongfa user add、tongfa account add，然后 tongfa up。"


def test_a_home_that_has_both_only_wants_to_be_started(district: District) -> None:
    assert next_step() == "下一步：tongfa up。"
