"""Celery: ids in, one service call. No logic, no content, no decision in a message."""
