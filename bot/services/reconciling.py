"""After a restore: the records are older than the world, so nothing is sent until a person has looked.

Every unit is frozen. What may have gone out since the backup is looked up at the platforms; what is found becomes live,
the rest stands before a person. What is still to come is held until a releaser resumes it. All of it is in the trail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from django.db.models import Q

from bot.domain.delivery import SETTLED, State
from bot.domain.engine import restoring as engine
from bot.domain.instants import require_aware
from bot.models import Attempt, AuditEvent, Batch, Freeze, Person, PortalGate, Publication, Token, Unit

from . import audit, handdrafts, wall
from .bulk import chunks
from .facts import facts_of
from .transitions import enact

RESTORED, RECONCILED = "home.restored", "publication.reconciled"
AT_ONCE = 200
DRAFT_IN_DOUBT = "本机由备份恢复，备份以后有没有把草稿放进草稿箱不清楚。请到公众平台草稿箱查看：已有的不要重复放入，没有的在这里重新放入。"
_UNSETTLED = (State.UNKNOWN, State.CONFIRMING, State.NEEDS_PERSON)
_OPEN = sorted(str(state) for state in State if state not in SETTLED)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What became of the pushes: looked up at the platform, held, put before a person; and how many units are frozen."""

    looked_up: int
    held: int
    for_a_person: int
    units: int
    drafts: int = 0

    @property
    def message(self) -> str:
        """For staff."""
        left = f"另有 {self.drafts} 份公众号草稿须到草稿箱核对。" if self.drafts else ""
        return left + (
            f"{self.looked_up} 条可能已经发出，正在向平台核对；{self.held} 条还没有到时刻，已暂停；"
            f"{self.for_a_person} 条待人核对。核对过平台后台以后，由签发人解除停发，再逐单恢复。"
        )


def reconcile(*, person: Person, backed_up_at: datetime, sha256: str, now: datetime) -> Reconciled:
    """In the transaction in which the records are written: there is no moment in which they could send."""
    require_aware(now)
    require_aware(backed_up_at)
    _let_go(now)
    drafts = handdrafts.doubt_all(now=now)
    counted: dict[int, Counter[str]] = {unit.pk: Counter() for unit in Unit.objects.all()}
    found = Publication.objects.filter(state__in=_OPEN).order_by("pk").values_list("pk", flat=True)
    for keys in chunks(list(found), AT_ONCE):
        for publication in Publication.objects.select_related("account", "release").filter(pk__in=keys).order_by("pk"):
            what = _reconcile_one(publication, person, backed_up_at, now)
            counted[publication.release.unit_id][what] += 1
    for unit in Unit.objects.order_by("pk"):
        _freeze(unit, person, backed_up_at, _answer(counted[unit.pk], 1), now)
    whole = replace(_answer(sum(counted.values(), Counter[str]()), len(counted)), drafts=drafts)
    data = {
        "backed_up_at": backed_up_at.isoformat(), "sha256": sha256, "looked_up": whole.looked_up, "held": whole.held,
        "for_a_person": whole.for_a_person, "answer": whole.message,
    }  # fmt: skip
    audit.append(person.username, RESTORED, wall.SUBJECT, data, now=now)
    return whole


def _answer(counts: Counter[str], units: int) -> Reconciled:
    return Reconciled(counts["looked_up"], counts["held"], counts["person"], units)


def _let_go(now: datetime) -> None:
    """Whoever held anything is gone: senders, workers, refreshers. A call without an answer ended in doubt."""
    Batch.objects.exclude(state="done").update(state="done")
    Attempt.objects.filter(outcome="").update(
        outcome="unknown", code="restore", message="备份时正在发送，是否已发出不明。", answered_at=now
    )
    Publication.objects.filter(lease_until__isnull=False).update(lease_until=None)
    Publication.objects.filter(rung_at__isnull=False).update(rung_at=None)
    PortalGate.objects.filter(lease_until__isnull=False).update(lease_until=None)
    Token.objects.filter(refreshing_until__isnull=False).update(refreshing_until=None, refresher="")


def _reconcile_one(publication: Publication, person: Person, backed_up_at: datetime, now: datetime) -> str:
    """Writes the domain's step; which of the three it was, "" where nothing was to be done."""
    signed = publication.release.signed
    step = engine.reconciled(facts_of(publication), signed=signed, backed_up_at=backed_up_at, now=now)
    if step is None:
        return ""
    enact(publication, step, actor=person.username, now=now)
    if step.event is None:
        data = {"state": publication.state, "reason": step.reason}
        audit.append(person.username, RECONCILED, f"publication:{publication.pk}", data, now=now)
    if publication.status in {State.UNKNOWN, State.CONFIRMING}:
        return "looked_up"
    return "held" if publication.status is State.HELD else "person"


def _freeze(unit: Unit, person: Person, backed_up_at: datetime, answer: Reconciled, now: datetime) -> None:
    """A freeze that stood in the backup stands on; the trail says of either that the home was restored."""
    why, subject = f"{engine.since(backed_up_at)}：此后发出过什么，本机不知道", f"unit:{unit.code}"
    if not Freeze.objects.filter(unit=unit, lifted_at__isnull=True).exists():
        Freeze.objects.create(unit=unit, reason=why, person=person, at=now)
    audit.append(person.username, "unit.frozen", subject, {"reason": why}, now=now)
    audit.append(person.username, "unit.freeze_reached", subject, {"answer": answer.message}, now=now)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left to do after the last restore."""

    at: datetime
    backed_up_at: datetime
    frozen: int
    looked_up: int
    held: int
    for_a_person: int

    @property
    def over(self) -> bool:
        """Nothing is left."""
        return not (self.frozen or self.looked_up or self.held or self.for_a_person)

    @property
    def unclear(self) -> int:
        """Pushes of which nobody knows yet whether they went out."""
        return self.looked_up + self.for_a_person

    @property
    def warning(self) -> str:
        """For whoever lifts the freeze; "" where nothing is in doubt."""
        words = "核对清楚以前请不要另编发布单补发，也不要在平台后台手工补发。"
        return f"从备份恢复后还有 {self.unclear} 条推送没有核对清楚：{words}" if self.unclear else ""


def _touched(restored: AuditEvent) -> list[int]:
    """What the restore put in doubt: each has a line of the same moment, before its own. The reason of a push changes with
    the first look."""
    lines = AuditEvent.objects.filter(sequence__lt=restored.sequence).order_by("-sequence").values_list("at", "subject")
    with_it = takewhile(lambda line: line[0] == restored.at, lines.iterator(AT_ONCE))
    return [int(subject.partition(":")[2]) for _, subject in with_it if subject.startswith("publication:")]


def standing() -> Standing | None:
    """Of the last restore; None in a home that never was restored."""
    line = AuditEvent.objects.filter(subject=wall.SUBJECT, action=RESTORED).order_by("-sequence").first()
    if line is None:
        return None
    frozen = Freeze.objects.filter(lifted_at__isnull=True, reason__startswith=engine.FROM_A_BACKUP).count()
    marked = Q(reason__startswith=engine.FROM_A_BACKUP)  # until it is signed, resumed or settled
    left = Publication.objects.filter(marked | Q(state__in=_UNSETTLED, pk__in=_touched(line)), state__in=_OPEN)
    states = Counter(left.values_list("state", flat=True))
    looked_up = states.pop(str(State.UNKNOWN), 0) + states.pop(str(State.CONFIRMING), 0)
    held = states.pop(str(State.HELD), 0)
    backed_up_at = datetime.fromisoformat(line.data["backed_up_at"])
    return Standing(line.at, backed_up_at, frozen, looked_up, held, sum(states.values()))
