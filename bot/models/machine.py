"""The machine interface: who may call it, and what each of their writing calls was answered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .people import Person, Unit


class ApiToken(models.Model):
    """A bearer token of one unit. Only its SHA-256 is here: the token itself is shown once.

    It acts as `person`, whose roles apply as they do on the pages. `last_used_at` is kept to the hour.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=60)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="api_tokens")
    rights = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["unit", "name"], condition=Q(revoked_at__isnull=True), name="api_token_name_once"
            ),
        )

    def __str__(self) -> str:
        return self.name


class ApiCall(models.Model):
    """A writing call by its idempotency key. `status` is null while it runs; then the answer stands, to be given again.

    `fence` grows whenever somebody takes it over from a process that died: an answer with an old fence is void, and with
    it what was written in the same transaction.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="calls")
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True, default="")
    fence = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    lease_until = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["token", "key"], name="api_call_once"),)
        indexes = (models.Index(fields=["token", "created_at"], name="api_call_by_age"),)

    def __str__(self) -> str:
        return f"call {self.pk}: {self.status or 'running'}"
