"""DATABASE_URL and BROKER_URL in the forms that Django and kombu want."""

from __future__ import annotations

from pathlib import Path

import pytest
from kombu.utils.url import url_to_parts

from config.broker import BrokerUrlError, broker_address
from config.database import database_settings

SOCKET = Path("/srv/同发 home/run/valkey.sock")


def test_sqlite_waits_for_its_lock_and_survives_a_power_cut(tmp_path):
    settings = database_settings("sqlite:////srv/%E5%90%8C%E5%8F%91/db.sqlite3", test_folder=tmp_path)
    assert settings["NAME"] == "/srv/同发/db.sqlite3"
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["OPTIONS"]["timeout"] == 20
    assert "synchronous=EXTRA" in settings["OPTIONS"]["init_command"]
    assert "journal_mode=DELETE" in settings["OPTIONS"]["init_command"]


def test_a_relative_sqlite_file_is_made_absolute_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert database_settings("sqlite:///x.db", test_folder=tmp_path)["NAME"] == str(tmp_path / "x.db")


def test_postgresql_commits_synchronously_and_takes_driver_options_from_the_query(tmp_path):
    settings = database_settings(
        "postgresql://user%40x:p%3Aw@db.example:6432/tongfa?sslmode=verify-full", test_folder=tmp_path
    )
    assert (settings["USER"], settings["PASSWORD"]) == ("user@x", "p:w")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", "6432", "tongfa")
    assert settings["OPTIONS"]["sslmode"] == "verify-full"
    assert "synchronous_commit=on" in settings["OPTIONS"]["options"]


def test_postgresql_over_a_socket_folder(tmp_path):
    settings = database_settings("postgresql://tongfa@/postgres?host=%2Ftmp%2Fpg", test_folder=tmp_path)
    assert settings["HOST"] == "/tmp/pg"
    assert "host" not in settings["OPTIONS"]


def test_without_an_address_the_broker_is_the_embedded_socket_whatever_its_path():
    assert url_to_parts(broker_address("", SOCKET).replace("redis+", ""))[5] == str(SOCKET).lstrip("/")


def test_unix_is_another_word_for_a_socket():
    assert broker_address("unix:///run/redis.sock", SOCKET) == "redis+socket:///run/redis.sock"


@pytest.mark.parametrize(
    "url", ["redis://localhost:6379/0", "redis://127.0.0.1/1", "redis://[::1]:6379", "rediss://:pw@r/0"]
)
def test_redis_on_this_machine_or_with_a_password_is_taken(url):
    assert broker_address(url, SOCKET) == url


@pytest.mark.parametrize("url", ["redis://10.0.0.8/0", "rediss://redis.example.com/0"])
def test_redis_elsewhere_without_a_password_is_refused(url):
    with pytest.raises(BrokerUrlError):
        broker_address(url, SOCKET)
