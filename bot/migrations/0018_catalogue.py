"""Lists and search: what lists show of a document beside it, the full-text index, drafts, saved views."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

from bot.models import search

PROTECT, CASCADE = django.db.models.deletion.PROTECT, django.db.models.deletion.CASCADE
ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
CHUNK = 500
FOUND = ("document_number", "index_number", "unit", "summary")


def build(apps, schema_editor):
    """The index and the columns, from the newest editions."""
    for statement in search.create(schema_editor.connection.vendor):
        schema_editor.execute(statement)
    documents, editions = (
        apps.get_model("bot", name).objects.using(schema_editor.connection.alias) for name in ("Document", "Edition")
    )
    newest = editions.filter(document=OuterRef("pk")).order_by("-number")
    documents.update(
        title=Subquery(newest.values("title")[:1]),
        state=Subquery(newest.values("state")[:1]),
        changed_at=Subquery(newest.values("created_at")[:1]),
    )


def drop(apps, schema_editor):
    """The way back."""
    schema_editor.execute(search.DROP)


class Migration(migrations.Migration):
    dependencies = (("bot", "0017_by_hand"),)

    operations = (
        migrations.AddField("document", "title", models.CharField(max_length=300, blank=True, default="")),
        migrations.AddField("document", "state", models.CharField(max_length=20, default="drafting")),
        migrations.AddField("document", "changed_at", models.DateTimeField(null=True)),
        migrations.RunPython(build, drop),
        migrations.AddIndex("document", models.Index(fields=["unit", "-changed_at", "-id"], name="document_newest")),
        migrations.AddIndex(
            "document", models.Index(fields=["unit", "state", "-changed_at", "-id"], name="document_by_state")
        ),
        migrations.AddIndex(
            "document", models.Index(fields=["unit", "kind", "-changed_at", "-id"], name="document_by_kind")
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                ID,
                ("fields", models.JSONField()),
                ("revision", models.PositiveIntegerField(default=0)),
                ("open_until", models.DateTimeField()),
                ("saved_at", models.DateTimeField()),
                ("base", models.ForeignKey(on_delete=PROTECT, related_name="+", to="bot.edition")),
                ("document", models.OneToOneField(on_delete=CASCADE, related_name="draft", to="bot.document")),
                ("editor", models.ForeignKey(on_delete=PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ID,
                ("page", models.CharField(max_length=30)),
                ("name", models.CharField(max_length=40)),
                ("query", models.CharField(max_length=500)),
                ("person", models.ForeignKey(on_delete=CASCADE, related_name="views", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("person", "page", "name"), name="view_once")],
            },
        ),
    )
