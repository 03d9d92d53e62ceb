"""The newest number of what people posted is read, not sorted out of all."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0029_attachment_readings"),)

    operations = (
        migrations.AddIndex(
            model_name="manualsample",
            index=models.Index(fields=["post", "-stat_date", "-taken_at", "-id"], name="manual_sample_newest"),
        ),
    )
