"""The PostgreSQL that the tests bring along."""

from __future__ import annotations

import psycopg


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
