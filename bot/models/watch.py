"""What is watched: pre-flights and their results, alarms, whom they were told to, and the chores of the watch itself.

Every row that is due has `next_at`, and a partial index on it: a tick with nothing due costs one read of each.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import Q

from bot.domain import alarms, preflight

from .accounts import Account
from .base import one_of
from .people import Person, Unit
from .releases import Publication, Release


class Preflight(models.Model):
    """One recorded pre-flight of one account of a signed release, bound to that signature."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="preflights")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="preflights")
    kind = models.CharField(max_length=10)
    signed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="waiting")  # waiting, running, done, dropped
    next_at = models.DateTimeField(null=True)  # when it is (again) due; the end of its lease while it runs
    rung_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = (
            one_of("kind", preflight.Kind, "preflight_kind"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "dropped"]), name="preflight_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], next_at__isnull=False)
                | Q(state__in=["done", "dropped"], next_at__isnull=True),
                name="preflight_open_is_due",
            ),
            models.UniqueConstraint(
                fields=["release", "account", "signed_at", "kind"],
                condition=~Q(kind="asked") & ~Q(state="dropped"),
                name="preflight_once_per_signature",
            ),
        )
        indexes = (models.Index(fields=["next_at"], name="preflight_due", condition=Q(next_at__isnull=False)),)

    def __str__(self) -> str:
        return f"preflight {self.pk} {self.kind} {self.state}"

    @property
    def label(self) -> str:
        """Staff's word for its kind."""
        return preflight.Kind(self.kind).label


class PreflightCheck(models.Model):
    """One line of a pre-flight: a stable code, what was found, and who must do what."""

    preflight = models.ForeignKey(Preflight, on_delete=models.CASCADE, related_name="checks")
    position = models.PositiveIntegerField()
    code = models.CharField(max_length=30)
    name = models.CharField(max_length=60)
    ok = models.BooleanField()
    warning = models.BooleanField(default=False)
    message = models.CharField(max_length=500)
    remedy = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["preflight", "position"], name="preflight_check_once"),)
        indexes = (models.Index(fields=["-id"], name="preflight_of_the_portal", condition=Q(code="portal")),)

    def __str__(self) -> str:
        return f"{self.code} {'ok' if self.ok else 'not ok'}"


class Alarm(models.Model):
    """Something stands before a person. At most one is open for each kind and subject."""

    kind = models.CharField(max_length=20)
    subject = models.CharField(
        max_length=80
    )  # "publication:7", "release:3", "preflight:3:zghd", "account:zghd", "home"
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="alarms")  # null: everybody's
    release = models.ForeignKey(Release, null=True, on_delete=models.PROTECT, related_name="alarms")
    publication = models.ForeignKey(Publication, null=True, on_delete=models.PROTECT, related_name="alarms")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="alarms")
    out = models.CharField(max_length=10, default="none")
    message = models.CharField(max_length=500)  # for logged-in staff: may quote what is under embargo
    public_message = models.CharField(max_length=200, blank=True, default="")  # what a notice may add
    raised_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    read_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_because = models.CharField(max_length=200, blank=True, default="")
    ring = models.PositiveIntegerField(default=0)  # the last ring of people that was told
    told_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)  # when the next ring is told

    class Meta:
        constraints = (
            one_of("kind", alarms.Kind, "alarm_kind"),
            one_of("out", alarms.Out, "alarm_out"),
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(closed_at__isnull=True), name="alarm_open_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, read_at__isnull=True) | Q(next_at__isnull=True),
                name="alarm_read_or_closed_is_quiet",
            ),
        )
        indexes = (
            models.Index(fields=["next_at"], name="alarm_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["raised_at"], name="alarm_open", condition=Q(closed_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"alarm {self.pk} {self.kind} {self.subject}"

    @property
    def sort(self) -> alarms.Kind:
        """The kind as a domain value."""
        return alarms.Kind(self.kind)

    @property
    def label(self) -> str:
        """Staff's word for its kind."""
        return self.sort.label

    @property
    def out_label(self) -> str:
        """是、否、不明、部分."""
        return alarms.Out(self.out).label

    @property
    def remedy(self) -> str:
        """Who must do what."""
        return alarms.REMEDIES[self.sort]


class AlarmNotice(models.Model):
    """One message about one or more alarms to one target: to whom, how, when, and what became of it."""

    alarms = models.ManyToManyField(Alarm, related_name="notices")
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    ring = models.PositiveIntegerField()
    target = models.CharField(max_length=60)  # "" when nobody is configured
    kind = models.CharField(max_length=30, blank=True, default="")
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="waiting")  # waiting, sending, sent, failed, nobody, dropped
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sending", "sent", "failed", "nobody", "dropped"]),
                name="notice_state",
            ),
        )
        indexes = (
            models.Index(fields=["next_at"], name="notice_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["created_at"], name="notice_by_time"),
        )

    def __str__(self) -> str:
        return f"notice {self.pk} to {self.target or 'nobody'}: {self.state}"

    @property
    def result(self) -> str:
        """What became of it, for staff."""
        words = {
            "waiting": "等待再试" if self.tries else "等待送出",
            "sending": "正在送出",
            "sent": "只送达一部分" if self.error else "已送达",
            "failed": "未送达，不再重试",  # rows of an earlier version, which gave up after an hour
            "nobody": "没有配置通知对象",
            "dropped": "警报已了结，未再送出",
        }
        return words[self.state]


class Chore(models.Model):
    """Something the watch does by itself again and again: one row each, made after every migration."""

    name = models.CharField(max_length=20, primary_key=True)
    next_at = models.DateTimeField(db_index=True)
    rung_at = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Standstill(models.Model):
    """A time in which nobody looked what is due. A few rows a year; nothing changes them.

    `since` is when somebody had last looked, `until` when somebody followed the time again.
    """

    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(since__lt=models.F("until")), name="standstill_has_length"),)

    def __str__(self) -> str:
        return f"{self.since:%F %T} to {self.until:%F %T}"


#: What is looked at by itself; how often is for `bot.services.watching` to say.
CHORES = ("sweep", "machine", "chain", "takedowns", "trail", "drafts")


def make_chores(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Make the rows that are missing, due at once; called after every migration."""
    from datetime import UTC, datetime

    if Chore._meta.db_table in connections[using].introspection.table_names():
        due = datetime(2000, 1, 1, tzinfo=UTC)
        Chore.objects.using(using).bulk_create(
            [Chore(name=name, next_at=due) for name in CHORES], ignore_conflicts=True
        )
