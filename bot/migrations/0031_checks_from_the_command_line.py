"""An account is examined from the command line, too, where nobody need be named."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.deletion import PROTECT


class Migration(migrations.Migration):
    dependencies = (("bot", "0030_newest_numbers_by_hand"),)

    operations = (
        migrations.AlterField(
            model_name="accountcheck",
            name="person",
            field=models.ForeignKey(null=True, on_delete=PROTECT, related_name="+", to="bot.person"),
        ),
    )
