"""应急通道: two people let a notice out; their words are bound to the bytes; whatever else is asked is asked as ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.alarms import Kind, Out
from bot.domain.delivery import State
from bot.domain.instants import beijing_date
from bot.domain.urgent import REVIEW_WITHIN, Stage
from bot.domain.workflow import EditionState, Verdict
from bot.intake import Rejected
from bot.models import Alarm, Document, Person, Release, Urgency, UrgentWord
from bot.services import (
    alarming,
    deputies,
    documents,
    editorial,
    releases,
    replanning,
    stops,
    trail,
    urgent,
    urgentcare,
)
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office, article, policy, publication

LATER = NOW + timedelta(minutes=3)
FIELDS = {
    "title": "暴雨红色预警紧急公告", "unit": "河东区应急管理局", "source_url": "https://www.hedong.gov.cn/",
    "text": "今天 18 时起，沂河沿线禁止通行。\n请就近避险，服从指挥。",
}  # fmt: skip


def asked(office: Office, document: Document | None = None, *, by: str = "editor", **changes: Any) -> Urgency:
    """The first word; on a notice of its own where none is given."""
    document = document or office.took()
    given: dict[str, Any] = {
        "modes": {office.weibo.slug: "share"}, "instant": None, "reason": "汛情紧急",
        "seen": document.current.content_hash, "person": office.people[by], "now": NOW,
    }  # fmt: skip
    return urgent.propose(document, **given | changes)


def confirmed(office: Office, urgency: Urgency | None = None, *, by: str = "releaser", now: Any = LATER) -> Release:
    urgency = urgency or asked(office)
    return urgent.confirm(urgency, seen=urgency.digest, person=office.people[by], now=now)


def stage(urgency: Urgency) -> Stage:
    urgency.refresh_from_db()
    return urgency.status


# --- the way -------------------------------------------------------------------------------------------------


def test_two_people_let_a_notice_out_as_soon_as_the_engine_promises(office: Office) -> None:
    release = confirmed(office)
    assert release.signed
    assert release.signed_by == office.people["releaser"]
    assert release.instant == urgent.soonest(LATER) == LATER + releases.min_lead()
    assert publication(release, office.weibo).status is State.PLANNED
    assert release.urgency is not None
    assert stage(release.urgency) is Stage.RELEASED
    assert release.urgency.review_by == release.instant + REVIEW_WITHIN


def test_the_words_name_the_bytes_and_the_second_the_manifest(office: Office) -> None:
    urgency = asked(office)
    release = confirmed(office, urgency)
    first, second = urgency.words.order_by("place")
    assert first.digest == second.digest == urgency.digest
    assert (first.manifest_hash, second.manifest_hash) == ("", release.manifest_hash)
    assert urgency.post_hashes == {office.weibo.slug: urgency.edition.posts.get(account=office.weibo).hash}


def test_the_credit_line_says_that_two_people_let_it_out(office: Office) -> None:
    item = publication(confirmed(office), office.weibo).items.get()
    assert item.payload_hash == item.signed_post.hash
    wechat = confirmed(office, asked(office, office.took(article(2)), modes={office.wechat.slug: "mass"}))
    text = str(publication(wechat, office.wechat).items.get().payload)
    assert "应急审核：李拟、孙签" in text


def test_a_notice_is_written_from_plain_text(office: Office) -> None:
    document = urgent.write(FIELDS, person=office.people["first"], now=NOW)
    assert isinstance(document, Document)
    assert document.kind == "notice"
    assert "<p>请就近避险，服从指挥。</p>" in document.current.content["body_html"]
    again = urgent.write(FIELDS | {"text": "改为 19 时起。"}, person=office.people["first"], now=NOW, document=document)
    assert isinstance(again, Document)
    assert again.current.number == 2
    rejected = urgent.write(FIELDS | {"title": ""}, person=office.people["first"], now=NOW)
    assert isinstance(rejected, Rejected)


def test_who_neither_edits_nor_wrote_it_does_not_change_its_text(office: Office) -> None:
    document = urgent.write(FIELDS, person=office.people["final"], now=NOW)
    assert isinstance(document, Document)
    assert urgent.may_write(document, office.people["final"])
    with pytest.raises(Refused) as refused:
        urgent.write(FIELDS | {"text": "改"}, person=office.people["releaser"], now=NOW, document=document)
    assert refused.value.code == "role"


def test_the_word_of_somebody_who_was_disabled_since_counts_no_more(office: Office) -> None:
    urgency = asked(office)
    type(office.people["editor"]).objects.filter(username="editor").update(is_active=False)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "first"


def test_roles_taken_away_since_the_first_word_count_no_more(office: Office) -> None:
    people, urgency = office.people, asked(office, by="final")
    people["second"].roles = ["duty"]
    people["second"].save()
    Person.objects.filter(username="final").update(roles=["duty"])
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency, by="second")
    assert refused.value.code == "decider"
    Person.objects.filter(username="final").update(roles=["auditor"])
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "first"
    assert not Release.objects.exists()


def test_the_rights_of_a_deputy_end_with_the_deputyship_also_for_a_first_word(office: Office) -> None:
    today, chief, stand_in = beijing_date(NOW), office.people["final"], office.people["first"]
    held = deputies.appoint(
        principal=chief, deputy=stand_in, first_day=today, last_day=today, reason="出差", person=chief, now=NOW
    )
    office.people["second"].roles = ["duty"]
    office.people["second"].save()
    deputies.standing_in(stand_in, now=NOW)
    urgency = asked(office, by="first")
    assert urgency.words.get().decides
    assert urgent.why_not(urgency, person=office.people["second"], now=LATER) is None
    deputies.end(held, person=chief, now=LATER)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency, by="second")
    assert refused.value.code == "decider"


def test_an_account_that_was_disabled_since_is_said_with_what_to_do_now(office: Office) -> None:
    urgency = asked(office)
    type(office.weibo).objects.filter(pk=office.weibo.pk).update(disabled_reason="密钥失效")
    with pytest.raises(Refused, match="没有发出。请收回后重新提出") as refused:
        confirmed(office, urgency)
    assert refused.value.code == "accounts"
    assert urgent.why_not(urgency, person=office.people["releaser"], now=LATER) is not None


def test_what_is_under_review_already_can_become_urgent(office: Office) -> None:
    document = office.submitted()
    office.passes(document, "first")
    assert urgent.candidates(office.unit) == [document]
    release = confirmed(office, asked(office, document, by="first"))
    assert release.signed
    assert urgent.candidates(office.unit) == []


def test_hard_findings_still_stop_it(office: Office) -> None:
    document = office.took(article(body_html="<p>联系人张三，身份证号 371302199001011239。</p>"))
    with pytest.raises(Refused) as refused:
        asked(office, document)
    assert refused.value.code == "blocked"
    assert not Urgency.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": " "}, "reason"),
        ({"modes": {}}, "accounts"),
        ({"modes": {"nobody": "share"}}, "accounts"),
        ({"modes": {"lyhd": "mass"}}, "mode"),
        ({"instant": NOW + timedelta(seconds=5)}, "instant"),
        ({"instant": NOW + timedelta(hours=25)}, "instant"),
        ({"seen": "x"}, "changed"),
    ],
)
def test_a_first_word_that_lacks_something_is_refused_with_nothing_done(
    office: Office, changes: dict[str, Any], code: str
) -> None:
    document = office.took()
    with pytest.raises(Refused) as refused:
        asked(office, document, **changes)
    assert refused.value.code == code
    assert document.current.status is EditionState.DRAFTING
    assert not UrgentWord.objects.exists()


def test_only_notices_that_are_not_approved_are_urgent(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        asked(office, office.took(policy()))
    assert refused.value.code == "kind"
    with pytest.raises(Refused) as refused:
        asked(office, office.approved())
    assert refused.value.code == "approved"


def test_a_quota_that_is_used_up_is_said_with_the_first_word(office: Office) -> None:
    office.signed(on=[office.wechat])
    document = office.took(article(2))
    used = {way.mode: way.why_not for way in urgent.ways(office.unit, now=NOW) if way.account == office.wechat}
    assert "已用完" in used["mass"]
    assert used["publish"] == ""
    with pytest.raises(Refused) as refused:
        asked(office, document, modes={office.wechat.slug: "mass"})
    assert refused.value.code == "quota"
    assert asked(office, document, modes={office.wechat.slug: "publish"}).status is Stage.ASKED


@pytest.mark.parametrize(
    ("handed_in", "change", "code"),
    [
        (False, "text", "changed"),
        (True, "text", "changed"),
        (True, "returned", "changed"),
        (False, "policy", "kind"),
        (True, "policy", "kind"),
    ],
)
def test_a_first_word_stands_on_what_was_seen_whatever_happens_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch, handed_in: bool, change: str, code: str
) -> None:
    document = office.submitted() if handed_in else office.took()
    looked, people = urgent._require_proposable, office.people

    def then_somebody_else_is_quicker(*given: Any) -> None:
        looked(*given)
        if change == "text":
            documents.save_article(article(title="别人刚改过的通知"), person=people["editor"], now=NOW)
        elif change == "policy":
            editorial.set_policy(Document.objects.get(), True, reason="政策", person=people["editor"], now=NOW)
        else:
            editorial.review(document, person=people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW)

    monkeypatch.setattr(urgent, "_require_proposable", then_somebody_else_is_quicker)
    with pytest.raises(Refused) as refused:
        asked(office, document, by="second")
    assert refused.value.code == code
    assert not Urgency.objects.exists()


# --- who -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["editor", "first", "second", "final", "releaser"])
def test_whoever_has_a_part_in_the_editorial_way_may_ask(office: Office, who: str) -> None:
    assert asked(office, by=who).words.get().person == office.people[who]


def test_nobody_gives_both_words(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        confirmed(office, asked(office, by="releaser"), by="releaser")
    assert refused.value.code == "same"


def test_an_author_does_not_give_the_second_word(office: Office) -> None:
    office.people["editor"].roles = ["editor", "releaser"]
    office.people["editor"].save()
    with pytest.raises(Refused) as refused:
        confirmed(office, asked(office, by="first"), by="editor")
    assert refused.value.code == "author"


def test_one_of_the_two_holds_the_final_review_or_the_signature(office: Office) -> None:
    duty = office.people["second"]
    duty.roles = ["duty"]
    duty.save()
    urgency = asked(office)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency, by="second")
    assert refused.value.code == "decider"
    assert confirmed(office, asked(office, office.took(article(2)), by="final"), by="second").signed
    assert confirmed(office, urgency, by="final").signed


def test_a_deputy_gives_the_word_of_whom_they_stand_in_for(office: Office) -> None:
    today, chief, stand_in = beijing_date(NOW), office.people["final"], office.people["second"]
    deputies.appoint(
        principal=chief, deputy=stand_in, first_day=today, last_day=today, reason="出差", person=chief, now=NOW
    )
    with pytest.raises(Refused):
        confirmed(office, asked(office), by="second")
    urgency = Urgency.objects.get()
    release = urgent.confirm(
        urgency, seen=urgency.digest, person=deputies.standing_in(stand_in, now=LATER), now=LATER
    )  # fmt: skip
    assert UrgentWord.objects.get(place=2).decides
    line = trail.newest(f"release:{release.pk}", "发布单", 9)
    assert any("代钱终" in one.what for one in line)


def test_another_unit_knows_nothing_of_it(office: Office) -> None:
    other = Office.make("town", prefix="t-")
    urgency = asked(office)
    with pytest.raises(NotFound):
        confirmed(other, urgency)
    with pytest.raises(NotFound):
        urgent.write(FIELDS, person=other.people["editor"], now=NOW, document=urgency.edition.document)
    assert urgentcare.open_of(other.unit) == []


# --- what makes the first word void ----------------------------------------------------------------------------


def test_any_change_of_the_text_makes_the_first_word_void(office: Office) -> None:
    urgency = asked(office)
    documents.save_article(article(title="改过的通知"), person=office.people["editor"], now=NOW)
    assert stage(urgency) is Stage.VOID
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "over"
    assert not Release.objects.exists()


def test_what_becomes_a_policy_loses_its_first_word(office: Office) -> None:
    urgency = asked(office)
    editorial.set_policy(
        urgency.edition.document, True, reason="其实是政策文件", person=office.people["editor"], now=NOW
    )
    assert stage(urgency) is Stage.VOID
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "over"
    assert not Release.objects.exists()


@pytest.mark.parametrize("changes", [{"is_policy": True}, {"kind": "service"}])
def test_what_is_no_notice_any_more_is_not_confirmed_however_it_came_about(
    office: Office, changes: dict[str, Any]
) -> None:
    urgency = asked(office)
    Document.objects.update(**changes)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "kind"
    assert not Release.objects.exists()


def test_the_signature_itself_asks_for_the_interpretation(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    urgency = asked(office)
    Document.objects.update(is_policy=True)
    monkeypatch.setattr(urgent, "_is_notice", lambda document: True)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "pairing"
    assert stage(urgency) is Stage.ASKED


def test_a_return_before_the_second_word_makes_the_first_void(office: Office) -> None:
    urgency = asked(office)
    document = urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=NOW)
    assert stage(urgency) is Stage.VOID


def test_the_first_word_waits_two_hours(office: Office) -> None:
    urgency = asked(office)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency, now=NOW + timedelta(hours=2))
    assert refused.value.code == "expired"
    urgentcare.remind(now=NOW + timedelta(hours=2))
    assert stage(urgency) is Stage.EXPIRED
    assert asked(office, urgency.edition.document, now=NOW + timedelta(hours=2)).status is Stage.ASKED


def test_what_was_seen_is_what_is_confirmed(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        urgent.confirm(asked(office), seen="other", person=office.people["releaser"], now=LATER)
    assert refused.value.code == "changed"


def test_whoever_asked_takes_it_back_and_the_text_stays_for_the_reviewers(office: Office) -> None:
    urgency = asked(office)
    with pytest.raises(Refused):
        urgent.take_back(urgency, person=office.people["first"], now=LATER)
    urgent.take_back(urgency, person=office.people["editor"], now=LATER)
    assert stage(urgency) is Stage.WITHDRAWN
    assert urgency.edition.document.current.status is EditionState.SUBMITTED
    with pytest.raises(Refused):
        confirmed(office, urgency)


def test_a_freeze_stands_above_it(office: Office) -> None:
    urgency = asked(office)
    stops.freeze(office.unit, person=office.people["releaser"], reason="演习", now=NOW)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "frozen"
    assert stage(urgency) is Stage.ASKED
    assert not UrgentWord.objects.filter(place=2).exists()
    with pytest.raises(Refused) as refused:
        asked(office, office.took(article(2)))
    assert refused.value.code == "frozen"


def test_an_urgent_release_is_neither_moved_nor_planned_anew_nor_signed_again(office: Office) -> None:
    release = confirmed(office)
    signer, later = office.people["releaser"], LATER + timedelta(hours=3)
    for act in (
        lambda: releases.reschedule(release, instant=later, person=signer, now=LATER),
        lambda: releases.sign(release, person=signer, now=LATER),
        lambda: replanning.replan(
            release, title="", instant=later, documents=[office.approved(article(2))], accounts=[office.weibo],
            person=signer, now=LATER,
        ),
    ):  # fmt: skip
        with pytest.raises(Refused):
            act()
    release.refresh_from_db()
    assert release.signed


# --- who is told -----------------------------------------------------------------------------------------------


def test_the_second_person_is_called_at_once(office: Office) -> None:
    urgency = asked(office)
    alarm = Alarm.objects.get(kind=Kind.URGENT)
    assert (alarm.unit, alarm.closed_at) == (office.unit, None)
    assert urgency.edition.title not in alarm.public_message
    assert urgent.waiting_for(office.people["releaser"]) == urgent.waiting_for(office.people["final"]) == 1
    assert urgent.waiting_for(office.people["editor"]) == 0
    confirmed(office, urgency)
    alarm.refresh_from_db()
    assert alarm.closed_at == LATER
    assert urgent.waiting_for(office.people["final"]) == 0


def test_whoever_asked_does_not_silence_the_call(office: Office) -> None:
    asked(office, by="releaser")
    alarm = Alarm.objects.get(kind=Kind.URGENT)
    with pytest.raises(Refused) as refused:
        alarming.read(alarm, person=office.people["releaser"], now=LATER)
    assert refused.value.code == "own_call"
    alarm.refresh_from_db()
    assert alarm.next_at is not None
    office.people["final"].roles = ["final", "duty"]
    alarming.read(alarm, person=office.people["final"], now=LATER)


def test_half_an_hour_before_the_end_it_calls_again_whoever_has_read_it(office: Office) -> None:
    urgency = asked(office)
    alarming.read(Alarm.objects.get(kind=Kind.URGENT), person=office.people["releaser"], now=LATER)
    urgentcare.remind(now=NOW + timedelta(minutes=89))
    assert Alarm.objects.get(kind=Kind.URGENT, closed_at__isnull=True).read_at is not None
    for minute in (90, 91):
        urgentcare.remind(now=NOW + timedelta(minutes=minute))
        again = Alarm.objects.get(kind=Kind.URGENT, closed_at__isnull=True)
        assert (again.read_at, again.raised_at) == (None, NOW + timedelta(minutes=90))
    assert alarming.calls_of([again], person=office.people["editor"]) == {again.pk}
    confirmed(office, urgency, now=NOW + timedelta(minutes=92))
    assert not Alarm.objects.filter(kind=Kind.URGENT, closed_at__isnull=True).exists()


@pytest.mark.parametrize("how", ["late", "changed", "returned"])
def test_what_lapsed_is_an_alarm_until_it_is_asked_anew_or_was_read(office: Office, how: str) -> None:
    urgency, at = asked(office), NOW + timedelta(hours=2)
    document = urgency.edition.document
    if how == "late":
        urgentcare.remind(now=at)
    elif how == "changed":
        documents.save_article(article(title="改过的通知"), person=office.people["editor"], now=at)
    else:
        editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=at)
    (alarm,) = Alarm.objects.filter(closed_at__isnull=True)
    assert (alarm.sort, alarm.out) == (Kind.LAPSED, Out.NO)
    assert "没有发出。仍需应急的，请重新提出" in alarm.message
    alarming.sweep(now=at + timedelta(days=3))
    alarm.refresh_from_db()
    assert alarm.closed_at is None
    if how == "changed":
        asked(office, document, now=at)
    else:
        alarming.read(alarm, person=office.people["releaser"], now=at)
        alarming.sweep(now=at + timedelta(days=3))
    assert not Alarm.objects.filter(kind=Kind.LAPSED, closed_at__isnull=True).exists()


def test_what_was_taken_back_rings_nobody(office: Office) -> None:
    urgent.take_back(asked(office), person=office.people["editor"], now=LATER)
    assert not Alarm.objects.filter(closed_at__isnull=True).exists()


def test_the_story_of_the_release_tells_both_words(office: Office) -> None:
    release = confirmed(office)
    said = [one.what for one in trail.newest(f"release:{release.pk}", "发布单", 20)]
    assert any("李拟" in what and "应急发布" in what for what in said)
    told = urgentcare.story(Urgency.objects.get())
    assert told.second is not None
    assert (told.first.person.name, told.second.person.name) == ("李拟", "孙签")
    assert (told.passed, told.needed, told.release) == (0, 3, release)
