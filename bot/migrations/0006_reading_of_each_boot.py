"""A clock reading for each boot of each machine, where there was one for each account."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0005_alarm_gone"),)

    operations = (
        migrations.AlterField(
            model_name="clockreading",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="clock_readings", to="bot.account"
            ),
        ),
        migrations.AddConstraint(
            model_name="clockreading",
            constraint=models.UniqueConstraint(fields=["account", "boot_id"], name="reading_of_a_boot"),
        ),
    )
