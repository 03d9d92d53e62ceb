"""A victim that stands still: where it holds the database's lock it dies instead, as nothing else would let it go on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from . import play
from .plans import Plan


class Told(play._Run):
    """A run whose processes are only told of. `name` is the point at which its victim stands."""

    def __init__(self, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._plan, self._notes, self.story = Plan(1, "urgent", "sleep", 3), folder / "notes", []
        self._notes.write_text(f"{name}\n", "utf-8")
        monkeypatch.setattr(play.os, "kill", lambda pid, what: self.story.append(signal.Signals(what).name))

    def _engine(self, *_: Any, **__: Any) -> Any:
        return None

    def _rival(self, span: Any) -> Any:
        return span

    def _fork(self, body: Any) -> int:
        return 77

    def _wait(self, pid: int) -> int:
        return 0 if self.story else signal.SIGSTOP

    def _run(self, body: Any) -> int:
        self.story.append("a rival has its turn")
        return 0

    def _judge(self, *, at_rest: bool) -> list[str]:
        self.story.append("judged")
        return []


def test_between_transactions_a_rival_has_its_turn_and_the_victim_goes_on(tmp_path, monkeypatch):
    run = Told(tmp_path, "after commit item", monkeypatch)
    run._stopped_and_resumed()
    assert run.story == ["a rival has its turn", "judged", "SIGCONT", "judged"]


def test_within_one_it_dies(tmp_path, monkeypatch):
    run = Told(tmp_path, "before commit auditevent+item+publication", monkeypatch)
    run._stopped_and_resumed()
    assert run.story == ["SIGKILL", "judged"]
