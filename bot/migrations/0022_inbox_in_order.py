"""The inbox of a unit with a long backlog: in order of submission, and what one person handed in."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0021_attachments"),)

    operations = (
        migrations.AddIndex(
            model_name="edition",
            index=models.Index(fields=["state", "submitted_at", "id"], name="edition_by_waiting"),
        ),
        migrations.AddIndex(
            model_name="edition",
            index=models.Index(fields=["submitted_by", "state"], name="edition_by_submitter"),
        ),
    )
