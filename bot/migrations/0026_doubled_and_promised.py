"""One more kind of alarm: a push became public more than once."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

KINDS = [
    *("overdue", "unknown", "doubled", "gone", "withdrawal", "urgent", "lapsed", "returned", "needs_person", "missed"),
    *("split", "held", "review_late", "review_due", "by_hand", "chain", "rules", "clock", "preflight", "disk"),
]


class Migration(migrations.Migration):
    dependencies = (("bot", "0025_waivers_cover"),)

    operations = (
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
    )
