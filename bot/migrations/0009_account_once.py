"""One real account of a platform stands in one row."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

#: The setting by which each platform knew an account when this was written.
IDENTITY = {"wechat": "app_id", "weibo": "uid"}


def fill(apps, schema_editor):
    """From the settings. Of several rows that are one account only one has it: an enabled one, else the oldest.

    The others stay as they are, with all that hangs on them; `tongfa doctor` tells of them.
    """
    accounts = apps.get_model("bot", "Account").objects.using(schema_editor.connection.alias)
    known = set()
    for account in sorted(accounts.order_by("pk"), key=lambda one: bool(one.disabled_reason)):
        identity = str(account.options.get(IDENTITY.get(account.channel, ""), "")).strip().casefold()
        if identity and (account.channel, identity) not in known:
            known.add((account.channel, identity))
            accounts.filter(pk=account.pk).update(identity=identity)


class Migration(migrations.Migration):
    dependencies = (("bot", "0008_whose_wish"),)

    operations = (
        migrations.AddField(
            model_name="account",
            name="identity",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(
                condition=~Q(identity=""), fields=("channel", "identity"), name="account_once"
            ),
        ),
    )
