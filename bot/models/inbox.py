"""What reviewers had before their eyes, the phrases with which a unit returns, and links for leaders without a login."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from .documents import Edition
from .people import Person, Unit


class Opened(models.Model):
    """A person opened the channel tab of this rendering; the first time counts.

    By hash, not by row: whoever saw these bytes has seen them, and other bytes are opened anew.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    post_hash = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["person", "post_hash"], name="opened_once"),)

    def __str__(self) -> str:
        return f"{self.person_id} {self.post_hash[:12]}"


class ReturnPhrase(models.Model):
    """One of a unit's quick phrases for a return, in their order. A unit without any has the product's."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="return_phrases")
    position = models.PositiveIntegerField()
    text = models.CharField(max_length=60)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["unit", "position"], name="return_phrase_position"),)

    def __str__(self) -> str:
        return self.text


class ReviewLink(models.Model):
    """A link by which somebody without a login looks at the renderings of one edition. Only the token's hash is kept.

    `name` stands in the watermark: whose copy a picture of the screen is.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=40)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    opened = models.PositiveIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="review_link_ends"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(revoked_by__isnull=False), name="review_link_revoked_by"
            ),
        )

    def __str__(self) -> str:
        return f"link {self.pk} for {self.name}"
