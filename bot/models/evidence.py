"""What is kept to prove and to measure: the audit chain, callbacks, samples."""

from __future__ import annotations

from django.db import models

from .accounts import Account
from .base import Counted
from .releases import Item


class AuditEvent(models.Model):
    """One line of the hash chain. Insert-only (trigger); sequence without gaps."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)  # `document:` and an id of up to 100 characters
    data = models.JSONField()
    previous = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)
    algorithm = models.CharField(max_length=20, default="hmac-sha256")

    class Meta:
        indexes = (models.Index(fields=["subject", "sequence"], name="audit_by_subject"),)

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class TrailLine(models.Model):
    """Whose a line of the chain is, for lists; no evidence. Derived from `AuditEvent`: `services.trailindex` makes it anew.

    `whose` is the id of a unit, 0 for what concerns the installation, -1 for what is nobody's: a number and no foreign key
    that may be null, because PostgreSQL reads no index in order behind IS NULL. Lists go from the newest line backwards.
    """

    sequence = models.PositiveBigIntegerField(primary_key=True)
    whose = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    sort = models.CharField(max_length=12)
    subject = models.CharField(max_length=120)

    class Meta:
        indexes = (
            models.Index(fields=["whose", "-at", "-sequence"], name="trail_newest"),
            models.Index(fields=["whose", "actor", "-at", "-sequence"], name="trail_by_actor"),
            models.Index(fields=["whose", "sort", "-at", "-sequence"], name="trail_by_sort"),
            models.Index(fields=["whose", "actor", "sort", "-at", "-sequence"], name="trail_by_actor_and_sort"),
            models.Index(fields=["subject", "-at", "-sequence"], name="trail_by_subject"),
        )

    def __str__(self) -> str:
        return f"{self.sequence} of {self.whose}"


class CallbackRecord(models.Model):
    """A platform's event, once: repeats meet the unique key."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="callbacks")
    dedupe = models.CharField(max_length=120)
    name = models.CharField(max_length=60)
    ids = models.JSONField(default=dict)
    raw = models.TextField()
    at = models.DateTimeField()
    outcome = models.JSONField(null=True)
    handled = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "dedupe"], name="callback_once"),)

    def __str__(self) -> str:
        return self.name


class SampleRecord(Counted):
    """Numbers of one post that the machine sent."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="samples")

    class Meta:
        indexes = (
            models.Index(fields=["item", "taken_at"], name="sample_by_item"),
            # as `domain.sampling.newest` orders them: the newest number of each of thousands of posts is read, not sorted
            models.Index(fields=["item", "-stat_date", "-taken_at", "-id"], name="sample_newest"),
        )

    def __str__(self) -> str:
        return f"{self.item_id} {self.taken_at:%F %T}"


class AccountSample(models.Model):
    """Daily numbers of a whole account (getbizsummary, followers), with the raw answer."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="samples")
    taken_at = models.DateTimeField()
    stat_date = models.CharField(max_length=10)
    values = models.JSONField()
    raw = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["account", "stat_date", "taken_at"], name="account_sample_once"),
        )

    def __str__(self) -> str:
        return f"{self.account_id} {self.stat_date}"
