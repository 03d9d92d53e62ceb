"""Bearer tokens: recognised by their hash, bound to a unit and to rights."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest
from ninja.security import HttpBearer

from bot.domain.rights import ROLES_BEHIND, Right
from bot.domain.workflow import READERS
from bot.models import ApiToken
from bot.services import apitokens
from bot.services.errors import Refused
from bot.services.people import require_reader

from .edge import now

WRONG_PER_MINUTE = 60
LONGEST = 200
OF_TEXTS = frozenset(right for right, roles in ROLES_BEHIND.items() if roles == READERS)
"""Doors behind which text stands that is not public yet: shut for a person before whom the pages are."""


class TooManyWrong(Exception):
    """One address has sent many tokens that are none. A right one is let in all the same: nobody can lock another out."""


class Bearer(HttpBearer):
    """`Authorization: Bearer TOKEN`, with the right that the operation needs."""

    openapi_description = (
        "A token that an administrator made with `tongfa token add`. It belongs to one unit, acts as one person of it, and "
        "opens only the operations whose right it holds."
    )

    def __init__(self, right: Right) -> None:
        super().__init__()
        self.right = right

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """The token's record, or None (401). Refused (403) without the right, or where its person may not read."""
        found = apitokens.recognise(token, now=now()) if 0 < len(token) <= LONGEST else None
        if found is None:
            _count_wrong(request.META.get("REMOTE_ADDR", ""))
            return None
        if self.right not in found.rights:
            raise Refused(
                "right",
                f"令牌“{found.name}”没有“{self.right.label}”权限（{self.right}），没有办理。请系统管理员另发令牌。",
            )
        if self.right in OF_TEXTS:
            require_reader(found.person)
        return found


def _count_wrong(address: str) -> None:
    key = f"api-wrong-token:{address}"
    cache.add(key, 0, 60)
    try:
        count = cache.incr(key)
    except ValueError:  # the minute ended in between
        return
    if count > WRONG_PER_MINUTE:
        raise TooManyWrong
