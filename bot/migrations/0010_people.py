"""Second factors, recovery codes, deputies."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

PROTECT, CASCADE = django.db.models.deletion.PROTECT, django.db.models.deletion.CASCADE
ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def person(name, on_delete=PROTECT, kind=models.ForeignKey):
    return kind(on_delete=on_delete, related_name=name, to=settings.AUTH_USER_MODEL)


class Migration(migrations.Migration):
    dependencies = (("bot", "0009_account_once"),)

    operations = (
        migrations.AddField(model_name="person", name="must_change_password", field=models.BooleanField(default=False)),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ID,
                ("ciphertext", models.BinaryField()),
                ("key_id", models.CharField(max_length=16)),
                ("last_step", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("person", person("second_factor", CASCADE, models.OneToOneField)),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ID,
                ("digest", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(null=True)),
                ("person", person("recovery_codes", CASCADE)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("person", "digest"), name="recovery_code_once")],
            },
        ),
        migrations.CreateModel(
            name="Deputy",
            fields=[
                ID,
                ("first_day", models.DateField()),
                ("last_day", models.DateField()),
                ("reason", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("principal", person("deputies")),
                ("deputy", person("stands_in")),
                ("created_by", person("+")),
            ],
            options={
                "indexes": [models.Index(fields=["deputy", "last_day"], name="deputy_today")],
                "constraints": [
                    models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="deputy_days"),
                    models.CheckConstraint(condition=~Q(deputy=F("principal")), name="deputy_is_another"),
                ],
            },
        ),
    )
