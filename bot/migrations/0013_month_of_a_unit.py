"""The calendar finds a unit's month by index."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0011_machine_interface"),)

    operations = (
        migrations.AddIndex(
            model_name="release",
            index=models.Index(fields=["unit", "instant"], name="release_of_unit_by_instant"),
        ),
    )
