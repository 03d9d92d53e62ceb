"""config.env: the environment is read once, typed, and refused with a message that names variable and remedy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.env import ConfigurationError, read
from config.variables import NAMES, VARIABLES

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_set_gives_one_machine_with_its_own_broker_and_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = read({})
    assert env.home.path == tmp_path / "var"
    assert env.database_url.reveal() == f"sqlite:///{tmp_path}/var/tongfa.sqlite3"
    assert env.broker_url.reveal() == f"redis+socket://{tmp_path}/var/run/valkey.sock"
    assert env.embedded_broker
    assert env.secret_key is None, "before `tongfa init` there is no key"
    assert env.allowed_hosts == ("127.0.0.1", "localhost", "[::1]")
    assert env.csrf_origins == ("http://127.0.0.1:8000",)
    assert not env.https
    assert env.max_lateness == timedelta(minutes=30)
    assert env.require_platform_date
    assert env.portal_hosts == frozenset()


def test_an_empty_variable_counts_as_unset(tmp_path):
    empty = dict.fromkeys(NAMES, "") | {"TONGFA_HOME": str(tmp_path)}
    unset, with_empty = read({"TONGFA_HOME": str(tmp_path)}), read(empty)
    assert all(getattr(unset, name) == getattr(with_empty, name) for name in unset.__slots__ if name != "inherited")


def test_a_release_lies_90_seconds_ahead_25_in_rehearsal_unless_told_otherwise(tmp_path):
    env = read({"TONGFA_HOME": str(tmp_path)})
    assert env.least_lead(rehearsal=False) == timedelta(seconds=90)
    assert env.least_lead(rehearsal=True) == timedelta(seconds=25)
    told = read({"TONGFA_HOME": str(tmp_path), "TONGFA_MIN_LEAD": "120"})
    assert told.least_lead(rehearsal=True) == told.least_lead(rehearsal=False) == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root@db/tongfa"),
        ("DATABASE_URL", "sqlite://relative.sqlite3"),
        ("DATABASE_URL", "postgresql://db"),
        ("DATABASE_URL", "postgresql://db:99999/x"),
        ("BROKER_URL", "amqp://rabbit"),
        ("BROKER_URL", "redis://redis.example.com:6379/0"),
        ("BROKER_URL", "redis+socket://relative/path"),
        ("TONGFA_SECRET_KEY", "short"),
        ("TONGFA_SECRET_KEY_FILE", "/nowhere/secret.key"),
        ("TONGFA_TRUSTED_PROXY", "proxy.example.gov.cn"),
        ("TONGFA_PUBLIC_URL", "tongfa.example.gov.cn"),
        ("TONGFA_PUBLIC_URL", "https://tongfa.example.gov.cn/path"),
        ("TONGFA_CSRF_ORIGINS", "tongfa.example.gov.cn"),
        ("TONGFA_CA_FILE", "/nowhere/ca.pem"),
        ("TONGFA_LOG_LEVEL", "LOUD"),
        ("TONGFA_MIN_LEAD", "5"),
        ("TONGFA_MIN_LEAD", "90s"),
        ("TONGFA_MIN_LEAD", "９０"),
        ("TONGFA_MAX_LATENESS", "-1"),
        ("TONGFA_REST_AFTER", "4"),
        ("TONGFA_REQUIRE_PLATFORM_DATE", "maybe"),
    ],
)
def test_a_wrong_value_ends_the_start_and_names_the_variable_in_both_languages(tmp_path, name, value):
    with pytest.raises(ConfigurationError) as caught:
        read({"TONGFA_HOME": str(tmp_path), name: value})
    chinese, english = str(caught.value).splitlines()
    assert name in chinese
    assert name in english
    assert chinese.startswith("配置有误")
    assert caught.value.code == 2


@pytest.mark.parametrize("name", ["DATABASE_URL", "BROKER_URL"])
def test_the_message_about_an_address_does_not_repeat_its_password(tmp_path, name):
    with pytest.raises(ConfigurationError) as caught:
        read({"TONGFA_HOME": str(tmp_path), name: "ftp://user:canary-password@host/x"})
    assert "canary-password" not in str(caught.value)


def test_secrets_do_not_show_when_the_settings_are_printed(tmp_path):
    env = read(
        {
            "TONGFA_HOME": str(tmp_path),
            "TONGFA_SECRET_KEY": "canary-" * 8,
            "DATABASE_URL": "postgresql://u:canary-db@h/n",
            "BROKER_URL": "redis://:canary-broker@h/0",
            "APP_SECRET": "canary-app",
        }
    )
    assert "canary" not in repr(env)


def test_the_signing_key_comes_from_the_file_that_init_made(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "secret.key").write_text("k" * 50 + "\n")
    key = read({"TONGFA_HOME": str(tmp_path)}).secret_key
    assert key is not None
    assert key.reveal() == "k" * 50


def test_https_makes_the_public_host_allowed_and_its_origin_trusted(tmp_path):
    env = read({"TONGFA_HOME": str(tmp_path), "TONGFA_PUBLIC_URL": "https://tongfa.example.gov.cn/"})
    assert env.https
    assert env.allowed_hosts[0] == "tongfa.example.gov.cn"
    assert env.csrf_origins == ("https://tongfa.example.gov.cn",)


def test_without_an_address_it_is_the_port_of_the_pages_and_their_forms_are_accepted(tmp_path):
    env = read({"TONGFA_HOME": str(tmp_path)})
    child = read(env.for_child(**env.on_port(8410)))
    assert child.public_url == "http://127.0.0.1:8410"
    assert child.csrf_origins == ("http://127.0.0.1:8410",)
    assert read({"TONGFA_HOME": str(tmp_path), "TONGFA_PUBLIC_URL": "https://a.cn"}).on_port(8410) == {}


def test_children_are_told_the_same_home_and_addresses_whatever_their_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    child = read({"TONGFA_HOME": "here", "PATH": "/bin"}).for_child(EXTRA="1")
    assert child["TONGFA_HOME"] == str(tmp_path / "here")
    assert child["PATH"] == "/bin"
    assert child["EXTRA"] == "1"
    monkeypatch.chdir("/")
    assert read(child).database_url == read({"TONGFA_HOME": str(tmp_path / "here")}).database_url


def test_a_secret_can_be_fetched_from_any_variable_by_name(tmp_path):
    env = read({"TONGFA_HOME": str(tmp_path), "WECHAT_SECRET": "s3cret"})
    secret = env.variable("WECHAT_SECRET")
    assert secret is not None
    assert secret.reveal() == "s3cret"
    assert env.variable("NOT_SET") is None


def test_the_list_of_people_to_tell_lies_in_the_home_unless_told_otherwise(tmp_path):
    assert read({"TONGFA_HOME": str(tmp_path)}).notify_file == tmp_path / "notify.toml"
    told = read({"TONGFA_HOME": str(tmp_path), "TONGFA_NOTIFY": "/etc/tongfa/notify.toml"})
    assert str(told.notify_file) == "/etc/tongfa/notify.toml"


def test_every_variable_is_listed_once_with_its_meaning():
    source = (ROOT / "config" / "env.py").read_text("utf-8")
    assert len(NAMES) == len(VARIABLES)
    for variable in VARIABLES:
        assert f'"{variable.name}"' in source, f"{variable.name} is listed but never read"
        assert variable.meaning.endswith(".")
