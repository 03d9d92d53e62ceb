"""代理: who holds somebody else's rights, and on which days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from bot.domain.instants import beijing_date, require_aware
from bot.domain.workflow import ADMINISTRATORS, READERS, Role
from bot.models import Deputy, Person, Unit

from . import audit, people
from .errors import NotFound, Refused
from .people import require_manager

LONGEST = timedelta(days=180)


def standing_in(person: Person, *, now: datetime) -> Person:
    """The same person, with the roles of those whose deputy they are today.

    An administrator's rights are not handed on: the three exclude each other. Nor does who is nothing but an administrator
    hold any in the business: the three keep the machine, the people and the trail, and read no text. A disabled principal
    has nothing to hand on.
    """
    require_aware(now)
    held: dict[str, Person] = {}
    for one in current(person, now=now) if READERS & set(person.roles) else ():
        for role in one.principal.roles:
            if role not in ADMINISTRATORS and role not in person.roles:
                held.setdefault(role, one.principal)
    person.deputised = held
    return person


def current(person: Person, *, now: datetime) -> Sequence[Deputy]:
    """The deputyships that this person has today, by Beijing's date."""
    require_aware(now)
    today = beijing_date(now)
    found = Deputy.objects.filter(
        deputy=person, first_day__lte=today, last_day__gte=today, ended_at__isnull=True, principal__is_active=True
    )
    return list(found.select_related("principal").order_by("pk"))


def of_unit(unit: Unit, *, now: datetime) -> Sequence[Deputy]:
    """Those of today and to come, soonest first."""
    found = Deputy.objects.filter(principal__unit=unit, last_day__gte=beijing_date(now), ended_at__isnull=True)
    return list(found.select_related("principal", "deputy").order_by("first_day", "pk"))


def appoint(
    *, principal: Person, deputy: Person, first_day: date, last_day: date, reason: str, person: Person, now: datetime
) -> Deputy:
    """Name a deputy: the principal themself does it, or who manages people; nobody names themself.

    Who manages people changes no roles of their own; as somebody's deputy they would give themself that one's.
    """
    require_aware(now)
    if person.pk != principal.pk:
        require_manager(person)
        if person.pk == deputy.pk:
            raise Refused(
                "self",
                f"不能把自己登记为{principal.name}的代理人，没有登记代理，未做任何改动。请由{principal.name}本人登记，"
                "或另选代理人。",
            )
    with audit.serialised():  # around the look, too: of two at once the second sees the first
        refusal = _why_not(principal, deputy, first_day, last_day, reason, now)
        if refusal:
            raise Refused("deputy", f"{refusal}没有登记代理，未做任何改动。")
        made = Deputy.objects.create(
            principal=principal, deputy=deputy, first_day=first_day, last_day=last_day, reason=reason.strip()[:200],
            created_by=person, created_at=now,
        )  # fmt: skip
        data = {
            "deputy": deputy.username, "name": deputy.name, "first": first_day.isoformat(),
            "last": last_day.isoformat(), "reason": made.reason,
        }  # fmt: skip
        audit.append(person.username, "deputy.appointed", f"person:{principal.username}", data, now=now)
    return made


def candidates(principal: Person) -> list[Person]:
    """Who may be this one's deputy, by name: whom `appoint` would not refuse for who they are."""
    colleagues = Person.objects.filter(unit=principal.unit_id, is_active=True).order_by("name")
    return [one for one in colleagues if _why_not_they(principal, one) is None]


def _why_not(
    principal: Person, deputy: Person, first_day: date, last_day: date, reason: str, now: datetime
) -> str | None:
    refusal = _why_not_they(principal, deputy)
    if refusal:
        return refusal
    if last_day < first_day or last_day < beijing_date(now) or last_day - first_day > LONGEST:
        return f"代理的起止日期不对（截止不早于起始和今天，最长 {LONGEST.days} 天），"
    if not reason.strip():
        return "须写明代理原因，"
    return _why_twice(principal, deputy, first_day, last_day)


def _why_not_they(principal: Person, deputy: Person) -> str | None:
    if principal.unit_id != deputy.unit_id:
        return "代理人须是本单位人员，"
    if principal.pk == deputy.pk:
        return "不能由本人代理本人，"
    if not READERS & set(deputy.roles):
        return f"{deputy.name}只有管理员角色，三员不办业务、不看稿件，不能代理，"
    if not deputy.is_active or not principal.is_active:
        return "代理双方都须在岗，"
    if not [role for role in principal.roles if role not in ADMINISTRATORS]:
        return f"{principal.name}没有可以代理的角色（管理员角色不能代理），"
    return None


def _why_twice(principal: Person, deputy: Person, first_day: date, last_day: date) -> str | None:
    """Whoever ends one of two that overlap would believe the rights gone, while the other one gives them still."""
    standing = _of_pair(principal, deputy).filter(first_day__lte=last_day, last_day__gte=first_day).first()
    if standing is None:
        return None
    return (
        f"{deputy.name}代理{principal.name}已登记过 {words(standing)}，日期与这次重叠；"
        "请先终止那一项，或改选它截止以后的日期，"
    )


def _of_pair(principal: Person, deputy: Person) -> QuerySet[Deputy]:
    """What was not ended between the two, soonest first, over or not."""
    return Deputy.objects.filter(principal=principal, deputy=deputy, ended_at__isnull=True).order_by("first_day", "pk")


def end(deputyship: Deputy, *, person: Person, now: datetime) -> Sequence[Deputy]:
    """Before its last day. What the deputy did stays done. Returns those of today and to come that the two have besides."""
    require_aware(now)
    if person.pk != deputyship.principal_id:
        require_manager(person)
    with audit.serialised():
        if not Deputy.objects.filter(pk=deputyship.pk, ended_at__isnull=True).update(ended_at=now):
            raise Refused("ended", "这项代理已经终止，未做改动。")
        data = {"deputy": deputyship.deputy.username, "name": deputyship.deputy.name}
        audit.append(person.username, "deputy.ended", f"person:{deputyship.principal.username}", data, now=now)
        left = _of_pair(deputyship.principal, deputyship.deputy).filter(last_day__gte=beijing_date(now))
        return list(left.select_related("principal", "deputy"))


def find(pk: int, *, unit: Unit) -> Deputy:
    """One of this unit."""
    try:
        return Deputy.objects.select_related("principal", "deputy").get(pk=pk, principal__unit=unit)
    except Deputy.DoesNotExist:
        raise NotFound("代理", pk) from None


def words(deputyship: Deputy) -> str:
    """From when to when, for pages."""
    return f"{deputyship.first_day.isoformat()} 至 {deputyship.last_day.isoformat()}"


def covering(unit: Unit, role: Role, *, now: datetime) -> list[Person]:
    """Who may act in a role today: those who hold it, and their deputies."""
    require_aware(now)
    active = unit.people.filter(is_active=True)
    found = [pk for pk, roles in active.values_list("pk", "roles") if role.value in roles]  # of hundreds a few
    holders = list(active.filter(pk__in=found).order_by("pk"))
    stand_ins = [one.deputy for one in of_unit(unit, now=now) if one.principal in holders and _today(one, now)]
    return list(dict.fromkeys([*holders, *(one for one in stand_ins if one.is_active)]))


def _today(deputyship: Deputy, now: datetime) -> bool:
    return deputyship.first_day <= beijing_date(now) <= deputyship.last_day


def acting(username: str, *, now: datetime) -> Person:
    """The person a command acts as, with what they hold today as a deputy; refused when they are disabled."""
    require_aware(now)
    return standing_in(people.acting(username), now=now)
