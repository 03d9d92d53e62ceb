"""The home's own file: live or rehearsal is read, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.services import home
from bot.services.errors import Refused


@pytest.mark.parametrize(
    "held",
    [b"", b"{", b"[]", b"{}", b'{"live": "false"}', b'{"live": 1}', b'{"live": true, "rehearsal_port": "8"}',
     b'{"live": true, "more": 1}', b"\xff\xfe"],
)  # fmt: skip
def test_a_file_that_does_not_say_which_it_is_stops_everything(tongfa_home: Path, held: bytes) -> None:
    (tongfa_home / "home.json").write_bytes(held)
    with pytest.raises(Refused, match="分不清是正式环境还是演练环境，没有办理任何事"):
        home.facts()
    with pytest.raises(Refused):
        home.write(home.HomeFacts(live=True))
    assert (tongfa_home / "home.json").read_bytes() == held


def test_it_is_written_whole_or_not_at_all(tongfa_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tongfa_home / "home.json").unlink()

    def full(self: Path, *_: object) -> int:
        self.touch()
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        home.write(home.HomeFacts(live=True))
    assert not home.exists()
    monkeypatch.undo()
    home.write(home.HomeFacts(live=True))
    assert home.is_live()
