"""Units and people."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from bot.domain.workflow import DEFAULT_STEPS, Role, Step


def default_steps() -> list[str]:
    """Three reviews."""
    return [str(step) for step in DEFAULT_STEPS]


class Unit(models.Model):
    """区政府办公室、乡镇街道、部门: owns documents, accounts and people; its review steps are data."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    steps = models.JSONField(default=default_steps)

    def __str__(self) -> str:
        return self.name

    @property
    def review_steps(self) -> tuple[Step, ...]:
        """The reviews of this unit, in order."""
        return tuple(Step(step) for step in self.steps)


class PersonManager(BaseUserManager["Person"]):
    """Makes people with a hashed password."""

    def create_person(self, username: str, password: str | None, **fields: Any) -> Person:
        """Create a person; without a password nobody can log in as them."""
        person = self.model(username=username, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        """By login name."""
        return self.get(username=username)


class Person(AbstractBaseUser):
    """A member of staff. Rights are roles in their own unit; there is no superuser."""

    username = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=60)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="people")
    roles = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()

    def __str__(self) -> str:
        return self.name or self.username

    def has_role(self, role: Role | Step) -> bool:
        """True while the person is active and holds the role."""
        return self.is_active and role.value in self.roles

    @property
    def role_labels(self) -> str:
        """Roles in staff words."""
        return "、".join(Role(role).label for role in self.roles)
