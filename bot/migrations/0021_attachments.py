"""Files of an edition, and a cover of one's own: what a draft holds of both, and which files the home keeps."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = (("bot", "0020_trail_index"),)

    operations = (
        migrations.AddField("draft", "attachments", models.JSONField(default=list)),
        migrations.AddField("draft", "cover", models.JSONField(null=True)),
        migrations.CreateModel(
            name="AttachmentFile",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.PositiveBigIntegerField()),
                ("media_type", models.CharField(max_length=100)),
                ("added_at", models.DateTimeField()),
                ("added_by", models.ForeignKey(on_delete=PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
        ),
    )
