"""应急通道: what is to go out on two people's word, and the words. Triggers keep them (`rules_urgent`)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from bot.domain.urgent import OPEN, Stage

from .base import one_of
from .documents import Edition
from .people import Person, Unit


class Urgency(models.Model):
    """One urgent notice: this edition, these posts on these accounts, then, for this reason.

    Nothing of it changes but its stage. `digest` is what the words are given on. `instant` null: as soon as possible.
    `review_by` is set with the second word: until then the ordinary reviews are to be done.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="urgencies")
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="urgencies")
    content_hash = models.CharField(max_length=64)
    post_hashes = models.JSONField()  # account's slug -> hash
    modes = models.JSONField()  # account's slug -> mode
    instant = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300)
    digest = models.CharField(max_length=64)
    stage = models.CharField(max_length=10, default=Stage.ASKED)
    review_by = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            one_of("stage", Stage, "urgency_stage"),
            models.CheckConstraint(
                condition=Q(stage__in=sorted(map(str, OPEN)), ended_at__isnull=True)
                | (~Q(stage__in=sorted(map(str, OPEN))) & Q(ended_at__isnull=False)),
                name="urgency_ends_once",
            ),
            models.UniqueConstraint(fields=["edition"], condition=Q(ended_at__isnull=True), name="urgency_once"),
        )
        indexes = (models.Index(fields=["unit"], name="urgency_open", condition=Q(ended_at__isnull=True)),)

    def __str__(self) -> str:
        return f"urgency {self.pk}: {self.stage}"

    @property
    def status(self) -> Stage:
        """The stage as a domain value."""
        return Stage(self.stage)


class UrgentWord(models.Model):
    """One person's word on one urgency. Insert-only. The second is the signature: it names its manifest."""

    urgency = models.ForeignKey(Urgency, on_delete=models.PROTECT, related_name="words")
    place = models.PositiveSmallIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    decides = models.BooleanField()  # held 终审 or 签发 then, be it as a deputy
    digest = models.CharField(max_length=64)
    manifest_hash = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(place=1, manifest_hash="") | (Q(place=2) & ~Q(manifest_hash="")), name="urgent_word_place"
            ),
            models.UniqueConstraint(fields=["urgency", "place"], name="urgent_word_once"),
            models.UniqueConstraint(fields=["urgency", "person"], name="urgent_word_one_each"),
        )

    def __str__(self) -> str:
        return f"word {self.place} on urgency {self.urgency_id}"
