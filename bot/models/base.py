"""Shared pieces of the records."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


def one_of(field: str, values: type[StrEnum], name: str) -> models.CheckConstraint:
    """A CHECK that a column holds a member of a domain enum."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [str(value) for value in values]}), name=name)
