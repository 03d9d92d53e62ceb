"""The home: live or rehearsal, fixed at `tongfa init`, for good."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from bot.domain.place import DEFAULT_PLACE

from .errors import Refused

HOME_FILE = "home.json"
_PLACES = re.compile(r"[\u3400-\u9fff]{2,20}")


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What `tongfa init` wrote down."""

    live: bool
    rehearsal_port: int = 0
    place: str = (
        DEFAULT_PLACE  # the full name of the area whose authorities publish here: stands before their names in posts
    )

    @property
    def label(self) -> str:
        """For banners and command output."""
        return "正式环境" if self.live else "演练环境"


def _file() -> Path:
    path: Path = settings.TONGFA.home.path
    return path / HOME_FILE


def exists() -> bool:
    """True after `tongfa init`."""
    return _file().exists()


def facts() -> HomeFacts:
    """Read the home's facts. Refused before `tongfa init`."""
    try:
        return read(_file().read_bytes())
    except FileNotFoundError:
        raise Refused("no_home", "还没有初始化。请先运行 tongfa init（正式环境加 --live）。") from None
    except (OSError, ValueError) as error:
        raise Refused(
            "bad_home",
            f"环境文件 {HOME_FILE} 读不懂（{type(error).__name__}），分不清是正式环境还是演练环境，没有办理任何事。"
            f"请系统管理员从备份文件（ZIP）里取出 {HOME_FILE} 放回 {_file().parent}。",
        ) from None


def read(data: bytes) -> HomeFacts:
    """The facts in the bytes of such a file. ValueError when it holds anything else: a guess could be the wrong home."""
    found = json.loads(data)
    if not isinstance(found, dict) or not isinstance(found.get("live"), bool):
        raise ValueError("not the facts of a home")
    port, place = found.get("rehearsal_port", 0), found.get("place", DEFAULT_PLACE)
    if found.keys() - {"live", "rehearsal_port", "place"} or type(port) is not int or not isinstance(place, str):
        raise ValueError("not the facts of a home")
    return HomeFacts(found["live"], port, place)


def write(value: HomeFacts) -> None:
    """Write them once; a second time only the same. Refused for a place that is none."""
    if exists():
        stands = facts()
        if stands.live != value.live:
            raise Refused("fixed", f"这里已是{stands.label}，不能改为另一种。请换一个 TONGFA_HOME 目录再初始化。")
        if stands.place != value.place:
            raise Refused(
                "fixed",
                f"这里的地名已定为“{stands.place}”，没有改动。要用别的地名，请换一个 TONGFA_HOME 目录再初始化。",
            )
        return
    if not _PLACES.fullmatch(value.place):
        raise Refused("place", "地名要用 2 至 20 个汉字的全称，如 临沂市河东区。没有初始化。")
    _file().parent.mkdir(parents=True, exist_ok=True)
    unfinished = _file().with_name(f".{HOME_FILE}.{os.getpid()}")
    unfinished.write_text(json.dumps(asdict(value)), "utf-8")
    unfinished.replace(_file())  # whole or not at all


def to_json() -> dict[str, object]:
    """The facts as they stand in the file."""
    return asdict(facts())


def place() -> str:
    """The area's full name; the usual one where there is no home yet."""
    return facts().place if exists() else DEFAULT_PLACE


def is_live() -> bool:
    """True in a live home; a rehearsal home reaches loopback only."""
    return facts().live


def rehearsal_url() -> str:
    """Base address of the rehearsal servers. Refused in a live home: the two never meet."""
    value = facts()
    if value.live:
        raise Refused("wall", "正式环境里没有演练平台。")
    return f"http://127.0.0.1:{value.rehearsal_port}"
