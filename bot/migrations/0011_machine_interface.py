"""Tokens of the machine interface and its writing calls; room for the longest ids in the trail.

Indexes for "what changed since" and for interpretations that wait for their document.
"""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = (("bot", "0010_people"),)

    operations = (
        migrations.AlterField(model_name="auditevent", name="subject", field=models.CharField(max_length=120)),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("rights", models.JSONField(default=list)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="api_tokens", to="bot.unit"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.TextField(blank=True, default="")),
                ("fence", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="bot.apitoken"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.UniqueConstraint(
                condition=Q(revoked_at__isnull=True), fields=("unit", "name"), name="api_token_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="apicall",
            constraint=models.UniqueConstraint(fields=("token", "key"), name="api_call_once"),
        ),
        migrations.AddIndex(
            model_name="apicall", index=models.Index(fields=["token", "created_at"], name="api_call_by_age")
        ),
        migrations.AddIndex(
            model_name="document", index=models.Index(fields=["interprets_external"], name="document_waits_for")
        ),
        migrations.AddIndex(
            model_name="edition", index=models.Index(fields=["created_at"], name="edition_by_creation")
        ),
        migrations.AddIndex(
            model_name="edition",
            index=models.Index(
                condition=Q(submitted_at__isnull=False), fields=["submitted_at"], name="edition_by_submission"
            ),
        ),
        migrations.AddIndex(model_name="review", index=models.Index(fields=["at"], name="review_by_time")),
    )
