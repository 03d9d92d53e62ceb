"""Times in which nobody looked what is due; and samples in the order in which the newest number is looked for."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = (("bot", "0023_numbers_by_hand"),)

    operations = (
        migrations.CreateModel(
            name="Standstill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=Q(since__lt=F("until")), name="standstill_has_length")]
            },
        ),
        migrations.AddIndex(
            model_name="samplerecord",
            index=models.Index(fields=["item", "-stat_date", "-taken_at", "-id"], name="sample_newest"),
        ),
    )
