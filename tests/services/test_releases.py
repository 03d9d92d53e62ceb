"""Releases: what is planned together, what a signature covers, what takes it away, and the honest answers when stopping."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bot.channels.wechat.spec import CONTENT_CHARACTERS
from bot.domain.hashing import content_hash
from bot.domain.instants import NaiveInstantError
from bot.domain.manifest import manifest_hash
from bot.domain.timeline import HAND_OUT, STAGE_AHEAD, lane_instants
from bot.models import AuditEvent, Edition, Item, Publication, Release, Reservation
from bot.services import accounts, people, releases, stops, waiving
from bot.services.errors import NotFound, Refused

from .factories import (
    HALF_HOUR,
    NOW,
    Office,
    add_wechat,
    article,
    force,
    fresh_home,
    interpretation,
    lifted,
    policy,
    publication,
)

T = NOW + HALF_HOUR
LATER = NOW + timedelta(minutes=1)


def refusal(act: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value


def titles(push: Publication) -> list[str]:
    return [item.edition.title for item in push.items.select_related("edition").order_by("position")]


def states(release: Release) -> set[str]:
    return set(release.publications.values_list("state", flat=True))


# --- plan -----------------------------------------------------------------------------------------------


def test_wechat_takes_the_articles_as_one_message_and_weibo_as_an_ordered_lane(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (3, 1, 4, 2)]
    release = office.planned(*documents)
    assert titles(publication(release, office.wechat)) == [document.current.title for document in documents]
    lane = list(release.publications.filter(account=office.weibo).order_by("lane"))
    assert [titles(push) for push in lane] == [[document.current.title] for document in documents]
    assert [push.instant for push in lane] == lane_instants(T, 4, accounts.spec_of(office.weibo).spacing)
    assert all(push.not_before == push.instant for push in lane)
    assert states(release) == {"planned"}


def test_more_articles_than_a_message_holds_become_two(office: Office) -> None:
    documents = [office.approved(article(number)) for number in range(1, 10)]
    release = office.planned(*documents, on=[office.wechat])
    assert [push.items.count() for push in release.publications.order_by("lane")] == [8, 1]


def test_a_policy_pulls_its_interpretation_along_right_behind_it(office: Office) -> None:
    document, explained = office.approved_pair()
    release = office.planned(office.approved(article(1)), document, office.approved(article(2)))
    assert titles(publication(release, office.wechat)) == [
        article(1).title, document.current.title, explained.current.title, article(2).title,
    ]  # fmt: skip


def test_an_interpretation_that_was_named_too_goes_once(office: Office) -> None:
    document, explained = office.approved_pair()
    assert len(titles(publication(office.planned(document, explained, document), office.wechat))) == 2


def test_an_interpretation_that_is_not_approved_yet_stops_the_plan(office: Office) -> None:
    office.took(policy())
    office.took(interpretation())
    document = office.approved(policy())
    words = refusal(office.planned, document).message
    assert "《〈河东区公共租赁住房管理办法〉政策解读》" in words
    assert "是所选政策文件的解读，须一起发布" in words  # nobody typed it
    assert not Release.objects.exists()


def test_an_account_s_mode_may_be_another_for_one_release(office: Office) -> None:
    release = releases.plan(
        title="通知", instant=T, documents=[office.approved()], accounts=[office.wechat], modes={"zghd": "publish"},
        person=office.people["editor"], now=NOW,
    )  # fmt: skip
    assert publication(release, office.wechat).mode == "publish"
    assert release.title == "通知"


def test_a_mode_that_the_channel_does_not_have_is_refused(office: Office) -> None:
    plan = {"title": "", "instant": T, "documents": [office.approved()], "accounts": [office.wechat], "now": NOW}
    refused = refusal(releases.plan, **plan, modes={"zghd": "shout"}, person=office.people["editor"])
    assert (refused.code, "可用：publish（发布）、mass（群发）" in refused.message) == ("mode", True)
    assert not Release.objects.exists()


@pytest.mark.parametrize("state", ["drafting", "submitted", "second_passed", "returned"])
def test_only_what_is_approved_is_planned(office: Office, state: str) -> None:
    document = office.took()
    if state != "drafting":
        office.submitted()
        Edition.objects.filter(pk=document.current.pk).update(state=state)
    assert refusal(office.planned, document).code == "not_approved"
    assert not Publication.objects.exists()


def test_a_newer_draft_of_an_approved_document_stops_the_plan(office: Office) -> None:
    document = office.approved()
    office.took(article(summary="改过。"))
    assert refusal(office.planned, document).code == "not_approved"


def test_a_disabled_account_or_one_without_a_rendering_is_named(office: Office) -> None:
    document = office.approved()
    newcomer = add_wechat(office.unit, "newcomer")
    assert refusal(office.planned, document, on=[newcomer]).code == "no_post"
    accounts.disable_account("lyhd", reason="维护", actor="root", now=NOW)
    office.weibo.refresh_from_db()
    refused = refusal(office.planned, document, on=[office.weibo])
    assert (refused.code, "维护" in refused.message) == ("disabled", True)


def test_nothing_and_nobody_and_no_zone_are_refused(office: Office) -> None:
    plan = {"title": "", "person": office.people["editor"], "now": NOW}
    assert refusal(releases.plan, instant=T, documents=[], accounts=office.accounts, **plan).code == "empty"
    assert refusal(releases.plan, instant=T, documents=[office.approved()], accounts=[], **plan).code == "empty"
    with pytest.raises(NaiveInstantError):
        releases.plan(
            instant=T.replace(tzinfo=None), documents=[office.approved(article(2))], accounts=office.accounts, **plan
        )


def test_the_same_edition_goes_to_an_account_once_and_the_refusal_names_where_it_is(office: Office) -> None:
    document = office.approved()
    release = office.planned(document)
    refused = refusal(office.planned, document, instant=T + timedelta(days=1))
    assert refused.code == "once"
    assert f"发布单 {release.pk}（2026-11-23 09:30:00，待准备）" in refused.message
    assert Release.objects.count() == 1


def test_a_new_edition_goes_again_and_another_account_is_another_matter(office: Office) -> None:
    document = office.approved()
    office.planned(document, on=[office.wechat])
    office.planned(document, on=[office.weibo])
    office.planned(office.approved(article(summary="更正。")), on=[office.wechat])
    assert Release.objects.count() == 3


def test_reviewers_do_not_plan(office: Office) -> None:
    document = office.approved()
    plan = {"title": "", "instant": T, "documents": [document], "accounts": office.accounts, "now": NOW}
    assert refusal(releases.plan, **plan, person=office.people["first"]).code == "role"
    assert releases.plan(**plan, person=office.people["releaser"]).created_by == office.people["releaser"]


def test_releases_of_another_unit_do_not_exist_for_this_one(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    release = office.planned()
    assert releases.find_release(release.pk, unit=office.unit) == release
    with pytest.raises(NotFound):
        releases.find_release(release.pk, unit=other.unit)
    with pytest.raises(NotFound):
        releases.accounts_named(["zghd"], unit=other.unit)


def test_no_name_means_every_enabled_account(office: Office) -> None:
    accounts.disable_account("lyhd", reason="维护", actor="root", now=NOW)
    assert releases.accounts_named([], unit=office.unit) == [office.wechat]


# --- what is signed -------------------------------------------------------------------------------------


def test_the_signature_is_the_hash_of_the_frozen_manifest(office: Office) -> None:
    release = office.signed(office.approved(article(1)), office.approved(article(2)))
    release.refresh_from_db()
    assert release.signed
    assert (release.signed_by, release.signed_at) == (office.people["releaser"], NOW)
    assert release.manifest_hash == manifest_hash(release.manifest)
    assert AuditEvent.objects.get(action="release.signed").data["manifest"] == release.manifest_hash


def test_the_manifest_holds_order_accounts_modes_instants_and_the_hash_of_the_very_bytes(office: Office) -> None:
    release = office.signed(office.approved(article(1)), office.approved(article(2)))
    expected = [
        {
            "account": push.account.slug,
            "mode": push.mode,
            "lane": push.lane,
            "instant": push.instant.isoformat(),
            "items": [
                {
                    "edition": item.edition.content_hash,
                    "payload": content_hash(item.payload),
                    "marker": item.edition.marker,
                }
                for item in push.items.order_by("position")
            ],
        }
        for push in release.publications.order_by("account_id", "lane")
    ]
    assert release.manifest == {"release": str(release.pk), "sync": "at_time", "publications": expected}
    assert [entry["account"] for entry in expected] == ["zghd", "lyhd", "lyhd"]


def test_the_credit_line_comes_from_the_review_record_and_is_part_of_the_signed_bytes(office: Office) -> None:
    release = office.signed()
    item = publication(release, office.wechat).items.get()
    line = "来源：河东区人民政府办公室　责编：李拟　审核：王初、赵复、钱终"
    assert line in item.payload["content"]
    assert line not in item.post.payload["content"]
    assert item.payload_hash == item.signed_post.hash != item.post.hash


def test_a_deputy_s_review_shows_in_the_credit_line_and_voids_no_rendering(office: Office) -> None:
    deputy = people.add_person(
        "deputy", name="卫<代>", unit=office.unit, roles=["final"], password=None, actor="root", now=NOW
    )
    document = office.submitted()
    office.passes(document, "first", "second")
    office.people["final"] = deputy
    office.passes(document, "final")
    item = publication(office.signed(document), office.wechat).items.get()
    assert "审核：王初、赵复、卫&lt;代&gt;" in item.payload["content"]


def test_staging_begins_ten_minutes_ahead_or_at_once(office: Office) -> None:
    early = office.signed(office.approved(article(1)), on=[office.wechat])
    late = office.signed(office.approved(article(2)), on=[office.weibo], instant=NOW + timedelta(minutes=2))
    assert publication(early, office.wechat).next_at == T - STAGE_AHEAD
    assert publication(late, office.weibo).next_at == NOW
    assert publication(early, office.wechat).stage_by == T - HAND_OUT


@pytest.mark.parametrize(("live", "lead"), [(False, 25), (True, 90)])
def test_closer_than_the_least_lead_is_refused_with_the_earliest_instant(office: Office, tmp_path, live, lead) -> None:
    release = office.planned(instant=NOW + timedelta(minutes=5))
    signed_at = release.instant - timedelta(seconds=lead) + timedelta(milliseconds=1)
    with fresh_home(tmp_path / "other", live=live):
        accounts.set_credential(office.wechat, "app_secret", accounts.Secret("x"), actor="test", now=NOW)
        accounts.set_credential(office.weibo, "app_secret", accounts.Secret("x"), actor="test", now=NOW)
        refused = refusal(office.signs, release, now=signed_at)
        assert refused.code == "lead"
        assert f"不足 {lead} 秒" in refused.message
        assert "最早可定在 2026-11-23 09:05:01" in refused.message
        assert office.signs(release, now=release.instant - timedelta(seconds=lead)).signed


def test_the_installation_may_ask_for_a_longer_lead(office: Office) -> None:
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, min_lead=timedelta(minutes=45))):
        assert "不足 2700 秒" in refusal(office.signed).message


def test_who_wrote_any_part_of_it_does_not_sign_it(office: Office) -> None:
    office.people["editor"].roles = ["editor", "releaser"]
    office.people["editor"].save()
    release = office.planned()
    assert refusal(releases.sign, release, person=office.people["editor"], now=NOW).code == "author"


def test_the_final_reviewer_may_sign_with_the_role_and_nobody_without_it(office: Office) -> None:
    release = office.planned()
    assert refusal(releases.sign, release, person=office.people["final"], now=NOW).code == "role"
    office.people["final"].roles = ["final", "releaser"]
    office.people["final"].save()
    assert releases.sign(release, person=office.people["final"], now=NOW).signed_by == office.people["final"]


def test_a_disabled_releaser_does_not_sign(office: Office) -> None:
    release = office.planned()
    office.people["releaser"] = people.disable_person("releaser", actor="root", now=NOW)
    assert refusal(office.signs, release).code == "role"


def test_a_release_is_signed_once(office: Office) -> None:
    release = office.signed()
    assert "已由孙签于 2026-11-23 09:00:00 签发" in refusal(office.signs, release).message
    stale = Release.objects.get(pk=release.pk)
    stale.signed_at = None
    Reservation.objects.update(released_at=NOW)
    assert refusal(office.signs, stale).code == "signed"


def test_an_edition_that_changed_after_planning_is_not_signed(office: Office) -> None:
    release = office.planned()
    office.took(article(summary="改过。"))
    assert refusal(office.signs, release).code == "not_approved"


def test_an_account_disabled_after_planning_is_not_signed(office: Office) -> None:
    release = office.planned()
    accounts.disable_account("lyhd", reason="维护", actor="root", now=NOW)
    assert refusal(office.signs, release).code == "disabled"


def test_what_breaks_a_limit_of_the_platform_with_its_credit_line_is_not_signed(office: Office) -> None:
    short = office.submitted(article(1, body_html="<p>字</p>")).current.posts.get(account=office.wechat)
    room = CONTENT_CHARACTERS - len(short.payload["content"])
    full = office.approved(article(2, body_html=f"<p>{'字' * (1 + room)}</p>"))  # fits, as long as the slot is empty
    refused = refusal(office.signed, full)
    assert (refused.code, bool(refused.details)) == ("blocked", True)
    assert not Item.objects.exclude(payload_hash="").exists()
    assert not Reservation.objects.exists()


# --- pairs ----------------------------------------------------------------------------------------------


def test_a_pair_is_signed_together(office: Office) -> None:
    document, _ = office.approved_pair()
    assert office.signed(document).signed


def without_its_interpretation(release: Release) -> None:
    Item.objects.filter(publication__release=release, edition__document__external_id="HD-51").delete()
    Publication.objects.filter(release=release, items=None).delete()


def test_a_policy_whose_interpretation_is_missing_on_one_account_is_not_signed(office: Office) -> None:
    document, _ = office.approved_pair()
    release = office.planned(document)
    Item.objects.filter(account=office.weibo, edition__document__external_id="HD-51").delete()
    assert refusal(office.signs, release).code == "pairing"


def test_with_a_waiver_a_policy_is_signed_alone(office: Office) -> None:
    document, _ = office.approved_pair()
    release = office.planned(document)
    without_its_interpretation(release)
    waiving.waive(document, "pairing", "解读已由市政府发布", person=office.people["releaser"], now=NOW)
    assert office.signs(release).signed


def test_an_interpretation_that_is_live_on_that_account_already_counts(office: Office) -> None:
    document, explained = office.approved_pair()
    earlier = office.signed(explained, on=[office.wechat])
    push = publication(earlier, office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
    with lifted("item_freed_when_called_off"):  # frees the edition for the plan below
        Item.objects.filter(publication=push).update(active=False)
    release = office.planned(document, on=[office.wechat], instant=T + timedelta(days=1))
    without_its_interpretation(release)
    assert refusal(office.signs, release).code == "pairing"
    Item.objects.filter(publication=push).update(active=True)
    assert refusal(office.signs, release).code == "pairing"
    force(Publication.objects.filter(pk=push.pk), "live", live_at=NOW)
    assert office.signs(release).signed


# --- another instant -------------------------------------------------------------------------------------


def test_an_instant_that_has_passed_is_not_planned(office: Office) -> None:
    assert refusal(office.planned, instant=NOW).code == "past"
    assert not Release.objects.exists()


def test_an_unsigned_release_gets_another_instant_lanes_and_all(office: Office) -> None:
    release = office.planned(*(office.approved(article(number)) for number in (1, 2)))
    later = T + timedelta(days=1)
    releases.reschedule(release, instant=later, person=office.people["releaser"], now=NOW)
    assert Release.objects.get().instant == later
    weibo = release.publications.filter(account=office.weibo).order_by("lane")
    assert [one.instant for one in weibo] == [one.not_before for one in weibo]
    assert [one.instant for one in weibo] == lane_instants(later, 2, timedelta(seconds=5))
    assert office.signs(Release.objects.get()).signed


def test_a_signature_stands_for_its_instant_only(office: Office) -> None:
    """Rescheduled, it waits for another signature: its slot is free, and at the old instant nothing goes."""
    release = office.signed()
    releases.reschedule(release, instant=T + timedelta(days=1), person=office.people["releaser"], now=NOW)
    release.refresh_from_db()
    assert not release.signed
    assert states(release) == {"held"}
    assert not Reservation.objects.filter(released_at__isnull=True).exists()
    assert office.signs(release).signed
    assert states(release) == {"planned"}


@pytest.mark.parametrize("state", ["armed", "sending", "confirming", "live", "needs_person", "unknown"])
def test_what_may_have_left_is_not_rescheduled(office: Office, state: str) -> None:
    release = office.signed()
    Item.objects.update(platform_id="1")
    force(release.publications.filter(account=office.weibo), state, live_at=NOW)
    act = partial(releases.reschedule, release, instant=T + timedelta(days=1), person=office.people["releaser"])
    assert refusal(act, now=NOW).code == "under_way"
    release.refresh_from_db()
    assert release.signed
    assert release.instant == T


def test_a_cancelled_release_and_a_past_instant_are_not_rescheduled(office: Office) -> None:
    release, releaser = office.planned(), office.people["releaser"]
    assert refusal(releases.reschedule, release, instant=NOW, person=releaser, now=NOW).code == "past"
    stops.cancel(release, person=releaser, reason="不发了", now=NOW)
    release.refresh_from_db()
    assert refusal(releases.reschedule, release, instant=T, person=releaser, now=NOW).code == "cancelled"


def test_reviewers_do_not_reschedule(office: Office) -> None:
    release = office.planned()
    assert refusal(releases.reschedule, release, instant=T, person=office.people["first"], now=NOW).code == "role"


def test_what_is_out_already_is_not_called_off(office: Office) -> None:
    release = office.signed()
    Item.objects.update(platform_id="1")
    force(release.publications.all(), "live", live_at=NOW)
    refused = refusal(stops.cancel, release, person=office.people["releaser"], reason="不发了", now=NOW)
    assert refused.code == "over"
    assert Release.objects.get().cancelled_at is None


# --- signing against somebody else ----------------------------------------------------------------------------


def test_an_instant_changed_while_somebody_signs_is_the_one_that_is_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row that the signer looked at is old: what stands when the lock is held is what counts."""
    release = office.planned()
    seen = Release.objects.get(pk=release.pk)
    releases.reschedule(release, instant=T + timedelta(hours=3), person=office.people["editor"], now=NOW)
    office.signs(seen)
    seen.refresh_from_db()
    instants = {datetime.fromisoformat(entry["instant"]) for entry in seen.manifest["publications"]}
    assert instants == {T + timedelta(hours=3)} == set(seen.publications.values_list("instant", flat=True))


def test_an_edition_that_changed_while_somebody_signs_is_not_signed(office: Office) -> None:
    release = office.planned()
    seen = Release.objects.get(pk=release.pk)
    office.took(article(summary="改过。"))
    assert refusal(releases.sign, seen, person=office.people["releaser"], now=NOW).code == "not_approved"
