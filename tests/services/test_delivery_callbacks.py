"""Events that a platform sends: verified, kept once, and applied in whatever order they come."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from bot.domain.channel import CallbackReply, Failed, Pending, PlatformEvent, PositionReceipt, Receipt
from bot.domain.delivery import State
from bot.domain.secret import Secret
from bot.models import Account, Alarm, AuditEvent, CallbackRecord, Publication
from bot.services import accounts, alarming, answers, callbacks, settling, story
from bot.services.callbacks import receive
from bot.services.facts import evidence_of

from .delivery_support import NO_ANSWER, Engine, T, intend, put
from .factories import NOW, Office

MASS = {"msg_id": "1000"}
URL = "https://mp.weixin.qq.com/s/abc"
SUCCESS = Receipt(MASS, (PositionReceipt("1000_1", URL),))
FAILURE = Failed("err(20001)", "群发没有送达：涉嫌政治。")
DELETED = Failed("5", "曾经发布，后来全部文章被人删除。", gone=True)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def tell(
    engine: Engine, outcome: Receipt | Failed | Pending | None, *, dedupe: str = "mass:1000", **ids: str
) -> CallbackRecord:
    """An event that the adapter has verified."""
    event = PlatformEvent("MASSSENDJOBFINISH", dedupe, ids or MASS, outcome, "<xml/>")
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    return CallbackRecord.objects.get(dedupe=dedupe)


@pytest.fixture
def accepted(engine: Engine) -> Publication:
    """A mass send that the platform took under msg_id 1000."""
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T)
    one = engine.wechat(release)
    assert (one.status, one.ids) == (State.CONFIRMING, MASS)
    return one


def now_is(one: Publication) -> Publication:
    one.refresh_from_db()
    return one


def test_success_is_a_reason_to_look_at_once_and_keeps_the_address(engine: Engine, accepted: Publication) -> None:
    tell(engine, SUCCESS)
    assert now_is(accepted).status is State.CONFIRMING  # our own read-back makes it live, not the event
    assert accepted.next_at == engine.clock.now()
    engine.go(T)
    assert now_is(accepted).status is State.LIVE


def test_a_failure_is_before_a_person_at_once(engine: Engine, accepted: Publication) -> None:
    tell(engine, FAILURE)
    assert now_is(accepted).status is State.NEEDS_PERSON
    assert "涉嫌政治" in accepted.reason


def test_an_event_twice_is_an_event_once(engine: Engine, accepted: Publication) -> None:
    for _ in range(3):
        tell(engine, SUCCESS)
    assert CallbackRecord.objects.count() == 1
    assert AuditEvent.objects.filter(action="callback.received").count() == 1


def test_events_in_the_wrong_order_end_the_same(engine: Engine, accepted: Publication) -> None:
    tell(engine, SUCCESS, dedupe="mass:1000:sendsuccess")
    tell(engine, Pending(MASS, "正在群发。"), dedupe="mass:1000:sending")
    engine.go(T)
    assert now_is(accepted).status is State.LIVE


def test_a_late_failure_does_not_unmake_what_was_read_back(engine: Engine, accepted: Publication) -> None:
    tell(engine, SUCCESS)
    engine.go(T)
    tell(engine, FAILURE, dedupe="mass:1000:err")
    assert now_is(accepted).status is State.LIVE


def test_news_of_a_deletion_is(engine: Engine, accepted: Publication) -> None:
    tell(engine, SUCCESS)
    engine.go(T)
    tell(engine, DELETED, dedupe="mass:1000:gone")
    assert now_is(accepted).status is State.GONE
    assert "删除" in accepted.reason


def test_an_event_that_overtakes_the_answer_is_kept_until_the_answer_names_it(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T - timedelta(seconds=20))
    one = put(engine.wechat(release), State.SENDING)
    attempt = intend(one, at=T)
    record = tell(engine, SUCCESS)
    assert "仅存档" in record.handled
    answers.settle(answers.accepted(one, attempt, MASS, "{}", now=T), now=T)
    engine.platform.looks["zghd"] = [Receipt(MASS, (PositionReceipt("1000_1", None),))]
    engine.go(T + timedelta(seconds=10))
    assert now_is(one).status is State.LIVE
    assert one.items.get().url == URL


def overtaken_by_a_failure(engine: Engine) -> Publication:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T - timedelta(seconds=20))
    one = put(engine.wechat(release), State.SENDING)
    attempt = intend(one, at=T)
    tell(engine, FAILURE)
    answers.settle(answers.accepted(one, attempt, MASS, "{}", now=T), now=T)
    return one


def test_a_failure_that_overtakes_the_answer_counts_as_soon_as_the_answer_names_it(engine: Engine) -> None:
    one = overtaken_by_a_failure(engine)
    engine.platform.looks["zghd"] = [Pending(MASS, "微信正在群发。")] * 9
    engine.go(T + timedelta(seconds=10))
    assert now_is(one).status is State.NEEDS_PERSON
    assert "涉嫌政治" in one.reason
    assert settling.proved_failed(one), "two people may send it again as another act"


def test_a_failure_that_overtook_the_answer_does_not_unmake_what_a_look_finds(engine: Engine) -> None:
    one = overtaken_by_a_failure(engine)
    engine.platform.looks["zghd"] = [SUCCESS]
    engine.go(T + timedelta(seconds=10))
    assert now_is(one).status is State.LIVE


def test_a_look_after_a_lost_answer_follows_what_an_event_named(engine: Engine) -> None:
    """Whose it is only a read-back can tell; without the event nobody would know what to read."""
    engine.by_publish()
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T)
    tell(engine, Pending({}), dedupe="publish:7:0", publish_id="7", article_id="ART7")
    one = engine.wechat(release)
    assert one.status is State.UNKNOWN
    told = evidence_of(one, (), now=engine.clock.now()).told
    assert [dict(ids) for ids in told] == [{"publish_id": "7", "article_id": "ART7"}]


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE, Pending(MASS), None])
def test_an_event_about_something_else_is_filed_and_changes_nothing(
    engine: Engine, accepted: Publication, outcome: Receipt | Failed | Pending | None
) -> None:
    before = now_is(accepted).fence
    record = tell(engine, outcome, dedupe="other", msg_id="9999")
    assert "不是本系统发出的" in record.handled
    assert (now_is(accepted).status, accepted.fence) == (State.CONFIRMING, before)


def test_another_accounts_event_with_the_same_number_is_not_ours(engine: Engine, accepted: Publication) -> None:
    event = PlatformEvent("MASSSENDJOBFINISH", "mass:1000", MASS, FAILURE, "<xml/>")
    callbacks._take(engine.office.weibo, event, T)
    assert now_is(accepted).status is State.CONFIRMING


@pytest.mark.parametrize("state", [State.PLANNED, State.STAGED, State.CANCELLED, State.NEEDS_PERSON, State.MISSED])
def test_what_is_not_on_its_way_is_not_moved_by_events(engine: Engine, accepted: Publication, state: State) -> None:
    put(accepted, state)
    tell(engine, FAILURE)
    assert now_is(accepted).status is state


# --- when it stands before a person already -------------------------------------------------------------------


def before_a_person(engine: Engine, of: Publication, state: State = State.NEEDS_PERSON) -> Alarm:
    """The machine gave up, the alarm was raised, and somebody has read it."""
    put(of, state, next_at=None, reason="平台受理已 30 分钟仍没有结论。", alarm_at=engine.clock.now())
    engine.tick()
    alarm = Alarm.objects.get(publication=of, closed_at__isnull=True)
    return alarming.read(alarm, person=engine.releaser, now=engine.clock.now())


@pytest.mark.parametrize("state", [State.NEEDS_PERSON, State.MISSED])
@pytest.mark.parametrize(
    ("outcome", "words"),
    [(SUCCESS, f"平台回告：已发布成功，链接 {URL}"), (FAILURE, "平台回告：发布失败：群发没有送达：涉嫌政治")],
    ids=["success", "failure"],
)
def test_late_proof_is_put_before_the_person_who_decides(
    engine: Engine, accepted: Publication, outcome: Receipt | Failed, words: str, state: State
) -> None:
    read = before_a_person(engine, accepted, state)
    record = tell(engine, outcome)
    assert record.handled.startswith(words)
    assert now_is(accepted).status is state  # nothing moves by machine
    assert accepted.reason.startswith(words)
    assert "30 分钟仍没有结论" in accepted.reason
    engine.tick()
    read.refresh_from_db()
    assert read.closed_at is not None
    anew = Alarm.objects.get(publication=accepted, closed_at__isnull=True)
    assert (anew.kind, anew.read_at) == (str(state), None)
    assert words in anew.message
    told = story.looks([accepted])[accepted.pk][-1]
    verdict = "Failed" if isinstance(outcome, Failed) else "Told"
    assert (told.verdict, told.message[: len(words)]) == (verdict, words)
    engine.go(engine.clock.now() + timedelta(minutes=5))
    assert now_is(accepted).status is state
    assert len(engine.platform.sent) == 1


def test_a_success_without_an_address_says_so(engine: Engine, accepted: Publication) -> None:
    before_a_person(engine, accepted)
    event = PlatformEvent("PUBLISHJOBFINISH", "late", MASS, Pending(MASS), "<xml/>", said_public=True)
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    assert "没有给出链接" in now_is(accepted).reason


def test_news_of_nothing_wakes_nobody(engine: Engine, accepted: Publication) -> None:
    read = before_a_person(engine, accepted)
    record = tell(engine, Pending(MASS, "微信正在发布。"))
    engine.tick()
    read.refresh_from_db()
    assert read.closed_at is None
    assert "仅存档" in record.handled
    assert "不是本系统" not in record.handled


def test_what_people_called_off_and_the_platform_says_is_public_is_told_at_once(
    engine: Engine, accepted: Publication
) -> None:
    """No verdict in time, called off by the duty officer, and public after all: nothing of it moves, and somebody hears."""
    put(accepted, State.CANCELLED)
    record = tell(engine, SUCCESS)
    assert record.handled.startswith(f"平台回告：已发布成功，链接 {URL}")
    assert now_is(accepted).status is State.CANCELLED
    alarm = Alarm.objects.get(publication=accepted, closed_at__isnull=True)
    assert (alarm.kind, alarm.out) == ("surfaced", "unknown")
    assert URL in alarm.message
    assert "已作废" in alarm.message
    told = story.looks([accepted])[accepted.pk][-1]
    assert (told.verdict, URL in told.message) == ("Told", True)
    engine.go(engine.clock.now() + timedelta(minutes=5))
    assert Alarm.objects.filter(pk=alarm.pk, closed_at__isnull=True).exists(), "it ends by being read"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.CANCELLED, FAILURE),
        (State.CANCELLED, Pending(MASS)),
        (State.HELD, SUCCESS),
        (State.WITHDRAWN, SUCCESS),
        (State.GONE, SUCCESS),
    ],
)
def test_news_of_what_nobody_waits_for_stands_in_its_story_and_wakes_nobody(
    engine: Engine, accepted: Publication, state: State, outcome: Receipt | Failed | Pending
) -> None:
    put(accepted, state)
    record = tell(engine, outcome)
    assert "不是本系统" not in record.handled
    assert now_is(accepted).status is state
    assert not Alarm.objects.filter(kind="surfaced").exists()


def test_what_still_moves_by_itself_comes_before_what_stands_before_a_person(
    engine: Engine, accepted: Publication
) -> None:
    later = engine.signed(on=[engine.office.wechat], number=2, instant=T + timedelta(days=1))
    put(engine.wechat(later), State.CONFIRMING, ids=MASS)
    before_a_person(engine, accepted)
    tell(engine, FAILURE)
    assert engine.wechat(later).status is State.NEEDS_PERSON
    assert "平台回告" not in now_is(accepted).reason


def test_an_unknown_send_without_an_id_is_not_guessed_from_events(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T)
    tell(engine, SUCCESS)
    assert engine.wechat(release).status is State.UNKNOWN


# --- at the door: the real adapter ----------------------------------------------------------------------------


def signed_query(at: int, token: str = "callback-token") -> dict[str, str]:
    """What WeChat puts into the query of every callback."""
    parts = sorted([token, str(at), "n0nce"])
    return {
        "timestamp": str(at),
        "nonce": "n0nce",
        "signature": hashlib.sha1("".join(parts).encode()).hexdigest(),
    }


@pytest.fixture
def door(office: Office) -> Office:
    accounts.set_credential(office.wechat, "callback_token", Secret("callback-token"), actor="test", now=NOW)
    options = {**office.wechat.options, "callback_mode": "plain"}
    Account.objects.filter(pk=office.wechat.pk).update(options=options)
    return office


EVENT = (
    b"<xml><MsgType>event</MsgType><Event>MASSSENDJOBFINISH</Event><MsgID>77</MsgID><Status>send success</Status></xml>"
)


def knock(
    query: dict[str, str], body: bytes = EVENT, *, slug: str = "zghd", method: str = "POST"
) -> CallbackReply | None:
    return receive(slug, method, query, body, now=NOW)


def test_a_genuine_event_is_answered_with_success_and_kept(door: Office) -> None:
    reply = knock(signed_query(int(NOW.timestamp())))
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"success")
    assert CallbackRecord.objects.get().ids == {"msg_id": "77"}


def test_the_address_check_echoes(door: Office) -> None:
    reply = knock({**signed_query(int(NOW.timestamp())), "echostr": "4711"}, b"", method="GET")
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"4711")


@pytest.mark.parametrize(
    "query",
    [
        {},
        signed_query(int(NOW.timestamp()), token="guessed"),
        signed_query(int(NOW.timestamp()) - 301),
        signed_query(int(NOW.timestamp()) + 301),
    ],
    ids=["no signature", "forged", "too old", "too new"],
)
def test_what_is_not_genuine_leaves_no_trace_in_the_records(door: Office, query: dict[str, str]) -> None:
    reply = knock(query)
    assert reply is not None
    assert reply.status == 403
    assert not CallbackRecord.objects.exists()


def test_an_account_that_does_not_exist_or_takes_no_callbacks_is_nobody(door: Office) -> None:
    query = signed_query(int(NOW.timestamp()))
    assert knock(query, slug="nobody") is None
    assert knock(query, slug="lyhd") is None
