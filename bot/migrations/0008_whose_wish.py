"""A wish to stop may be the machine's own (the portal gate's): then people must hear of it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0007_doubt"),)

    operations = (
        migrations.AddField(
            model_name="publication",
            name="stop_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
    )
