"""config.settings, as the product sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def look(tmp_path: Path, expression: str, **environment: str) -> object:
    """The value of an expression over the settings in a fresh process with just that environment."""
    code = f"import json; from config import settings; print(json.dumps({expression}))"
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TONGFA_HOME": str(tmp_path / "home"), **environment}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


COOKIES = "[settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_NAME]"


def test_cookies_are_secure_exactly_where_staff_come_over_https(tmp_path):
    assert look(tmp_path, COOKIES) == [False, False, "tongfa"]
    assert look(tmp_path, COOKIES, TONGFA_PUBLIC_URL="https://tongfa.example.gov.cn") == [True, True, "__Host-tongfa"]


def test_passwords_are_hashed_with_argon2_and_are_long(tmp_path):
    hashers, validators = look(tmp_path, "[settings.PASSWORD_HASHERS, settings.AUTH_PASSWORD_VALIDATORS]")
    assert hashers[0].endswith("Argon2PasswordHasher")
    assert {"min_length": 12} in [validator.get("OPTIONS") for validator in validators]


def test_sessions_are_rows_and_debug_is_off(tmp_path):
    assert look(tmp_path, "settings.SESSION_ENGINE") == "django.contrib.sessions.backends.db"
    assert look(tmp_path, "settings.DEBUG") is False


def test_time_is_stored_in_utc_and_shown_in_beijing_in_chinese(tmp_path):
    assert look(tmp_path, "[settings.USE_TZ, settings.TIME_ZONE, settings.LANGUAGE_CODE]") == [
        True,
        "Asia/Shanghai",
        "zh-hans",
    ]


def test_an_instant_without_a_zone_does_not_come_into_the_records(tmp_path):
    """Whoever writes it and however: to Django it is a warning, to every process of ours an error."""
    ask = (
        "import datetime, django; django.setup(); from bot.models import Publication; "
        "Publication._meta.get_field('instant').get_prep_value(datetime.datetime(2026, 11, 23, 9))"
    )
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TONGFA_HOME": str(tmp_path / "home")}
    answer = subprocess.run(
        [sys.executable, "-c", ask], env=env | {"DJANGO_SETTINGS_MODULE": "config.settings"}, capture_output=True,
        text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert "RuntimeWarning: DateTimeField Publication.instant received a naive datetime" in answer.stderr
    assert answer.returncode == 1


def test_before_init_there_is_a_key_but_every_process_has_another(tmp_path):
    keys = {str(look(tmp_path, "settings.SECRET_KEY")) for _ in range(2)}
    assert len(keys) == 2


def test_the_postgresql_address_alone_moves_the_records(tmp_path):
    engine = look(tmp_path, "settings.DATABASES['default']['ENGINE']", DATABASE_URL="postgresql://u@h/n")
    assert engine == "django.db.backends.postgresql"


def test_importing_the_settings_writes_nothing(tmp_path):
    look(tmp_path, "1")
    assert not (tmp_path / "home").exists()


def test_a_wrong_variable_ends_the_start_with_a_message_and_no_traceback(tmp_path):
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TONGFA_HOME": str(tmp_path), "TONGFA_MIN_LEAD": "soon"}
    answer = subprocess.run(
        [sys.executable, "-c", "import config.settings"], env=env, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("配置有误：环境变量 TONGFA_MIN_LEAD")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (1234567, "1,234,567"), (None, "—")])
def test_a_figure_that_was_not_reported_is_a_dash_and_never_nought(value, shown):
    from config.jinja import number

    assert number(value) == shown


def test_a_misspelt_name_in_a_page_is_an_error_and_text_is_escaped():
    from jinja2 import UndefinedError

    from config.jinja import environment

    env = environment(autoescape=True)
    assert env.from_string("{{ title }}").render(title="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        env.from_string("{{ titel }}").render(title="x")
