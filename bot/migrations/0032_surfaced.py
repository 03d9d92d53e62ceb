"""An alarm for what the platform says of a push that people had called off."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

KINDS = [
    *("overdue", "unknown", "doubled", "surfaced", "gone", "withdrawal", "urgent", "lapsed", "returned"),
    *("needs_person", "missed", "split", "held", "review_late", "review_due", "by_hand", "draft", "chain", "rules"),
    *("clock", "preflight", "disk"),
]


class Migration(migrations.Migration):
    dependencies = (("bot", "0031_checks_from_the_command_line"),)

    operations = (
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
    )
