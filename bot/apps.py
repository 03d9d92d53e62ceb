"""The one Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class BotConfig(AppConfig):
    """Tongfa's records, reinstalling the triggers after every migration (SQLite drops them on AlterField)."""

    name = "bot"
    label = "bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hook up the triggers and the system checks."""
        from . import checks  # noqa: F401 - registers itself
        from .channels.http import trust
        from .models.triggers import install

        trust(settings.TONGFA.ca_file)

        post_migrate.connect(install, sender=self, dispatch_uid="tongfa.triggers")
