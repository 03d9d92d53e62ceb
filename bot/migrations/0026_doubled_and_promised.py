"""One more kind of alarm: a push became public more than once. And the instant that was signed outlives a sending again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import migrations, models
from django.db.models import F, Q

KINDS = [
    *("overdue", "unknown", "doubled", "gone", "withdrawal", "urgent", "lapsed", "returned", "needs_person", "missed"),
    *("split", "held", "review_late", "review_due", "by_hand", "chain", "rules", "clock", "preflight", "disk"),
]


def take_from_the_manifests(apps: Any, editor: Any) -> None:
    """What was sent again before this was kept apart: the signed manifest still says what was promised."""
    found = apps.get_model("bot", "Publication").objects.using(editor.connection.alias)
    moved = found.filter(instant__gt=F("release__instant"), release__signed_at__isnull=False)
    for one in moved.select_related("release", "account").order_by("pk").iterator(200):
        for entry in (one.release.manifest or {}).get("publications", ()):
            if (entry.get("account"), entry.get("lane")) != (one.account.slug, one.lane) or "instant" not in entry:
                continue
            signed = datetime.fromisoformat(entry["instant"])
            if signed < one.instant:
                found.filter(pk=one.pk).update(promised_at=signed)


class Migration(migrations.Migration):
    dependencies = (("bot", "0025_waivers_cover"),)

    operations = (
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name="alarm_kind"),
        ),
        migrations.AddField(model_name="publication", name="promised_at", field=models.DateTimeField(null=True)),
        migrations.RunPython(take_from_the_manifests, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="publication",
            constraint=models.CheckConstraint(
                condition=Q(promised_at__isnull=True) | Q(promised_at__lte=F("instant")),
                name="publication_promised_first",
            ),
        ),
    )
