"""The one Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate


class BotConfig(AppConfig):
    """Tongfa's records; the triggers step aside for migrations and are reinstalled after each."""

    name = "bot"
    label = "bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hook up the triggers and the system checks."""
        from . import checks  # noqa: F401 - registers itself
        from .channels.http import trust
        from .models.triggers import install, step_aside
        from .models.watch import make_chores

        trust(settings.TONGFA.ca_file)

        pre_migrate.connect(step_aside, sender=self, dispatch_uid="tongfa.triggers.aside")
        post_migrate.connect(install, sender=self, dispatch_uid="tongfa.triggers")
        post_migrate.connect(make_chores, sender=self, dispatch_uid="tongfa.chores")
