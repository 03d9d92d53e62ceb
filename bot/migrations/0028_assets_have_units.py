"""A picture is shown to the units that brought it, or for which it was drawn: so far whoever knew its hash saw it."""

from __future__ import annotations

import json
import re
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

NAME = re.compile(r"assets?[:/]([0-9a-f]{64})")  # in posts by name, in working copies by address
NAMED = (
    ("PostRecord", "edition__document__unit", ("payload",)),
    ("Edition", "document__unit", ("content",)),
    ("Draft", "document__unit", ("fields", "cover")),
)
"""Where a picture may be named, whose that is, and in which columns."""


def find_their_units(apps: Any, editor: Any) -> None:
    """What posts, editions and working copies name, of the pictures that are there."""
    alias = editor.connection.alias
    uses = apps.get_model("bot", "AssetUse").objects.using(alias)
    kept = set(apps.get_model("bot", "AssetRecord").objects.using(alias).values_list("sha256", flat=True))
    found: set[tuple[str, int]] = set()
    for model, unit, columns in NAMED if kept else ():
        rows = apps.get_model("bot", model).objects.using(alias).order_by("pk").values_list(unit, *columns)
        for whose, *values in rows.iterator(chunk_size=500):
            found |= {(sha, whose) for sha in NAME.findall(json.dumps(values)) if sha in kept}
    uses.bulk_create((uses.model(asset_id=sha, unit_id=unit) for sha, unit in sorted(found)), batch_size=200)


class Migration(migrations.Migration):
    dependencies = (("bot", "0027_hand_drafts"),)

    operations = (
        migrations.CreateModel(
            name="AssetUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="bot.assetrecord"
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="asset_uses", to="bot.unit"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["asset", "unit"], name="assetuse_once")]},
        ),
        migrations.RunPython(find_their_units, migrations.RunPython.noop),
    )
