"""Units and people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
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
    must_change_password = models.BooleanField(default=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()

    def __str__(self) -> str:
        return self.name or self.username

    #: Roles held today in place of somebody else -> that person; `services.deputies.standing_in` fills it.
    deputised: Mapping[str, Person] = MappingProxyType({})

    @property
    def held_roles(self) -> frozenset[str]:
        """Their own roles and those they hold today as a deputy; none once disabled."""
        return frozenset({*self.roles, *self.deputised}) if self.is_active else frozenset()

    def has_role(self, role: Role | Step) -> bool:
        """True while the person is active and holds the role."""
        return role.value in self.held_roles

    def in_place_of(self, *roles: Role | Step) -> Person | None:
        """Whose deputy this person acts as, where none of these roles is their own."""
        if any(role.value in self.roles for role in roles):
            return None
        return next((self.deputised[role.value] for role in roles if role.value in self.deputised), None)

    @property
    def role_labels(self) -> str:
        """Roles in staff words."""
        own = [Role(role).label for role in self.roles]
        return "、".join([*own, *(f"{Role(role).label}（代{one.name}）" for role, one in self.deputised.items())])


class Deputy(models.Model):
    """代理: from the first day to the last (Beijing), `deputy` holds what `principal` may do. Ended early, it stays on record."""

    principal = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="stands_in")
    first_day = models.DateField()
    last_day = models.DateField()
    reason = models.CharField(max_length=200)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["deputy", "last_day"], name="deputy_today"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(last_day__gte=models.F("first_day")), name="deputy_days"),
            models.CheckConstraint(condition=~models.Q(deputy=models.F("principal")), name="deputy_is_another"),
        )

    def __str__(self) -> str:
        return f"{self.deputy_id} for {self.principal_id}"


class SecondFactor(models.Model):
    """The authenticator app of a person: its secret, encrypted; `last_step` is the newest time step whose code was used (RFC 6238, 5.2)."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="second_factor")
    ciphertext = models.BinaryField()
    key_id = models.CharField(max_length=16)
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"second factor of {self.person_id}"


class RecoveryCode(models.Model):
    """One way in when the phone is gone; only its keyed hash is kept, and it works once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["person", "digest"], name="recovery_code_once"),)

    def __str__(self) -> str:
        return f"recovery code of {self.person_id}"
