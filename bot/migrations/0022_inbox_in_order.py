"""The inbox of a unit with a long backlog is read in order of submission."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0021_attachments"),)

    operations = (
        migrations.AddIndex(
            model_name="edition",
            index=models.Index(fields=["state", "submitted_at", "id"], name="edition_by_waiting"),
        ),
    )
