"""An act that the platform refused may have had its effect all the same: that is kept, too."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("bot", "0006_reading_of_each_boot"),)

    operations = (
        migrations.AddField(model_name="publication", name="doubt", field=models.BooleanField(default=False)),
    )
