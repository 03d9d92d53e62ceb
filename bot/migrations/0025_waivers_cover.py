"""A waiver says which findings it is about."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0024_standstills"),)

    operations = (migrations.AddField(model_name="waiver", name="covers", field=models.JSONField(default=list)),)
