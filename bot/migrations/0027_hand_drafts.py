"""Drafts that the machine leaves on an account for people to make public."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

STAGES = ["waiting", "placed", "unchecked", "failed", "altered", "leaving", "left_over", "taken_back"]
KINDS = [
    *("overdue", "unknown", "doubled", "gone", "withdrawal", "urgent", "lapsed", "returned", "needs_person", "missed"),
    *("split", "held", "review_late", "review_due", "by_hand", "draft", "chain", "rules", "clock", "preflight", "disk"),
]


class Migration(migrations.Migration):
    dependencies = (("bot", "0026_doubled_and_promised"),)

    operations = (
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
        migrations.CreateModel(
            name="HandDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lane", models.PositiveIntegerField(default=0)),
                ("signed_at", models.DateTimeField()),
                ("stage", models.CharField(default="waiting", max_length=12)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("staged", models.JSONField(default=dict)),
                ("left", models.JSONField(default=list)),
                ("next_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("faults", models.PositiveIntegerField(default=0)),
                ("placed_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hand_drafts", to="bot.account"
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hand_drafts", to="bot.release"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=Q(next_at__isnull=False), fields=["next_at"], name="handdraft_due"),
                    models.Index(fields=["stage"], name="handdraft_stage_is"),
                    models.Index(fields=["faults"], name="handdraft_faults"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(stage__in=STAGES), name="handdraft_stage"),
                    models.UniqueConstraint(fields=["release", "account", "lane", "signed_at"], name="handdraft_once"),
                ],
            },
        ),
    )
