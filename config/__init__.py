"""Wiring: settings, the environment, logging, Celery, addresses. Only `config.env` reads the environment."""
