"""Pictures and rendered posts."""

from __future__ import annotations

from django.db import models

from bot.domain.post import Post

from .accounts import Account
from .documents import Edition
from .people import Unit


class AssetRecord(models.Model):
    """A picture by its hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    media_type = models.CharField(max_length=30)
    name = models.CharField(max_length=100, blank=True, default="")
    data = models.BinaryField()

    def __str__(self) -> str:
        return self.sha256[:12]


class AssetUse(models.Model):
    """A unit that brought a picture, or for which one was drawn: the same bytes may be many units', and are shown to these."""

    asset = models.ForeignKey(AssetRecord, on_delete=models.CASCADE, related_name="uses")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="asset_uses")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["asset", "unit"], name="assetuse_once"),)

    def __str__(self) -> str:
        return f"{self.asset_id[:12]} of {self.unit_id}"


class PostRecord(models.Model):
    """One edition rendered for one account, frozen at submit."""

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="posts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="posts")
    payload = models.JSONField()
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["edition", "account"], name="post_once"),)

    def __str__(self) -> str:
        return self.hash[:12]

    @property
    def post(self) -> Post:
        """The rendering as a value."""
        return Post(self.account.channel, self.payload, self.edition.marker or "")
