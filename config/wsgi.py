"""What waitress serves: `config.wsgi:application`."""

from __future__ import annotations

import gc

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.module_loading import import_string

from config import env

env.use_settings()

application = get_wsgi_application()

# Imported last and for its effect: tasks rung from a page must reach our broker, not Celery's default.
from config.celery_app import app as celery  # noqa: E402

__all__ = ["application", "celery"]

import_string("bot.console.streams.end_with_the_process")()
import_string("tasks.starting.web_starts")()  # by name, as Django and Celery find all that config wires together

# What was loaded stays for the life of the process: to look through it for garbage again and again would make one page in
# fifty wait for a tenth of a second.
get_resolver().url_patterns  # noqa: B018 - the pages, which else the first request loads
gc.collect()
gc.freeze()
