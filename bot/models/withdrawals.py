"""Taking down what is public, and what stands in its place: who decided, each call, and the proof."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from bot.domain.engine.withdrawing import Stage
from bot.domain.erratum import NoticeKind

from .base import one_of
from .documents import Edition
from .people import Person
from .releases import Publication, Release


class Withdrawal(models.Model):
    """Two people's decision to take something of a release down. One at a time for each release."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="withdrawals")
    reason = models.CharField(max_length=500)
    notice_kind = models.CharField(max_length=12)
    notice = models.TextField()
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    dropped_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            one_of("notice_kind", NoticeKind, "withdrawal_notice"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | (Q(confirmed_by__isnull=False, confirmed_at__isnull=False) & ~Q(confirmed_by=models.F("asked_by"))),
                name="withdrawal_by_two",
            ),
            models.UniqueConstraint(
                fields=["release"], condition=Q(ended_at__isnull=True), name="withdrawal_open_once"
            ),
        )

    def __str__(self) -> str:
        return f"withdrawal {self.pk} of release {self.release_id}"

    @property
    def notice_label(self) -> str:
        """更正启事, 撤回说明."""
        return NoticeKind(self.notice_kind).label


class Takedown(models.Model):
    """One thing to be taken down: a push, one article of it (`position`), or the portal's page of an edition.

    `next_at` is when the machine must come back to it; while a worker has it, the end of its lease. `before` is what was
    public: addresses, platform ids and hashes of each position, and what the platform said just before the call.
    """

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="takedowns")
    publication = models.ForeignKey(Publication, null=True, on_delete=models.PROTECT, related_name="takedowns")
    position = models.PositiveIntegerField(null=True)
    edition = models.ForeignKey(Edition, null=True, on_delete=models.PROTECT, related_name="takedowns")
    stage = models.CharField(max_length=12, default=Stage.ASKED)
    reason = models.CharField(max_length=500, blank=True, default="")
    fence = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    looks = models.PositiveIntegerField(default=0)
    before = models.JSONField(default=dict)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    evidence = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        constraints = (
            one_of("stage", Stage, "takedown_stage"),
            models.CheckConstraint(
                condition=Q(publication__isnull=False, edition__isnull=True)
                | Q(publication__isnull=True, edition__isnull=False, position__isnull=True),
                name="takedown_of_one_thing",
            ),
            models.CheckConstraint(
                condition=(Q(stage="done") & Q(done_at__isnull=False)) | (~Q(stage="done") & Q(done_at__isnull=True)),
                name="takedown_done_has_time",
            ),
        )
        indexes = (models.Index(fields=["next_at"], name="takedown_due", condition=Q(next_at__isnull=False)),)

    def __str__(self) -> str:
        return f"takedown {self.pk} {self.stage}"

    @property
    def status(self) -> Stage:
        """The stage as a domain value."""
        return Stage(self.stage)


class TakedownCall(models.Model):
    """One call to a platform that deletes: intent before, answer after. `outcome` "" means nobody knows yet."""

    takedown = models.ForeignKey(Takedown, on_delete=models.PROTECT, related_name="calls")
    number = models.PositiveIntegerField()
    fence = models.PositiveIntegerField()
    intent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["takedown", "number"], name="takedowncall_number"),
            models.UniqueConstraint(fields=["takedown"], condition=Q(outcome=""), name="takedowncall_single_flight"),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "withdrawn", "by_hand", "refused", "unknown"]), name="takedowncall_outcome"
            ),
        )

    def __str__(self) -> str:
        return f"call {self.number} of takedown {self.takedown_id}: {self.outcome or 'open'}"


class Correction(models.Model):
    """`new` corrects `old`: another edition of the same document, or of another one."""

    old = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="corrected_by")
    new = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="corrects")
    reason = models.CharField(max_length=500)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["old", "new"], name="correction_once"),
            models.CheckConstraint(condition=~Q(old=models.F("new")), name="correction_of_another"),
        )

    def __str__(self) -> str:
        return f"{self.new_id} corrects {self.old_id}"
