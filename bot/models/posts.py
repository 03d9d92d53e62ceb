"""Pictures and rendered posts."""

from __future__ import annotations

from django.db import models

from bot.domain.post import Post

from .accounts import Account
from .documents import Edition


class AssetRecord(models.Model):
    """A picture by its hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    media_type = models.CharField(max_length=30)
    name = models.CharField(max_length=100, blank=True, default="")
    data = models.BinaryField()

    def __str__(self) -> str:
        return self.sha256[:12]


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
