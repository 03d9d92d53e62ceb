"""Releases, publications, batches and attempts: the records of the release engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from bot.domain.delivery import State
from bot.domain.post import Post
from bot.domain.sync import AFTER_LIVE, AT_TIME, LETTING_THROUGH, GateState, Policy, Seen, from_json

from .accounts import Account
from .base import one_of
from .documents import Edition
from .people import Person, Unit
from .posts import PostRecord


class Release(models.Model):
    """One instant, a sync policy, publications; signed as a whole.

    `sync` names the policy, `policy` holds the rest of it (null for `at_time`).
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="releases")
    title = models.CharField(max_length=200)
    instant = models.DateTimeField()
    sync = models.CharField(max_length=20, default=AT_TIME)
    policy = models.JSONField(null=True)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    manifest = models.JSONField(null=True)
    manifest_hash = models.CharField(max_length=64, blank=True, default="")
    signed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=300, blank=True, default="")
    #: 应急发布: on whose words it goes instead of approvals. Set from the start or never.
    urgency = models.OneToOneField("bot.Urgency", null=True, on_delete=models.PROTECT, related_name="release")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | (Q(signed_by__isnull=False) & ~Q(manifest_hash="")),
                name="release_signature_complete",
            ),
            models.CheckConstraint(
                condition=Q(sync=AT_TIME, policy__isnull=True) | Q(sync=AFTER_LIVE, policy__isnull=False),
                name="release_sync",
            ),
        )
        indexes = (
            models.Index(fields=["instant"], name="release_by_instant"),
            models.Index(fields=["unit", "instant"], name="release_of_unit_by_instant"),
        )

    def __str__(self) -> str:
        return f"{self.pk} {self.title}"

    @property
    def signed(self) -> bool:
        """True while a signature stands."""
        return self.signed_at is not None and self.cancelled_at is None

    @property
    def signed_policy(self) -> str | dict[str, Any]:
        """The sync policy as the manifest holds it."""
        return AT_TIME if self.policy is None else dict(self.policy)

    @property
    def sync_policy(self) -> Policy:
        """The sync policy as a domain value."""
        return from_json(self.signed_policy)

    @property
    def waits_for_portal(self) -> bool:
        """True while the gate lets nothing through; a gate that is missing does not either."""
        if self.sync == AT_TIME:
            return False
        gate: PortalGate | None = getattr(self, "gate", None)
        return gate is None or gate.status not in LETTING_THROUGH


class PortalGate(models.Model):
    """What is known of the portal page that a release waits for.

    `live_at` is the last proof that the page is live, `open_since` the first in an unbroken row; `effective` is when
    the release goes because of it. `next_at` is when to ask again (null: no more). `fence` grows with every taker.
    `held` lists the publications that the gate itself held when time was up.
    """

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="gate")
    state = models.CharField(max_length=10, default=GateState.SHUT)
    asked = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    seen = models.CharField(max_length=10, blank=True, default="")
    words = models.CharField(max_length=300, blank=True, default="")
    validators = models.JSONField(default=dict)
    live_at = models.DateTimeField(null=True)
    open_since = models.DateTimeField(null=True)
    effective = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    held = models.JSONField(default=list)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            one_of("state", GateState, "gate_state"),
            models.CheckConstraint(condition=Q(seen__in=["", *map(str, Seen)]), name="gate_seen"),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(map(str, LETTING_THROUGH))) | Q(effective__isnull=False),
                name="gate_open_has_instant",
            ),
            models.CheckConstraint(condition=~Q(state="open") | Q(live_at__isnull=False), name="gate_open_has_proof"),
        )
        indexes = (
            models.Index(fields=["next_at"], name="gate_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["-asked_at"], name="gate_last_look", condition=Q(asked_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"gate of release {self.release_id}: {self.state}"

    @property
    def status(self) -> GateState:
        """The state as a domain value."""
        return GateState(self.state)


class Batch(models.Model):
    """Publications that one sending process takes to one instant. `fence` grows with every claim."""

    kind = models.CharField(max_length=10, default="release")  # release, probe
    instant = models.DateTimeField()
    state = models.CharField(max_length=10, default="ready")  # ready, claimed, done
    fence = models.PositiveIntegerField(default=0)
    owner = models.CharField(max_length=60, blank=True, default="")
    handed_at = models.DateTimeField()
    claim_by = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(state__in=["ready", "claimed", "done"]), name="batch_state"),)
        indexes = (models.Index(fields=["state", "id"], name="batch_by_state"),)

    def __str__(self) -> str:
        return f"batch {self.pk} {self.state}"


class Publication(models.Model):
    """One account's push in a release: owns the delivery state.

    `next_at` is when the machine must look at it again (the clock's one index); `not_before` is its instant
    or, in a lane, later; `gate_at` is its instant as the portal's page allowed it, when that was later. `promised_at` is the
    instant that the signature promised, where people have sent it again since at another one. `fence` grows whenever somebody takes it over: a write with an old fence is void.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="publications")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="publications")
    mode = models.CharField(max_length=20)
    lane = models.PositiveIntegerField(default=0)
    instant = models.DateTimeField()
    not_before = models.DateTimeField()
    gate_at = models.DateTimeField(null=True)
    promised_at = models.DateTimeField(null=True)
    key = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=20, default=State.PLANNED)
    reason = models.CharField(max_length=500, blank=True, default="")
    next_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.SET_NULL, related_name="publications")
    staged = models.JSONField(default=dict)
    staged_at = models.DateTimeField(null=True)
    stage_faults = models.PositiveIntegerField(default=0)
    stage_by = models.DateTimeField(null=True)
    crashes = models.PositiveIntegerField(default=0)
    stop_event = models.CharField(max_length=10, blank=True, default="")
    stop_reason = models.CharField(max_length=300, blank=True, default="")
    stop_by = models.CharField(
        max_length=10, blank=True, default="", db_default=""
    )  # whose wish: "machine", or "" for a person's
    ids = models.JSONField(default=dict)
    since = models.CharField(max_length=60, blank=True, default="")
    looks = models.PositiveIntegerField(default=0)
    absents = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    live_at = models.DateTimeField(null=True)
    next_sample_at = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=10, blank=True, default="")  # while held: machine, person
    doubt = models.BooleanField(default=False)  # an act that was refused may have had its effect all the same
    alarm_at = models.DateTimeField(null=True)  # the watch must look at it: it came into or out of trouble

    class Meta:
        constraints = (
            one_of("state", State, "publication_state"),
            models.UniqueConstraint(fields=["release", "account", "lane"], name="publication_lane"),
            models.CheckConstraint(condition=Q(not_before__gte=models.F("instant")), name="publication_never_early"),
            models.CheckConstraint(
                condition=Q(promised_at__isnull=True) | Q(promised_at__lte=models.F("instant")),
                name="publication_promised_first",
            ),
            models.CheckConstraint(
                condition=~Q(state="live") | Q(live_at__isnull=False), name="publication_live_has_time"
            ),
        )
        # SQLite uses a partial index only where the query says its condition: "IS NOT NULL" follows from a comparison,
        # and a literal list of states follows from nothing but itself. So the clock's questions compare columns.
        indexes = (
            models.Index(fields=["next_at"], name="publication_next", condition=Q(next_at__isnull=False)),
            models.Index(fields=["lease_until"], name="publication_leased", condition=Q(lease_until__isnull=False)),
            models.Index(fields=["state", "instant"], name="publication_by_state"),
            models.Index(fields=["alarm_at"], name="publication_alarm_due", condition=Q(alarm_at__isnull=False)),
            models.Index(fields=["state", "next_at"], name="publication_due", condition=Q(next_at__isnull=False)),
            models.Index(
                fields=["state", "next_sample_at"],
                name="publication_sample_due",
                condition=Q(next_sample_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"publication {self.pk} {self.state}"

    @property
    def status(self) -> State:
        """The state as a domain value."""
        return State(self.state)

    @property
    def promised(self) -> datetime:
        """The instant that was signed: sending it again promises nothing new."""
        return self.promised_at or self.instant

    @property
    def due(self) -> datetime:
        """The instant that was signed, or when its portal's page allowed it, where that was later."""
        return max(self.promised, self.gate_at or self.promised)

    @property
    def late_ms(self) -> float | None:
        """Milliseconds between the instant (as signed, or as the portal's page allowed it) and the first byte."""
        return None if self.sent_at is None else (self.sent_at - self.due).total_seconds() * 1000


class Item(models.Model):
    """One position of a publication: which rendering, the signed bytes, and its own receipt.

    `active` is cleared when the publication is cancelled before any byte left: only then may the same
    edition be planned for the account again.
    """

    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="items")
    post = models.ForeignKey(PostRecord, on_delete=models.PROTECT, related_name="items")
    active = models.BooleanField(default=True)
    payload = models.JSONField(null=True)  # with the credit line; set at signing
    payload_hash = models.CharField(max_length=64, blank=True, default="")
    platform_id = models.CharField(max_length=100, blank=True, default="")
    url = models.CharField(max_length=1000, blank=True, default="")
    post_key = models.CharField(
        max_length=300, blank=True, default="", db_default=""
    )  # which post the address means, cut
    published_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)  # taken down by us, by read-back or by a named person's word

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["publication", "position"], name="item_position"),
            models.UniqueConstraint(
                fields=["edition", "account"], condition=Q(active=True), name="item_edition_once_per_account"
            ),
        )
        indexes = (
            models.Index(fields=["account", "-id"], name="item_by_account"),
            models.Index(fields=["post_key"], name="item_by_post"),
        )

    def __str__(self) -> str:
        return f"item {self.pk}"

    @property
    def signed_post(self) -> Post:
        """The bytes that were signed, as a value."""
        return Post(self.account.channel, self.payload or {}, self.edition.marker or "")


class Attempt(models.Model):
    """One public call: intent before, answer after. `outcome` "" means nobody knows yet."""

    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="attempts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, default="first")  # first, again, probe
    fence = models.PositiveIntegerField()
    owner = models.CharField(max_length=60, blank=True, default="")
    key = models.CharField(max_length=32)
    payload_hashes = models.JSONField()
    intent_at = models.DateTimeField()
    send_by = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    last_byte_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    answer = models.TextField(blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["publication", "number"], name="attempt_number"),
            models.UniqueConstraint(fields=["publication"], condition=Q(outcome=""), name="attempt_single_flight"),
            models.UniqueConstraint(fields=["account"], condition=Q(outcome=""), name="attempt_one_per_account"),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "not_sent", "accepted", "refused", "unknown"]), name="attempt_outcome"
            ),
        )

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.publication_id}: {self.outcome or 'open'}"


class Reservation(models.Model):
    """One slot of an account's quota: taken at signing and given back with the publication, or taken by a manual post."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="reservations")
    mode = models.CharField(max_length=20)
    window = models.CharField(max_length=20)
    slot = models.PositiveIntegerField()
    publication = models.ForeignKey(Publication, null=True, on_delete=models.PROTECT, related_name="reservations")
    manual_post = models.ForeignKey("bot.ManualPost", null=True, on_delete=models.PROTECT, related_name="reservations")
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "mode", "window", "slot"],
                condition=Q(released_at__isnull=True),
                name="reservation_slot",
            ),
            models.CheckConstraint(
                condition=Q(publication__isnull=False, manual_post__isnull=True)
                | Q(publication__isnull=True, manual_post__isnull=False),
                name="reservation_has_one_owner",
            ),
        )

    def __str__(self) -> str:
        return f"{self.mode} {self.window} #{self.slot}"


class Freeze(models.Model):
    """Everything stops until it is lifted. The reason is public to all staff."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="freezes")
    reason = models.CharField(max_length=300)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["unit"], condition=Q(lifted_at__isnull=True), name="freeze_once"),
        )

    def __str__(self) -> str:
        return self.reason
