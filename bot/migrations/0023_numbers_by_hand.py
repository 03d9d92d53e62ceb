"""Numbers of what people posted by hand: how each entry of the book is followed, and its samples."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

PROTECT = django.db.models.deletion.PROTECT
TOGETHER = 500


def key():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def follow_what_stands(apps: Any, schema_editor: Any) -> None:
    """Entries of before are due at once: the first round drops what is older than 30 days, void, or nobody can be asked about."""
    count, post = apps.get_model("bot", "ManualCount"), apps.get_model("bot", "ManualPost")
    standing = post.objects.filter(void__isnull=True).order_by("pk").values_list("pk", "posted_at")
    rows = [count(post_id=pk, next_sample_at=at) for pk, at in standing]
    count.objects.bulk_create(rows, batch_size=TOGETHER)


class Migration(migrations.Migration):
    dependencies = (("bot", "0022_inbox_in_order"),)

    operations = (
        migrations.CreateModel(
            name="ManualCount",
            fields=[
                key(),
                ("platform_id", models.CharField(blank=True, default="", max_length=100)),
                ("ids", models.JSONField(default=dict)),
                ("next_sample_at", models.DateTimeField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("post", models.OneToOneField(on_delete=PROTECT, related_name="count", to="bot.manualpost")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(next_sample_at__isnull=False), fields=["next_sample_at"], name="manual_count_due"
                    )
                ],
                "constraints": (
                    models.CheckConstraint(
                        condition=Q(platform_id="") | Q(asked_at__isnull=False), name="manual_count_known_was_asked"
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="ManualSample",
            fields=[
                key(),
                ("taken_at", models.DateTimeField()),
                ("stat_date", models.CharField(blank=True, default="", max_length=10)),
                ("values", models.JSONField()),
                ("absent", models.BooleanField(default=False)),
                ("raw", models.TextField()),
                ("post", models.ForeignKey(on_delete=PROTECT, related_name="samples", to="bot.manualpost")),
            ],
            options={"indexes": [models.Index(fields=["post", "taken_at"], name="manual_sample_by_post")]},
        ),
        migrations.RunPython(follow_what_stands, migrations.RunPython.noop),
    )
