"""The PostgreSQL that the tests bring along."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import psycopg
import pytest


def test_it_answers_commits_synchronously_and_listens_on_no_port(postgres):
    with psycopg.connect(postgres) as connection:
        row = connection.execute(
            "select current_setting('synchronous_commit'), current_setting('listen_addresses')"
        ).fetchone()
    assert row == ("on", "")


def test_its_address_is_one_that_the_settings_take(postgres, tmp_path):
    from config.database import database_settings

    settings = database_settings(postgres, test_folder=tmp_path)
    with psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], **settings["OPTIONS"]
    ) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_process_that_is_stopped_in_its_transaction_does_not_hold_up_the_others_for_long(postgres, tmp_path):
    """It may have the lock of the audit trail: the server takes the transaction back, and the lock is free."""
    from config.database import database_settings

    url = f"{postgres}{'&' if '?' in postgres else '?'}options={quote('-c idle_in_transaction_session_timeout=50ms')}"
    given, usual = (database_settings(one, test_folder=tmp_path) for one in (url, postgres))

    def connected(settings: dict[str, Any]) -> psycopg.Connection[Any]:
        return psycopg.connect(
            dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], **settings["OPTIONS"]
        )

    with connected(usual) as other, suppress(psycopg.Error), connected(given) as stopped:
        assert other.execute("show idle_in_transaction_session_timeout").fetchone() == ("30s",)
        stopped.execute("select pg_advisory_xact_lock(4711)")
        other.execute("select pg_advisory_xact_lock(4711)")  # waits, and gets it
        with pytest.raises(psycopg.OperationalError):
            stopped.execute("select 1")
