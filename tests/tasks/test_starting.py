"""A process that hands out or sends begins with the database's rules compared, or not at all."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from bot.services import wall
from bot.services.errors import Refused
from tasks import starting


class Wall:
    """Answers in order; the last one for good."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, **_: object) -> None:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if answer is not None:
            raise answer


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch):
    def answers(*given: Exception | None) -> Wall:
        made = Wall(*given)
        monkeypatch.setattr(wall, "require_whole", made)
        return made

    return answers


def test_while_the_database_is_away_it_waits_and_says_so_once(compared, capsys: pytest.CaptureFixture[str]) -> None:
    away, pauses = OperationalError("database is locked"), list[float]()
    asked = compared(away, away, away, None)
    starting._end_unless_whole(pauses.append)
    assert (asked.asked, pauses) == (4, [starting.AGAIN] * 3)
    assert capsys.readouterr().err.count("等它恢复") == 1


def test_rules_that_are_lacking_once_it_is_back_end_it(compared, capsys: pytest.CaptureFixture[str]) -> None:
    compared(OperationalError("gone"), Refused("rules", "数据库规则缺少。"))
    with pytest.raises(SystemExit) as end:
        starting._end_unless_whole(lambda _: None)
    assert end.value.code == starting.REFUSED
    assert "数据库规则缺少" in capsys.readouterr().err


def test_whatever_else_goes_wrong_ends_it_too(compared) -> None:
    """Celery would log it and go on: only an end of the process cannot be passed over."""
    compared(ValueError("odd"))
    with pytest.raises(SystemExit):
        starting._end_unless_whole(lambda _: None)
