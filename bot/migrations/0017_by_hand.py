"""What people post on a platform's own console: tasks, the book of it, its share of the quota; who answers for an account."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

PROTECT, CASCADE = django.db.models.deletion.PROTECT, django.db.models.deletion.CASCADE
KINDS = [
    *("overdue", "unknown", "gone", "needs_person", "missed", "split", "held", "by_hand", "chain", "rules", "clock"),
    *("preflight", "disk"),
]


def key():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def to(model, related="+", *, on_delete=PROTECT, **options):
    return models.ForeignKey(on_delete=on_delete, related_name=related, to=model, **options)


def text(length):
    return models.CharField(blank=True, db_default="", default="", max_length=length)


class Migration(migrations.Migration):
    dependencies = (("bot", "0016_withdrawals"),)

    operations = (
        migrations.AddField(model_name="account", name="manual_reason", field=text(300)),
        migrations.AddField(model_name="account", name="subject", field=text(100)),
        migrations.AddField(model_name="account", name="verified_until", field=models.DateField(null=True)),
        migrations.AddField(model_name="account", name="ip_note", field=text(200)),
        migrations.CreateModel(
            name="Custody",
            fields=[
                key(),
                ("duty", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=60)),
                ("contact", models.CharField(blank=True, default="", max_length=100)),
                ("since", models.DateField()),
                ("until", models.DateField(null=True)),
                ("entered_at", models.DateTimeField()),
                ("account", to("bot.account", "custody")),
                ("entered_by", to(settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": (
                    models.CheckConstraint(condition=Q(duty__in=["holder", "deputy", "admin"]), name="custody_duty"),
                    models.UniqueConstraint(
                        condition=Q(until__isnull=True), fields=("account", "duty"), name="custody_one"
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="AccountCheck",
            fields=[
                key(),
                ("at", models.DateTimeField()),
                ("ok", models.BooleanField()),
                ("lines", models.JSONField()),
                (
                    "account",
                    models.OneToOneField(on_delete=CASCADE, related_name="last_check", to="bot.account"),
                ),
                ("person", to(settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="ManualTask",
            fields=[
                key(),
                ("mode", models.CharField(max_length=20)),
                ("lane", models.PositiveIntegerField(default=0)),
                ("position", models.PositiveIntegerField()),
                ("payload", models.JSONField(null=True)),
                ("payload_hash", models.CharField(blank=True, default="", max_length=64)),
                ("done_at", models.DateTimeField(null=True)),
                ("drop_reason", models.CharField(blank=True, default="", max_length=300)),
                ("account", to("bot.account", "manual_tasks")),
                ("edition", to("bot.edition", "manual_tasks")),
                ("post", to("bot.postrecord", "manual_tasks")),
                ("release", to("bot.release", "manual_tasks")),
            ],
            options={
                "indexes": [
                    models.Index(condition=Q(done_at__isnull=True), fields=["release"], name="manual_task_open")
                ],
                "constraints": (
                    models.UniqueConstraint(
                        fields=("release", "account", "lane", "position"), name="manual_task_position"
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="ManualPost",
            fields=[
                key(),
                ("mode", models.CharField(max_length=20)),
                ("title", models.CharField(max_length=300)),
                ("url", models.CharField(max_length=1000)),
                ("post_key", models.CharField(max_length=1000)),
                ("posted_at", models.DateTimeField()),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("entered_at", models.DateTimeField()),
                ("account", to("bot.account", "manual_posts")),
                (
                    "corrects",
                    models.OneToOneField(
                        null=True, on_delete=PROTECT, related_name="corrected_by", to="bot.manualpost"
                    ),
                ),
                ("edition", to("bot.edition", "manual_posts", null=True)),
                ("entered_by", to(settings.AUTH_USER_MODEL)),
                ("posted_by", to(settings.AUTH_USER_MODEL)),
                ("task", to("bot.manualtask", "posts", null=True)),
                ("unit", to("bot.unit", "manual_posts")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["unit", "posted_at"], name="manual_post_by_day"),
                    models.Index(fields=["account", "edition"], name="manual_post_of_edition"),
                    models.Index(fields=["account", "posted_at"], name="manual_post_of_account"),
                ],
                "constraints": (
                    models.CheckConstraint(condition=Q(posted_at__lte=F("entered_at")), name="manual_post_not_ahead"),
                ),
            },
        ),
        migrations.CreateModel(
            name="ManualVoid",
            fields=[
                key(),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField()),
                ("person", to(settings.AUTH_USER_MODEL)),
                (
                    "post",
                    models.OneToOneField(on_delete=PROTECT, related_name="void", to="bot.manualpost"),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="reservation", name="publication", field=to("bot.publication", "reservations", null=True)
        ),
        migrations.AddField(
            model_name="reservation", name="manual_post", field=to("bot.manualpost", "reservations", null=True)
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=Q(publication__isnull=False, manual_post__isnull=True)
                | Q(publication__isnull=True, manual_post__isnull=False),
                name="reservation_has_one_owner",
            ),
        ),
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
    )
