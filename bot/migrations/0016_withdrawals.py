"""Taking down what is public: who decided, each call, the proof; and what corrects what."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

STAGES = ["asked", "waiting", "calling", "checking", "by_hand", "still_public", "refused", "done", "dropped"]


def to(model, *, null=False, name="+"):
    return models.ForeignKey(null=null, on_delete=django.db.models.deletion.PROTECT, related_name=name, to=model)


class Migration(migrations.Migration):
    dependencies = (("bot", "0014_inbox"),)

    operations = (
        migrations.AddField(model_name="item", name="withdrawn_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("notice_kind", models.CharField(max_length=12)),
                ("notice", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("asked_by", to(settings.AUTH_USER_MODEL)),
                ("confirmed_by", to(settings.AUTH_USER_MODEL, null=True)),
                ("dropped_by", to(settings.AUTH_USER_MODEL, null=True)),
                ("release", to("bot.release", name="withdrawals")),
            ],
            options={
                "constraints": (
                    models.CheckConstraint(
                        condition=Q(notice_kind__in=["withdrawal", "correction"]), name="withdrawal_notice"
                    ),
                    models.CheckConstraint(
                        condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                        | (Q(confirmed_by__isnull=False, confirmed_at__isnull=False) & ~Q(confirmed_by=F("asked_by"))),
                        name="withdrawal_by_two",
                    ),
                    models.UniqueConstraint(
                        fields=["release"], condition=Q(ended_at__isnull=True), name="withdrawal_open_once"
                    ),
                )
            },
        ),
        migrations.CreateModel(
            name="Takedown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(null=True)),
                ("stage", models.CharField(default="asked", max_length=12)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("looks", models.PositiveIntegerField(default=0)),
                ("before", models.JSONField(default=dict)),
                ("done_at", models.DateTimeField(null=True)),
                ("evidence", models.CharField(blank=True, default="", max_length=1000)),
                ("done_by", to(settings.AUTH_USER_MODEL, null=True)),
                ("edition", to("bot.edition", null=True, name="takedowns")),
                ("publication", to("bot.publication", null=True, name="takedowns")),
                ("withdrawal", to("bot.withdrawal", name="takedowns")),
            ],
            options={
                "indexes": [
                    models.Index(condition=Q(next_at__isnull=False), fields=["next_at"], name="takedown_due"),
                ],
                "constraints": (
                    models.CheckConstraint(condition=Q(stage__in=STAGES), name="takedown_stage"),
                    models.CheckConstraint(
                        condition=Q(publication__isnull=False, edition__isnull=True)
                        | Q(publication__isnull=True, edition__isnull=False, position__isnull=True),
                        name="takedown_of_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=(Q(stage="done") & Q(done_at__isnull=False))
                        | (~Q(stage="done") & Q(done_at__isnull=True)),
                        name="takedown_done_has_time",
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="TakedownCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("fence", models.PositiveIntegerField()),
                ("intent_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, default="", max_length=12)),
                ("code", models.CharField(blank=True, default="", max_length=40)),
                ("message", models.CharField(blank=True, default="", max_length=500)),
                ("takedown", to("bot.takedown", name="calls")),
            ],
            options={
                "constraints": (
                    models.UniqueConstraint(fields=["takedown", "number"], name="takedowncall_number"),
                    models.UniqueConstraint(
                        fields=["takedown"], condition=Q(outcome=""), name="takedowncall_single_flight"
                    ),
                    models.CheckConstraint(
                        condition=Q(outcome__in=["", "withdrawn", "by_hand", "refused", "unknown"]),
                        name="takedowncall_outcome",
                    ),
                )
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                ("new", to("bot.edition", name="corrects")),
                ("old", to("bot.edition", name="corrected_by")),
                ("person", to(settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": (
                    models.UniqueConstraint(fields=["old", "new"], name="correction_once"),
                    models.CheckConstraint(condition=~Q(old=F("new")), name="correction_of_another"),
                )
            },
        ),
    )
