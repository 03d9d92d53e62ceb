"""What people post on a platform's own console: the tasks for it, the book of what was posted, and its numbers.

The book is insert-only.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from bot.domain import handdraft
from bot.domain.post import Post

from .accounts import Account
from .base import Counted, one_of
from .documents import Edition
from .people import Person, Unit
from .posts import PostRecord
from .releases import Release


class ManualTask(models.Model):
    """One article of a release that a person posts on an account that the machine may not post on.

    Articles of one `lane` go out as one message, in the order of `position`. The text is signed with the release.
    `done_at` is set while an entry of the book that stands says that it was posted, or when a person called it off
    (`drop_reason`). Beside an entry that stands `drop_reason` says how it was taken down again.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="manual_tasks")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="manual_tasks")
    mode = models.CharField(max_length=20)
    lane = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField()
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="manual_tasks")
    post = models.ForeignKey(PostRecord, on_delete=models.PROTECT, related_name="manual_tasks")
    payload = models.JSONField(null=True)  # with the credit line; set at signing
    payload_hash = models.CharField(max_length=64, blank=True, default="")
    done_at = models.DateTimeField(null=True)
    drop_reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["release", "account", "lane", "position"], name="manual_task_position"),
        )
        indexes = (models.Index(fields=["release"], name="manual_task_open", condition=Q(done_at__isnull=True)),)

    def __str__(self) -> str:
        return f"manual task {self.pk}"

    @property
    def waits(self) -> bool:
        """Whether somebody is still to post it."""
        return self.done_at is None

    @property
    def dropped(self) -> bool:
        """Whether it was called off: nobody posts it any more."""
        return self.done_at is not None and bool(self.drop_reason)

    @property
    def text(self) -> Post:
        """The signed text; before the signature the one that was frozen at submit."""
        return Post(self.account.channel, self.payload or self.post.payload, self.edition.marker or "")


class HandDraft(models.Model):
    """The draft of one message that the machine leaves on the account itself, for people to make public (mode 草稿).

    It belongs to one signature (`signed_at`). `staged` is the channel's table of what stands there, {} where nothing does;
    `left` are tables of earlier ones that may still stand there.
    `next_at` is when something is due of it; while a worker has it (`lease_until`), the end of its lease. `placed_at`: when it was put there;
    `checked_at`: when it was last read back and equalled what was signed.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="hand_drafts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="hand_drafts")
    lane = models.PositiveIntegerField(default=0)
    signed_at = models.DateTimeField()
    stage = models.CharField(max_length=12, default=handdraft.Stage.WAITING)
    note = models.CharField(max_length=500, blank=True, default="")
    staged = models.JSONField(default=dict)
    left = models.JSONField(default=list)
    next_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    faults = models.PositiveIntegerField(default=0)
    placed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            one_of("stage", handdraft.Stage, "handdraft_stage"),
            models.UniqueConstraint(fields=["release", "account", "lane", "signed_at"], name="handdraft_once"),
        )
        indexes = (
            models.Index(fields=["next_at"], name="handdraft_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["stage"], name="handdraft_stage_is"),
            models.Index(fields=["faults"], name="handdraft_faults"),
        )

    def __str__(self) -> str:
        return f"hand draft {self.pk} {self.stage}"

    @property
    def status(self) -> handdraft.Stage:
        """The stage as a domain value."""
        return handdraft.Stage(self.stage)

    @property
    def unsure(self) -> bool:
        """Whether it is not as it should be: what stands there must not be published without a look."""
        quiet = {handdraft.Stage.WAITING, handdraft.Stage.PLACED, handdraft.Stage.TAKEN_BACK}
        return self.status not in quiet or self.faults > 0


class ManualPost(models.Model):
    """One post that somebody made on a platform's own console, as somebody entered it.

    Never changed: a mistake is voided (`ManualVoid`), and the right entry is another line that `corrects` it. `post_key`
    is which post the address means, however it was typed. `edition` is empty for what has no document here.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="manual_posts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="manual_posts")
    mode = models.CharField(max_length=20)
    title = models.CharField(max_length=300)
    edition = models.ForeignKey(Edition, null=True, on_delete=models.PROTECT, related_name="manual_posts")
    task = models.ForeignKey(ManualTask, null=True, on_delete=models.PROTECT, related_name="posts")
    url = models.CharField(max_length=1000)
    post_key = models.CharField(max_length=1000)
    posted_at = models.DateTimeField()
    posted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True, default="")
    entered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    corrects = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="corrected_by")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(posted_at__lte=models.F("entered_at")), name="manual_post_not_ahead"),
        )
        indexes = (
            models.Index(fields=["unit", "posted_at"], name="manual_post_by_day"),
            models.Index(fields=["account", "edition"], name="manual_post_of_edition"),
            models.Index(fields=["account", "posted_at"], name="manual_post_of_account"),
        )

    def __str__(self) -> str:
        return f"manual post {self.pk}"

    @property
    def stands(self) -> bool:
        """False once it was voided."""
        return not hasattr(self, "void")


class ManualVoid(models.Model):
    """Why one entry of the book does not count. Insert-only."""

    post = models.OneToOneField(ManualPost, on_delete=models.PROTECT, related_name="void")
    reason = models.CharField(max_length=300)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"void of {self.post_id}"


class ManualCount(models.Model):
    """How the numbers of one entry of the book are followed. It stands beside the entry, which never changes.

    `platform_id` and `ids` are by what the platform was asked about it; "" while nobody can say for sure which post it is.
    Once known they stay (trigger): numbers of two posts never stand in one row. `note`: what kept numbers from coming when
    it was last tried, for staff.
    """

    post = models.OneToOneField(ManualPost, on_delete=models.PROTECT, related_name="count")
    platform_id = models.CharField(max_length=100, blank=True, default="")
    ids = models.JSONField(default=dict)
    next_sample_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(platform_id="") | Q(asked_at__isnull=False), name="manual_count_known_was_asked"
            ),
        )
        indexes = (
            models.Index(fields=["next_sample_at"], name="manual_count_due", condition=Q(next_sample_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"numbers of {self.post_id}"


class ManualSample(Counted):
    """Numbers of one post that a person made."""

    post = models.ForeignKey(ManualPost, on_delete=models.PROTECT, related_name="samples")

    class Meta:
        indexes = (
            models.Index(fields=["post", "taken_at"], name="manual_sample_by_post"),
            # as `domain.sampling.newest` orders them, like those of `SampleRecord`
            models.Index(fields=["post", "-stat_date", "-taken_at", "-id"], name="manual_sample_newest"),
        )

    def __str__(self) -> str:
        return f"{self.post_id} {self.taken_at:%F %T}"
