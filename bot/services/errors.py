"""How a use case says no."""

from __future__ import annotations

from dataclasses import dataclass, field


class Refused(Exception):
    """The use case was refused and changed nothing. `message` is Chinese: what happened, what to do next."""

    def __init__(self, code: str, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


class NotFound(Refused):
    """No such thing, or none that this person may see."""

    def __init__(self, what: str, name: object) -> None:
        super().__init__("not_found", f"找不到{what}“{name}”。请核对编号，或确认它属于您所在的单位。")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a use case that may be done in part did: lines for staff."""

    done: int = 0
    refused: tuple[str, ...] = field(default=())
