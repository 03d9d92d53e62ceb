"""Shared pieces of the records."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


def one_of(field: str, values: type[StrEnum], name: str) -> models.CheckConstraint:
    """A CHECK that a column holds a member of a domain enum."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [str(value) for value in values]}), name=name)


class Counted(models.Model):
    """Numbers of one post at one time, with the raw answer. A metric not reported is null, never 0.

    `stat_date`: the platform's own day, where it reports by day. `absent`: the platform no longer lists the post.
    """

    taken_at = models.DateTimeField()
    stat_date = models.CharField(max_length=10, blank=True, default="")
    values = models.JSONField()
    absent = models.BooleanField(default=False)
    raw = models.TextField()

    class Meta:
        abstract = True
