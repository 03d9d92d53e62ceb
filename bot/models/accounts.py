"""Channel accounts, their secrets, tokens and our own call counters."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from bot.domain.custody import Duty

from .base import one_of
from .people import Person, Unit


class Account(models.Model):
    """One channel account of a unit. Secrets are in `Credential`, never here.

    `identity` is by what the platform knows it: quotas, single flight and "an edition goes to an account once" all go by
    row, so a real account stands in one. Empty where the channel names none, and in a second row of an old database.

    `manual_reason`: why only a person may post there (the interface right is lacking); empty where the machine does.
    `subject`, `verified_until` and `ip_note` are what staff wrote down of its real name, 认证 and IP allow-list.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="accounts")
    slug = models.SlugField(max_length=40, unique=True)
    channel = models.CharField(max_length=30)
    name = models.CharField(max_length=60)
    mode = models.CharField(max_length=20)
    endpoints = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    identity = models.TextField(blank=True, default="", db_default="")
    proxy = models.CharField(max_length=200, blank=True, default="")
    disabled_reason = models.CharField(max_length=300, blank=True, default="")
    manual_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    subject = models.CharField(max_length=100, blank=True, default="", db_default="")
    verified_until = models.DateField(null=True)
    ip_note = models.CharField(max_length=200, blank=True, default="", db_default="")
    created_at = models.DateTimeField()
    next_sample_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["channel", "identity"], condition=~Q(identity=""), name="account_once"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def enabled(self) -> bool:
        """False when somebody (or the platform) took it out of use."""
        return not self.disabled_reason

    @property
    def manual_only(self) -> bool:
        """True where the machine does not post: a release makes tasks for people instead."""
        return bool(self.manual_reason)


class Credential(models.Model):
    """A secret, encrypted with AES-256-GCM; the row's identity is bound to the ciphertext."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=40)
    ciphertext = models.BinaryField()
    key_id = models.CharField(max_length=16)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "name"], name="credential_once"),)

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """The shared access token of an account, encrypted, with its one refresher."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="token")
    ciphertext = models.BinaryField(null=True)
    key_id = models.CharField(max_length=16, blank=True, default="")
    issued_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    refresher = models.CharField(max_length=40, blank=True, default="")
    refreshing_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token of {self.account_id}"


class Counter(models.Model):
    """Our own count of calls in one window: we stop before the platform's limit does it for us."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="counters")
    bucket = models.CharField(max_length=40)
    window = models.CharField(max_length=20)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "bucket", "window"], name="counter_window"),)

    def __str__(self) -> str:
        return f"{self.bucket} {self.window}: {self.count}"


class ClockReading(models.Model):
    """How far the platform's `Date` was from our wall clock, with the boot-time clock at that moment.

    One for each boot of each machine: what one host's clock did says nothing of another's.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="clock_readings")
    at = models.DateTimeField()
    offset_ms = models.IntegerField()
    boot_seconds = models.FloatField()
    boot_id = models.CharField(max_length=40)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "boot_id"], name="reading_of_a_boot"),)

    def __str__(self) -> str:
        return f"{self.offset_ms} ms"


class AuthorizationRequest(models.Model):
    """One OAuth round trip in progress: the state value that the browser must bring back."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    redirect_uri = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"authorisation of {self.account_id}"


class Custody(models.Model):
    """Who answered for an account, from when to when: a plain record that is ended, never rewritten."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="custody")
    duty = models.CharField(max_length=10)
    name = models.CharField(max_length=60)
    contact = models.CharField(max_length=100, blank=True, default="")
    since = models.DateField()
    until = models.DateField(null=True)
    entered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        constraints = (
            one_of("duty", Duty, "custody_duty"),
            models.UniqueConstraint(fields=["account", "duty"], condition=Q(until__isnull=True), name="custody_one"),
        )

    def __str__(self) -> str:
        return f"{self.duty} {self.name}"

    @property
    def label(self) -> str:
        """Staff's word for the duty."""
        return Duty(self.duty).label


class AccountCheck(models.Model):
    """The newest examination (体检) of an account, line by line; what earlier ones found is in the trail.

    `person` is None where it was asked for on the machine itself, and nobody was named.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="last_check")
    at = models.DateTimeField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", null=True)
    ok = models.BooleanField()
    lines = models.JSONField()

    def __str__(self) -> str:
        return f"check of {self.account_id}"
