"""The home's own file: live or rehearsal is read, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.services import editorial, home
from bot.services.errors import Refused

from .factories import Office, article


@pytest.mark.parametrize(
    "held",
    [b"", b"{", b"[]", b"{}", b'{"live": "false"}', b'{"live": 1}', b'{"live": true, "rehearsal_port": "8"}',
     b'{"live": true, "more": 1}', b'{"live": true, "place": 1}', b"\xff\xfe"],
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


def test_the_place_is_fixed_with_the_home(tongfa_home: Path) -> None:
    (tongfa_home / "home.json").unlink()
    home.write(home.HomeFacts(live=False, place="鲁东市测试区"))
    assert home.place() == "鲁东市测试区"
    with pytest.raises(Refused, match="这里的地名已定为“鲁东市测试区”，没有改动"):
        home.write(home.HomeFacts(live=False))


@pytest.mark.parametrize("place", ["", "区", "Hedong", "河东 区", "河" * 21, "<b>河东区</b>"])
def test_what_is_no_place_makes_no_home(tongfa_home: Path, place: str) -> None:
    (tongfa_home / "home.json").unlink()
    with pytest.raises(Refused, match="地名要用 2 至 20 个汉字的全称"):
        home.write(home.HomeFacts(live=False, place=place))
    assert not home.exists()


def test_a_home_that_was_made_before_places_were_asked_for_is_in_the_usual_one(tongfa_home: Path) -> None:
    (tongfa_home / "home.json").write_bytes(b'{"live": false, "rehearsal_port": 9}')
    assert home.facts() == home.HomeFacts(live=False, rehearsal_port=9, place="临沂市河东区")


def test_posts_name_the_place_of_their_home(office: Office, tongfa_home: Path) -> None:
    (tongfa_home / "home.json").unlink()
    home.write(home.HomeFacts(live=False, rehearsal_port=9, place="鲁东市测试区"))
    edition = office.submitted(article(1, unit="民政局")).current
    for account in office.accounts:
        rendered, _ = editorial.render_for(edition, account, "marker00")
        assert "鲁东市测试区民政局" in str(rendered.post.payload)
