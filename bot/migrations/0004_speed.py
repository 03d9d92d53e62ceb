"""Indexes that the clock and the senders really use, on both databases: see docs/adr/0018."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = (("bot", "0003_watch"),)

    operations = (
        migrations.RemoveIndex(model_name="publication", name="publication_due"),
        migrations.RemoveIndex(model_name="publication", name="publication_sample_due"),
        migrations.RemoveIndex(model_name="batch", name="batch_open"),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(fields=["next_at"], name="publication_next", condition=Q(next_at__isnull=False)),
        ),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(
                fields=["lease_until"], name="publication_leased", condition=Q(lease_until__isnull=False)
            ),
        ),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(fields=["state", "instant"], name="publication_by_state"),
        ),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(fields=["state", "next_at"], name="publication_due", condition=Q(next_at__isnull=False)),
        ),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(
                fields=["state", "next_sample_at"],
                name="publication_sample_due",
                condition=Q(next_sample_at__isnull=False),
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["state", "id"], name="batch_by_state"),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(fields=["account", "-id"], name="item_by_account"),
        ),
    )
