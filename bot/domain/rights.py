"""What a token of the machine interface may be used for: a closed list.

A right opens a door of `/api/v1`; it gives nothing that the person behind the token may not do. Reviewing and signing are
not in the list: a person does both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from .workflow import READERS, Role


class Right(StrEnum):
    """One door."""

    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    RELEASES_READ = "releases:read"
    RELEASES_PLAN = "releases:plan"
    METRICS_READ = "metrics:read"
    HEALTH_READ = "health:read"

    @property
    def label(self) -> str:
        """The words staff see."""
        return RIGHT_LABELS[self]


RIGHT_LABELS = {
    Right.DOCUMENTS_READ: "查看文件",
    Right.DOCUMENTS_WRITE: "报送文件、提交送审",
    Right.RELEASES_READ: "查看发布单",
    Right.RELEASES_PLAN: "编制发布单",
    Right.METRICS_READ: "查看指标",
    Right.HEALTH_READ: "查看运行状况",
}


def in_order(rights: Iterable[str]) -> list[str]:
    """Each once, in the order of the list. ValueError for what is not in it."""
    chosen = {Right(right) for right in rights}
    return [str(right) for right in Right if right in chosen]


#: Of whom one role is needed behind a right. Numbers and the state of the machine need none.
ROLES_BEHIND: dict[Right, frozenset[Role]] = {
    Right.DOCUMENTS_READ: READERS,
    Right.DOCUMENTS_WRITE: frozenset({Role.EDITOR}),
    Right.RELEASES_READ: READERS,
    Right.RELEASES_PLAN: frozenset({Role.EDITOR, Role.RELEASER}),
}


def idle(rights: Iterable[str], roles: Collection[str]) -> list[Right]:
    """Those of these rights behind which somebody with these roles finds every door shut, in the order of the list."""
    chosen = set(rights)
    return [right for right, behind in ROLES_BEHIND.items() if right in chosen and behind.isdisjoint(roles)]
