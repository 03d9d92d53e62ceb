"""应急补审: what went out on two words is reviewed within 24 hours, and said ever louder until then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.domain.alarms import Kind, Out
from bot.domain.urgent import Stage
from bot.domain.workflow import Verdict
from bot.models import Account, Alarm, Attempt, Item, Publication, Release, Urgency, triggers
from bot.services import documents, editorial, health, inbox, prechecks, stops, urgent, urgentcare, watching
from bot.services.errors import Refused

from .factories import NOW, Office, article, force, lifted, publication

HOUR = timedelta(hours=1)


@pytest.fixture
def out(office: Office) -> Release:
    """Live on one account; owed until 24 hours after its instant."""
    return gone_out(office)


def gone_out(office: Office, number: int = 1, *, on: Sequence[Account] = ()) -> Release:
    document = office.took(article(number))
    asked = urgent.propose(
        document, modes={one.slug: "share" if one == office.weibo else "publish" for one in on or [office.weibo]}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=office.people["editor"], now=NOW,
    )  # fmt: skip
    release = urgent.confirm(asked, seen=asked.digest, person=office.people["releaser"], now=NOW)
    for item in Item.objects.filter(publication__release=release):
        Item.objects.filter(pk=item.pk).update(platform_id=f"{number}{item.account_id}")
    force(Publication.objects.filter(release=release), "live", live_at=release.instant)
    return release


def stage(release: Release) -> Stage:
    assert release.urgency is not None
    release.urgency.refresh_from_db()
    return release.urgency.status


def until(release: Release) -> datetime:
    assert release.urgency is not None
    assert release.urgency.review_by is not None
    return release.urgency.review_by


def standing(kind: Kind) -> list[Alarm]:
    return list(Alarm.objects.filter(kind=kind, closed_at__isnull=True))


def test_three_reviews_make_the_mark_calm(office: Office, out: Release) -> None:
    document = out.urgency.edition.document
    office.passes(document, "first", "second", now=NOW + HOUR)
    assert stage(out) is Stage.RELEASED
    assert urgentcare.owed(office.unit) == {document.pk: until(out)}
    office.passes(document, "final", now=NOW + 2 * HOUR)
    assert stage(out) is Stage.REVIEWED
    assert urgentcare.owed(office.unit) == {}
    assert urgentcare.open_of(office.unit) == []


def test_nobody_who_wrote_or_asked_reviews_it_afterwards(office: Office, out: Release) -> None:
    office.people["editor"].roles = ["editor", "first"]
    office.people["editor"].save()
    with pytest.raises(Refused) as refused:
        editorial.review(
            out.urgency.edition.document, person=office.people["editor"], verdict=Verdict.PASS, now=NOW + HOUR
        )
    assert refused.value.code == "author"


def test_whoever_asked_for_what_another_had_handed_in_reviews_it_neither_before_nor_after_it_went_out(
    office: Office,
) -> None:
    document, first = office.submitted(), office.people["first"]
    asked = urgent.propose(
        document, modes={office.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=first, now=NOW,
    )  # fmt: skip
    for _ in ("asked", "released"):
        refusal = inbox.refusal(document.current, person=first, earlier=[])
        assert refusal is not None
        with pytest.raises(Refused) as refused:
            editorial.review(document, person=first, verdict=Verdict.PASS, now=NOW)
        assert refused.value.code == refusal.code == "asked"
        if asked.status is Stage.ASKED:
            urgent.confirm(asked, seen=asked.digest, person=office.people["final"], now=NOW)
            asked.refresh_from_db()
    office.people["releaser"].roles = ["releaser", "first"]
    office.people["releaser"].save()
    office.passes(document, "releaser", "second", "final", now=NOW + HOUR)
    asked.refresh_from_db()
    assert asked.status is Stage.REVIEWED


def test_whoever_took_it_back_may_review_it_again(office: Office) -> None:
    document, first = office.submitted(), office.people["first"]
    asked = urgent.propose(
        document, modes={office.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=first, now=NOW,
    )  # fmt: skip
    urgent.take_back(asked, person=first, now=NOW)
    office.passes(document, "first")


def test_an_alarm_comes_four_hours_ahead_and_a_louder_one_every_four_hours_after(office: Office, out: Release) -> None:
    urgentcare.remind(now=until(out) - 5 * HOUR)
    assert standing(Kind.REVIEW_DUE) == []
    urgentcare.remind(now=until(out) - 4 * HOUR)
    urgentcare.remind(now=until(out) - 3 * HOUR)
    (due,) = standing(Kind.REVIEW_DUE)
    assert due.out == Out.YES
    urgentcare.remind(now=until(out))
    (late,) = standing(Kind.REVIEW_LATE)
    assert standing(Kind.REVIEW_DUE) == []
    urgentcare.remind(now=until(out) + 3 * HOUR)
    assert standing(Kind.REVIEW_LATE) == [late]
    urgentcare.remind(now=until(out) + 4 * HOUR)
    (again,) = standing(Kind.REVIEW_LATE)
    assert again.pk != late.pk
    office.passes(out.urgency.edition.document, now=until(out) + 5 * HOUR)
    assert standing(Kind.REVIEW_LATE) == []


@pytest.mark.parametrize(
    ("state", "columns", "said"),
    [
        ("planned", {}, "已签发，尚未发出"),
        ("live", {}, "已发出"),
        ("unknown", {}, "是否公开不明"),
        ("missed", {}, "没有发出"),
        ("missed", {"doubt": True}, "是否公开不明"),
    ],
)
def test_what_is_owed_a_review_is_told_as_sent_only_where_it_was(
    office: Office, out: Release, state: str, columns: dict[str, bool], said: str
) -> None:
    force(Publication.objects.filter(release=out), state, **columns)
    assert out.urgency is not None
    assert urgentcare.story(out.urgency).sent == said
    (told,) = urgentcare.open_of(office.unit)
    assert told.sent == said
    for at, kind in ((until(out) - HOUR, Kind.REVIEW_DUE), (until(out), Kind.REVIEW_LATE)):
        urgentcare.remind(now=at)
        (alarm,) = standing(kind)
        assert f"由两人应急签发，{said}，" in alarm.message
    with pytest.raises(Refused, match="两人应急签发，还没有补审完"):
        documents.save_article(article(title="改过"), person=office.people["editor"], now=NOW)


def test_a_return_afterwards_asks_for_a_correction_until_nothing_of_it_is_public(office: Office, out: Release) -> None:
    document = out.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR)
    assert stage(out) is Stage.RETURNED
    out.refresh_from_db()
    assert out.signed  # what is public stays as it was signed
    urgentcare.remind(now=NOW + HOUR)
    (alarm,) = standing(Kind.RETURNED)
    assert "已公开，内容被退回，请更正或撤回" in alarm.message
    force(Publication.objects.filter(release=out), "gone")
    urgentcare.remind(now=NOW + 2 * HOUR)
    assert stage(out) is Stage.SETTLED
    assert standing(Kind.RETURNED) == []


@pytest.mark.parametrize(
    ("state", "columns", "is_out", "said"),
    [
        ("confirming", {}, Out.UNKNOWN, "不要手工补发"),
        ("unknown", {}, Out.UNKNOWN, "不要手工补发"),
        ("sending", {}, Out.UNKNOWN, "不要手工补发"),
        ("needs_person", {"doubt": True}, Out.UNKNOWN, "不要手工补发"),
    ],
)
def test_what_was_returned_and_may_be_public_is_an_alarm_that_says_that_nobody_knows(
    office: Office, out: Release, state: str, columns: dict[str, bool], is_out: Out, said: str
) -> None:
    force(Publication.objects.filter(release=out), state, live_at=None, **columns)
    editorial.review(
        out.urgency.edition.document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR
    )  # fmt: skip
    urgentcare.remind(now=NOW + HOUR)
    (alarm,) = standing(Kind.RETURNED)
    assert (alarm.out, said in alarm.message, "已公开，" in alarm.message) == (is_out, True, False)
    (told,) = urgentcare.open_of(office.unit)
    assert told.out is urgentcare.story(told.urgency).out is is_out


def test_an_act_without_an_answer_keeps_what_was_missed_in_doubt(office: Office, out: Release) -> None:
    push = publication(out, office.weibo)
    force(Publication.objects.filter(release=out), "missed", live_at=None)
    assert urgentcare.story(out.urgency).out is Out.NO
    unanswered(push)
    assert urgentcare.story(out.urgency).out is Out.UNKNOWN


def unanswered(push: Publication) -> None:
    """A call of which nobody knows how it ended."""
    with lifted(*(rule.name for rule in triggers.RULES if rule.table == "bot_attempt")):
        Attempt.objects.create(
            publication=push, account=push.account, number=1, fence=1, key=push.key, payload_hashes=[], intent_at=NOW,
            send_by=NOW, outcome="unknown",
        )  # fmt: skip


def test_what_was_returned_is_settled_by_a_corrected_edition_that_is_public(office: Office, out: Release) -> None:
    document = out.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR)
    corrected = office.signed(office.approved(article(title="更正后的通知")), on=[office.weibo])
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.RETURNED
    Item.objects.filter(publication__release=corrected).update(platform_id="2")
    force(Publication.objects.filter(release=corrected), "live", live_at=NOW)
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.SETTLED


def test_a_correction_on_one_account_settles_nothing_on_the_other(office: Office) -> None:
    out = gone_out(office, on=office.accounts)
    document = out.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR)
    corrected = office.signed(office.approved(article(title="更正后的通知")), on=office.accounts)
    for account, expected in ((office.weibo, Stage.RETURNED), (office.wechat, Stage.SETTLED)):
        push = corrected.publications.filter(account=account)
        Item.objects.filter(publication__in=push).update(platform_id="2")
        force(push, "live", live_at=NOW)
        urgentcare.remind(now=NOW + HOUR)
        assert stage(out) is expected


def test_a_push_called_off_in_doubt_stays_open_until_a_correction_is_public(office: Office, out: Release) -> None:
    force(Publication.objects.filter(release=out), "needs_person", doubt=True, live_at=None)
    document = out.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR)
    force(Publication.objects.filter(release=out), "cancelled")
    Item.objects.filter(publication__release=out).update(active=False)
    Release.objects.filter(pk=out.pk).update(cancelled_at=NOW)
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.RETURNED
    assert standing(Kind.RETURNED)[0].out == Out.UNKNOWN
    corrected = office.signed(office.approved(article(title="更正后的通知")), on=[office.weibo])
    Item.objects.filter(publication__release=corrected).update(platform_id="2")
    force(Publication.objects.filter(release=corrected), "live", live_at=NOW)
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.SETTLED


def test_reviews_stay_owed_for_what_was_called_off_in_doubt(office: Office, out: Release) -> None:
    force(Publication.objects.filter(release=out), "cancelled", doubt=True, live_at=None)
    Item.objects.filter(publication__release=out).update(active=False)
    Release.objects.filter(pk=out.pk).update(cancelled_at=NOW)
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.RELEASED


def test_what_was_returned_and_never_left_is_called_off_and_not_taken_down(office: Office, out: Release) -> None:
    force(Publication.objects.filter(release=out), "missed", live_at=None)
    document = out.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW + HOUR)
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.RETURNED
    force(Publication.objects.filter(release=out), "cancelled")
    urgentcare.remind(now=NOW + HOUR)
    assert stage(out) is Stage.CALLED_OFF


def test_what_was_called_off_before_anything_left_is_owed_no_review(office: Office) -> None:
    document = office.took()
    asked = urgent.propose(
        document, modes={office.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=office.people["editor"], now=NOW,
    )  # fmt: skip
    release = urgent.confirm(asked, seen=asked.digest, person=office.people["final"], now=NOW)
    stops.cancel(release, person=office.people["releaser"], reason="警报解除", now=NOW)
    urgentcare.remind(now=NOW)
    assert stage(release) is Stage.CALLED_OFF
    documents.save_article(article(title="改过"), person=office.people["editor"], now=NOW)


def test_an_import_goes_on_past_what_is_owed_a_review(office: Office, out: Release) -> None:
    results = documents._take_chunk([taken(article(title="改过")), taken(article(2))], office.people["editor"], NOW)
    assert [one.result for one, *_ in results] == ["rejected", "created"]
    assert "还没有补审完" in results[0][0].reason


def taken(given: object) -> object:
    from bot.intake import Taken

    return Taken(1, given, ())  # type: ignore[arg-type]


def test_the_doctor_and_the_pre_flight_know_of_it(office: Office, out: Release) -> None:
    found = {one.code: one for one in health.examine(now=NOW + HOUR, ask_platforms=False)}
    assert found["urgent"].ok
    assert found["urgent"].warning
    late = {one.code: one for one in health.examine(now=until(out), ask_platforms=False)}
    assert not late["urgent"].ok
    subject = prechecks.Subject(out, office.weibo, [publication(out, office.weibo)], NOW)
    (line,) = prechecks._approvals(subject)
    assert line.ok
    assert "应急发布" in line.message
    office.passes(out.urgency.edition.document, now=NOW + HOUR)
    out.refresh_from_db()
    (line,) = prechecks._approvals(prechecks.Subject(out, office.weibo, [publication(out, office.weibo)], NOW))
    assert line.ok


def test_one_that_fails_and_many_that_are_stuck_keep_no_other_from_its_turn(
    office: Office, out: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, third = gone_out(office, 2), gone_out(office, 3)
    owe = urgentcare._owe

    def fails_once(urgency: Urgency, release: Release, now: datetime) -> None:
        if release.pk == out.pk:
            raise ValueError("spoilt")
        owe(urgency, release, now)

    monkeypatch.setattr(urgentcare, "_owe", fails_once)
    monkeypatch.setattr(urgentcare, "MOST", 1)
    urgentcare.remind(now=until(third))
    assert [alarm.release for alarm in standing(Kind.REVIEW_LATE)] == [second, third]


def test_a_fault_in_another_part_of_the_sweep_silences_no_reminder(
    office: Office, out: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> None:
        raise ValueError("spoilt")

    monkeypatch.setattr(watching.alarming, "sweep", fails)
    monkeypatch.setattr(watching.manualtasks, "remind", fails)
    watching.look(until(out))
    assert len(standing(Kind.REVIEW_LATE)) == 1


def test_a_round_asks_one_question_where_nothing_is_urgent(office: Office, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        urgentcare.remind(now=NOW)


def test_the_desk_asks_the_same_however_many_are_open(office: Office, django_assert_max_num_queries: object) -> None:
    for number in (1, 2, 3):
        gone_out(office, number)
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        told = urgentcare.open_of(office.unit)
        assert [one.needed for one in told] == [3, 3, 3]
        assert all(one.second for one in told)
