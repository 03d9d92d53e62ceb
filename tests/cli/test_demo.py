"""Who is there after `tongfa demo`, and what it says at its end. The whole play is in tests/e2e/test_demo.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli import demo
from bot.domain.workflow import ADMINISTRATORS, Role
from bot.models import Person, Release
from tests.console.world import District, fresh_home, now, put
from tests.services.factories import lifted


@pytest.fixture
def made(tmp_path: Path, db: None, settings: Any) -> Iterator[None]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with fresh_home(tmp_path / "home"):
        demo._initialise()
        yield


def test_every_role_is_somebodys_and_everybody_can_log_in(made: None) -> None:
    everybody = list(Person.objects.all())
    assert {role for person in everybody for role in person.roles} == {str(role) for role in Role}
    for person in everybody:
        assert person.check_password(demo.PASSWORD), person.username
        assert not person.must_change_password
        assert len(ADMINISTRATORS.intersection(person.roles)) <= 1


@pytest.mark.parametrize(
    ("port", "leaves", "words"),
    [
        (8000, True, "请运行 .venv/bin/tongfa up，再打开 http://127.0.0.1:8000/rehearsal/"),
        (8410, True, "请运行 .venv/bin/tongfa up --port 8410，再打开 http://127.0.0.1:8410/rehearsal/"),
        (8410, False, "看手机：http://127.0.0.1:8410/rehearsal/"),
    ],
)
def test_the_last_line_says_what_is_there_to_see(
    made: None, capsys: pytest.CaptureFixture[str], port: int, leaves: bool, words: str
) -> None:
    """With --exit nothing listens any more when it is read."""
    demo._Demo(port, lambda _: False, leaves=leaves)._phones()
    said = capsys.readouterr().out
    assert words in said
    assert ("看手机：" in said) is not leaves


def test_played_again_it_explains_only_what_is_in_doubt_now(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    """It may have been stopped on purpose, and what was in doubt then may be known since."""
    release = _begun()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "unknown", reason="没有收到应答，正在核对。")
    put(weibo, "live")
    with pytest.raises(demo._Stopped):
        demo._Demo(8000, lambda _: True, leaves=True)._watch(release)
    said = capsys.readouterr().out
    assert f"▶ 发布单 {release.pk} 还没有办完：接着核对，已经发出的不会再发" in said
    assert "中国河东，结果不明的：" in said
    assert "临沂河东，结果不明的：" not in said


def test_a_delay_is_told_in_the_lines_as_in_the_table(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    push = _begun().publications.first()
    assert push is not None
    put(push, "live", sent_at=push.instant + timedelta(seconds=601.6469))
    push.refresh_from_db()
    demo._Demo(8000, lambda _: True, leaves=True)._tell(push)
    assert "晚 10 分 1 秒" in capsys.readouterr().out


def _begun() -> Release:
    """A release of the demo's unit whose instant is over."""
    release = District.make("office").signed()
    with lifted("release_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=now() - timedelta(minutes=1))
    release.refresh_from_db()
    return release


def test_where_the_reviews_took_long_there_is_longer_to_prepare() -> None:
    seconds = [demo.lead_for(timedelta(seconds=reviewed)).total_seconds() for reviewed in (1, 5, 10, 600)]
    assert seconds == [30, 30, 60, 180]
