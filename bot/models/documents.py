"""Documents, their editions, what reviewers said and what checks found."""

from __future__ import annotations

from django.db import models

from bot.domain.article import Article, Kind
from bot.domain.findings import Finding, Level
from bot.domain.workflow import EditionState, Step, Verdict

from .base import one_of
from .people import Person, Unit


class Document(models.Model):
    """Identity of an item; its content lives in editions. `interprets_external` waits for its document."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="documents")
    external_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    is_policy = models.BooleanField(default=False)
    interprets = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="interpretations"
    )
    interprets_external = models.CharField(max_length=100, blank=True, default="")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    #: Of its newest edition, for lists: `services.catalogue` keeps them.
    title = models.CharField(max_length=300, blank=True, default="")
    state = models.CharField(max_length=20, default=EditionState.DRAFTING)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["unit", "external_id"], name="document_identity"),
            one_of("kind", Kind, "document_kind"),
        )
        indexes = (
            models.Index(fields=["unit", "-changed_at", "-id"], name="document_newest"),
            models.Index(fields=["unit", "state", "-changed_at", "-id"], name="document_by_state"),
            models.Index(fields=["unit", "kind", "-changed_at", "-id"], name="document_by_kind"),
            models.Index(fields=["interprets_external"], name="document_waits_for"),
        )

    def __str__(self) -> str:
        return self.external_id

    @property
    def current(self) -> Edition:
        """The newest edition."""
        return self.editions.order_by("-number")[0]


class Edition(models.Model):
    """Immutable content of a document. A change is a new edition; `marker` is drawn at submit."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="editions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=20, default=EditionState.DRAFTING)
    title = models.CharField(max_length=300)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="editions")
    created_at = models.DateTimeField()
    submitted_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    marker = models.CharField(max_length=8, null=True, unique=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["document", "number"], name="edition_number"),
            one_of("state", EditionState, "edition_state"),
            models.CheckConstraint(
                condition=models.Q(state__in=["drafting", "superseded"])
                | models.Q(marker__isnull=False, submitted_by__isnull=False),
                name="edition_submitted_has_marker",
            ),
        )
        indexes = (
            models.Index(fields=["state", "id"], name="edition_by_state"),
            models.Index(fields=["state", "submitted_at", "id"], name="edition_by_waiting"),
            models.Index(fields=["submitted_by", "state"], name="edition_by_submitter"),
            models.Index(fields=["created_at"], name="edition_by_creation"),
            models.Index(
                fields=["submitted_at"], name="edition_by_submission", condition=models.Q(submitted_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.document_id}/{self.number} {self.title}"

    @property
    def article(self) -> Article:
        """The content as a value."""
        return Article.from_content(self.content)

    @property
    def status(self) -> EditionState:
        """The state as a domain value."""
        return EditionState(self.state)

    def authors(self) -> set[int]:
        """Ids of everybody who may not review it."""
        return {self.author_id} | ({self.submitted_by_id} if self.submitted_by_id else set())


class Draft(models.Model):
    """What an editor has typed since the newest edition: saved by itself, no edition yet, seen by nobody but its editors.

    `editor` has it open until `open_until`; another who opens it meanwhile is told. `base` is the edition it started from.
    """

    document = models.OneToOneField(Document, on_delete=models.CASCADE, related_name="draft")
    base = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="+")
    fields = models.JSONField()
    attachments = models.JSONField(default=list)
    cover = models.JSONField(null=True)
    revision = models.PositiveIntegerField(default=0)
    editor = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    open_until = models.DateTimeField()
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft of {self.document_id}"


class AttachmentFile(models.Model):
    """A file that some edition or draft names by its hash; its bytes lie in the home. Insert-only."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256[:12]


class AttachmentReading(models.Model):
    """What a file says, as the gate's reader of that version read it (`said`: bot.intake.reading.as_json). Made anew where the
    reader is newer, or was not `finished`."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    version = models.PositiveSmallIntegerField()
    said = models.JSONField()
    finished = models.BooleanField()
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256[:12]


class SavedView(models.Model):
    """A person's name for a set of filters: the query string of a list."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="views")
    page = models.CharField(max_length=30)
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=500)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["person", "page", "name"], name="view_once"),)

    def __str__(self) -> str:
        return self.name


class Review(models.Model):
    """One person's verdict on one step, with the hashes they saw. Insert-only."""

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="reviews")
    step = models.CharField(max_length=10)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=10)
    comment = models.TextField(blank=True, default="")
    content_hash = models.CharField(max_length=64)
    post_hashes = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["edition", "step"], name="review_one_per_step"),
            models.UniqueConstraint(fields=["edition", "person"], name="review_one_step_per_person"),
            one_of("step", Step, "review_step"),
            one_of("verdict", Verdict, "review_verdict"),
        )
        indexes = (models.Index(fields=["at"], name="review_by_time"),)

    def __str__(self) -> str:
        return f"{self.step} {self.verdict}"


class FindingRecord(models.Model):
    """A finding of the gate on one edition, optionally for one account's rendering."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="findings")
    account = models.ForeignKey("bot.Account", null=True, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=10)
    rule = models.CharField(max_length=60)
    detail = models.JSONField()

    class Meta:
        constraints = (one_of("level", Level, "finding_level"),)

    def __str__(self) -> str:
        return self.rule

    @property
    def finding(self) -> Finding:
        """The finding as a value."""
        return Finding(**{**self.detail, "level": Level(self.detail["level"])})


class Waiver(models.Model):
    """Who let what pass, and why. Rule `pairing` waives the interpretation of a policy document.

    `covers`: the keys of the findings that stood there then; what the rule finds in other words is not let pass by it.
    """

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="waivers")
    rule = models.CharField(max_length=60)
    covers = models.JSONField(default=list)
    reason = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["document", "rule"], name="waiver_once"),)

    def __str__(self) -> str:
        return self.rule
