"""Who answers for a channel account."""

from __future__ import annotations

from enum import StrEnum


class Duty(StrEnum):
    """What a person answers for; 交接 is asked for again and again where nobody wrote it down.

    `ADMIN`: where the platform knows such a person (`ChannelSpec.has_admin`).
    """

    HOLDER = "holder"
    DEPUTY = "deputy"
    ADMIN = "admin"

    @property
    def label(self) -> str:
        """The word staff see."""
        return {"holder": "保管人", "deputy": "副手", "admin": "管理员微信"}[self.value]
