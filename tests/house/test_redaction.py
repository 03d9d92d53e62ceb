"""Secrets never reach a log line (promise 8)."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.logging import configure_structlog, logging_settings
from config.redaction import MASK, REDACTOR, Redactor

CANARY = "K9c4nary0xFEED"


@pytest.mark.parametrize(
    "text",
    [
        f"https://api.example/cgi-bin/draft/add?access_token={CANARY}&x=1",
        f'{{"access_token": "{CANARY}", "expires_in": 7200}}',
        f"{{'appsecret': '{CANARY}'}}",
        f"grant_type=client_credential&appid=wx1&secret={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: OAuth2 {CANARY}",
        f"refresh_token={CANARY}",
        f"client_secret={CANARY}",
        f"postgresql://tongfa:{CANARY}@db/tongfa",
        f"redis://:{CANARY}@redis:6379/0",
        f"password: {CANARY}",
        f"Not Found: /look/{CANARY}/posts/7",
    ],
)
def test_a_credential_is_masked_in_every_form_that_platforms_and_libraries_write_it(text):
    assert CANARY not in Redactor().text(text)
    assert MASK in Redactor().text(text)


def test_what_is_left_still_tells_what_happened():
    text = Redactor().text(f"POST /cgi-bin/draft/add?access_token={CANARY}&type=news -> 40007 invalid media_id")
    assert text == "POST /cgi-bin/draft/add?access_token=***&type=news -> 40007 invalid media_id"


@given(st.text(alphabet="abcXYZ0189_-", min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_registered_value_is_masked_wherever_it_stands(secret, before, after):
    redactor = Redactor()
    redactor.register(secret)
    assert secret not in redactor.text(f"{before}「{secret}」{after}").replace(before, "").replace(after, "")


def test_of_two_registered_values_the_longer_is_masked_whole():
    redactor = Redactor()
    redactor.register("abcdef")
    redactor.register("abcdefghij")
    assert redactor.text("abcdefghij") == MASK


def test_very_short_values_are_not_registered_since_masking_them_would_blank_the_log():
    redactor = Redactor()
    redactor.register("1")
    assert redactor.text("12 published") == "12 published"


def test_members_named_like_secrets_are_masked_at_any_depth():
    value = {"account": {"app_secret": CANARY, "name": "中国河东"}, "tokens": [{"token": CANARY}], "ok": True, "n": 3}
    assert Redactor().value(value) == {
        "account": {"app_secret": MASK, "name": "中国河东"},
        "tokens": [{"token": MASK}],
        "ok": True,
        "n": 3,
    }


@pytest.fixture
def lines(monkeypatch):
    """Our logging, writing to a buffer; the loggers are given back as they were.

    A command that ran in this process before has set ours to WARNING.
    """
    stream = io.StringIO()
    root = logging.getLogger()
    ours = logging.getLogger("bot")
    before = (root.handlers[:], root.level, ours.level)
    ours.setLevel(logging.NOTSET)
    settings = logging_settings("INFO")
    settings["handlers"]["stderr"]["stream"] = stream
    settings["loggers"] = {}
    logging.config.dictConfig(settings)
    configure_structlog()
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])
    structlog.reset_defaults()


def test_one_event_is_one_json_line_even_with_line_breaks_in_it(lines):
    structlog.get_logger("bot.x").info("staged", title="第一行\r\n伪造的一行", account="中国河东")
    (line,) = lines()
    assert line["event"] == "staged"
    assert line["title"] == "第一行\r\n伪造的一行"
    assert line["level"] == "info"
    assert line["logger"] == "bot.x"
    assert line["timestamp"].endswith("Z")


def test_a_library_s_record_and_its_traceback_are_masked_too(lines):
    try:
        raise ValueError(f"url was https://x/?access_token={CANARY}")
    except ValueError:
        logging.getLogger("requests").exception("call failed: %s", f"secret={CANARY}")
    (line,) = lines()
    assert CANARY not in json.dumps(line)
    assert "ValueError" in line["exception"]


def test_a_value_registered_at_run_time_is_masked_from_then_on(lines):
    REDACTOR.register("decrypted-credential-77")
    structlog.get_logger("bot.x").warning("odd", answer="got decrypted-credential-77 back")
    assert lines()[0]["answer"] == "got *** back"
