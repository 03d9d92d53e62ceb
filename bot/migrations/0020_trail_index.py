"""The index of the trail, filled from the chain afterwards, some lines at a time; the last looks at the portal by index."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

NEWEST = ("-at", "-sequence")


class Migration(migrations.Migration):
    dependencies = (("bot", "0019_urgent"),)

    operations = (
        migrations.CreateModel(
            name="TrailLine",
            fields=[
                ("sequence", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("whose", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=60)),
                ("sort", models.CharField(max_length=12)),
                ("subject", models.CharField(max_length=120)),
            ],
            options={
                "indexes": (
                    models.Index(fields=["whose", *NEWEST], name="trail_newest"),
                    models.Index(fields=["whose", "actor", *NEWEST], name="trail_by_actor"),
                    models.Index(fields=["whose", "sort", *NEWEST], name="trail_by_sort"),
                    models.Index(fields=["whose", "actor", "sort", *NEWEST], name="trail_by_actor_and_sort"),
                    models.Index(fields=["subject", *NEWEST], name="trail_by_subject"),
                )
            },
        ),
        migrations.AddIndex(
            "portalgate", models.Index(fields=["-asked_at"], name="gate_last_look", condition=Q(asked_at__isnull=False))
        ),
        migrations.AddIndex(
            "preflightcheck", models.Index(fields=["-id"], name="preflight_of_the_portal", condition=Q(code="portal"))
        ),
    )
