"""Django's settings. Values come from `config.env`; product code sees them as `settings.TONGFA`."""

from __future__ import annotations

import secrets
import warnings
from pathlib import Path
from typing import Any

from config.database import database_settings
from config.env import Environment, load
from config.logging import configure_structlog, logging_settings
from config.redaction import REDACTOR, Redactor

BASE_DIR = Path(__file__).resolve().parent.parent

TONGFA: Environment = load()
TONGFA_REDACTOR: Redactor = REDACTOR

# Before `tongfa init` there is no key: commands that need none work with one that ends with the process.
# `tongfa up` and `tongfa run` refuse without TONGFA.secret_key, since each process would sign differently.
SECRET_KEY = TONGFA.secret_key.reveal() if TONGFA.secret_key else secrets.token_urlsafe(48)
REDACTOR.register(SECRET_KEY)

DEBUG = False
ALLOWED_HOSTS = list(TONGFA.allowed_hosts)
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# An instant without a zone must never come into the records: what is a warning to Django is an error to us.
warnings.filterwarnings(
    "error", r"DateTimeField .* received a naive datetime", RuntimeWarning, r"django\.db\.models\.fields"
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "bot",
]

CONSOLE_MIDDLEWARE: list[str] = [
    "bot.console.middleware.SecurityHeaders",
    "bot.console.middleware.NoNul",
    "bot.console.middleware.HomeAndRefusals",
    "bot.console.sessions.SessionLimits",
    "bot.console.sessions.LoginRequired",
    "bot.console.sessions.Standing",
]
"""Dotted paths from bot.console (content security policy, idle limit); they run after authentication."""

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "bot.console.middleware.Compressed",
    "bot.api.middleware.Problems",  # outside of all that answers with pages
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *CONSOLE_MIDDLEWARE,
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "console"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "config.jinja.environment",
            "context_processors": [
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "bot.console.navigation.context",
            ],
        },
    },
]

# --- records ----------------------------------------------------------------------------------------------
DATABASES = {"default": database_settings(TONGFA.database_url.reveal(), test_folder=TONGFA.home.path)}
AUTH_USER_MODEL = "bot.Person"
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # Redis is only a doorbell: losing it logs nobody out
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
MEDIA_ROOT = TONGFA.home.path / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- people -----------------------------------------------------------------------------------------------
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# --- cookies and headers ----------------------------------------------------------------------------------
# Secure cookies only under https: over plain http on the loopback a browser would never send them back.
_PREFIX = "__Host-" if TONGFA.https else ""
SESSION_COOKIE_NAME = f"{_PREFIX}tongfa"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TONGFA.https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_NAME = f"{_PREFIX}tongfa-csrf"
CSRF_TRUSTED_ORIGINS = list(TONGFA.csrf_origins)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if TONGFA.https else 0
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o640

# --- language and time: stored in UTC, shown in Beijing time ---------------------------------------------------
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

# --- static files: served by the web process itself ---------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "bot" / "console" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ROOT = None

# --- logs -----------------------------------------------------------------------------------------------------
configure_structlog()
LOGGING = logging_settings(TONGFA.log_level)
