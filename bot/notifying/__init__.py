"""Telling people: a notice -> a mailbox, a group robot, another system; one folder per way.

A way is a sub-package that exports `KIND` (a NotifierKind). Nothing else has to be edited to add one, and they never
import each other.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bot.domain.notice import NotifierKind


@cache
def _discovered() -> tuple[NotifierKind, ...]:
    """Every folder's KIND, in the order of folder names."""
    found = []
    for name in sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg):
        kind = getattr(importlib.import_module(f"{__name__}.{name}"), "KIND", None)
        if isinstance(kind, NotifierKind):
            found.append(kind)
    return tuple(found)


def kinds() -> dict[str, NotifierKind]:
    """All ways this installation knows, by name. The result is the caller's own copy."""
    return {kind.name: kind for kind in _discovered()}
