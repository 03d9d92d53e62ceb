"""One more kind of alarm: a live push was taken down."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

KINDS = [
    *("overdue", "unknown", "gone", "needs_person", "missed", "split", "held", "chain", "rules", "clock", "preflight"),
    "disk",
]


class Migration(migrations.Migration):
    dependencies = (("bot", "0004_speed"),)

    operations = (
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
    )
