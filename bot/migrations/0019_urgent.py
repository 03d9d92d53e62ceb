"""应急通道: what goes out on two people's word, the words, and the mark of a release."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

PROTECT = django.db.models.deletion.PROTECT
ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
OPEN = ["asked", "released", "returned"]
STAGES = [*OPEN, "withdrawn", "void", "expired", "called_off", "reviewed", "settled"]
KINDS = [
    *(
        "overdue",
        "unknown",
        "gone",
        "withdrawal",
        "urgent",
        "lapsed",
        "returned",
        "needs_person",
        "missed",
        "split",
        "held",
        "review_late",
    ),
    *("review_due", "by_hand", "chain", "rules", "clock", "preflight", "disk"),
]


class Migration(migrations.Migration):
    dependencies = (("bot", "0018_catalogue"),)

    operations = (
        migrations.CreateModel(
            name="Urgency",
            fields=[
                ID,
                ("content_hash", models.CharField(max_length=64)),
                ("post_hashes", models.JSONField()),
                ("modes", models.JSONField()),
                ("instant", models.DateTimeField(null=True)),
                ("reason", models.CharField(max_length=300)),
                ("digest", models.CharField(max_length=64)),
                ("stage", models.CharField(default="asked", max_length=10)),
                ("review_by", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("edition", models.ForeignKey(on_delete=PROTECT, related_name="urgencies", to="bot.edition")),
                ("unit", models.ForeignKey(on_delete=PROTECT, related_name="urgencies", to="bot.unit")),
            ],
            options={
                "indexes": [models.Index(condition=Q(ended_at__isnull=True), fields=["unit"], name="urgency_open")],
                "constraints": (
                    models.CheckConstraint(condition=Q(stage__in=STAGES), name="urgency_stage"),
                    models.CheckConstraint(
                        condition=Q(stage__in=sorted(OPEN), ended_at__isnull=True)
                        | (~Q(stage__in=sorted(OPEN)) & Q(ended_at__isnull=False)),
                        name="urgency_ends_once",
                    ),
                    models.UniqueConstraint(
                        condition=Q(ended_at__isnull=True), fields=("edition",), name="urgency_once"
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="UrgentWord",
            fields=[
                ID,
                ("place", models.PositiveSmallIntegerField()),
                ("decides", models.BooleanField()),
                ("digest", models.CharField(max_length=64)),
                ("manifest_hash", models.CharField(blank=True, default="", max_length=64)),
                ("at", models.DateTimeField()),
                ("person", models.ForeignKey(on_delete=PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("urgency", models.ForeignKey(on_delete=PROTECT, related_name="words", to="bot.urgency")),
            ],
            options={
                "constraints": (
                    models.CheckConstraint(
                        condition=Q(place=1, manifest_hash="") | (Q(place=2) & ~Q(manifest_hash="")),
                        name="urgent_word_place",
                    ),
                    models.UniqueConstraint(fields=("urgency", "place"), name="urgent_word_once"),
                    models.UniqueConstraint(fields=("urgency", "person"), name="urgent_word_one_each"),
                ),
            },
        ),
        migrations.AddField(
            model_name="release",
            name="urgency",
            field=models.OneToOneField(null=True, on_delete=PROTECT, related_name="release", to="bot.urgency"),
        ),
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
    )
