"""What people are told when something needs them, and the port by which it reaches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .alarms import OF_URGENCY, REMEDIES, Told
from .instants import require_all_aware
from .secret import Secret
from .typography import quoted

MOST_LINES = 12  # things told one by one in a message; the rest is counted


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. Chinese; holds no secret and no text that is under embargo."""

    subject: str
    lines: Sequence[str]
    link: str
    ring: int
    at: datetime
    live: bool

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "\n".join([self.subject, *self.lines, f"查看：{self.link}"])


def compose(
    told: Sequence[Told], *, ring: int, at: datetime, link: str, live: bool, again: bool = False, arrived: bool = True
) -> Notice:
    """One message for all that happened, however much it is. `told` is not empty, most urgent first.

    `again`: the ring has nobody, so that those who were told before are told once more. `arrived`: a message to a lower
    ring did; else nobody could have read it.
    """
    require_all_aware(at)
    kinds = list(dict.fromkeys(one.kind for one in told))
    words = "、".join(kind.label for kind in kinds[:3]) + ("等" if len(kinds) > 3 else "")
    count = f"（{len(told)} 项）" if len(told) > 1 else ""
    alike = Counter(_line(one) for one in told)  # one account's trouble stops many pushes, and each line says the same
    lines = [f"{line}（共 {many} 条）" if many > 1 else line for line, many in list(alike.items())[:MOST_LINES]]
    left = sum(list(alike.values())[MOST_LINES:])
    if left:
        lines.append(f"另有 {left} 项，请打开值班台查看。")
    lines += [f"怎么办（{kind.label}）：{REMEDIES[kind]}" for kind in kinds]
    if ring > 1:
        step = f"没有配置第 {ring} 级通知对象，再次提醒" if again else f"现升级到第 {ring} 级"
        before = "此前通知无人阅读" if arrived else "此前通知没有送达"
        lines.append(f"{before}，{step}。请在值班台点“已阅”。")
    return Notice(f"{mark(live)}{words}{count}", lines, link, ring, at, live)


def mark(live: bool) -> str:
    """Live or a drill: every message says which."""
    return "【同发】" if live else "【同发·演练】"


def _line(one: Told) -> str:
    name = quoted(one.title) if one.title else ""
    about = f"发布单 {one.release}{name}（{one.instant}）" if one.release is not None else _place(one)
    what = f"{about}{'，' + one.where if one.where else ''}：{one.kind.label}"
    return f"· {what}{'，' + one.more if one.more else ''}。" + (
        f"是否已发出：{one.out.label}。" if one.release else ""
    )


def _place(one: Told) -> str:
    return "应急通道" if one.kind in OF_URGENCY else "本机"


# --- the port ---------------------------------------------------------------------------------------------


class WrongSetting(ValueError):
    """A setting of a target cannot be. The text is Chinese and names the field."""


class NotTold(Exception):
    """The message did not arrive. `message` is Chinese, for staff, and names neither address nor secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PartlyTold(NotTold):
    """It arrived with some of a list, and the rest was refused for good: sent again, it would reach the first twice."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to tell: one mailbox list, one group robot, one system. `ring` 1 is told first."""

    name: str
    kind: str
    ring: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)

    def option(self, name: str, default: str = "") -> str:
        """A plain setting, or `default`."""
        return self.options.get(name) or default


class Notifier(Protocol):
    """One way to one target. Sends once; whoever calls it decides about trying again."""

    def tell(self, notice: Notice) -> None:
        """Raises NotTold, or PartlyTold of it. Returns within half a minute, whatever the other side does."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a kind: `secret` ones come from a file, never from the table itself."""

    name: str
    label: str
    default: str = ""
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """What each folder under `bot/notifying/` exports as `KIND`."""

    name: str
    label: str
    settings: tuple[Setting, ...]
    hosts: Callable[[Target], list[str]]  # who is called; ValueError when the address is no address
    build: Callable[[Target, str | None], Notifier]  # with a further CA file
