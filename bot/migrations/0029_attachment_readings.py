"""What attachments say, read once for the gate."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0028_assets_have_units"),)

    operations = (
        migrations.CreateModel(
            name="AttachmentReading",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                ("said", models.JSONField()),
                ("finished", models.BooleanField()),
                ("read_at", models.DateTimeField()),
            ],
        ),
    )
