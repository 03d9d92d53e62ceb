"""The district that is photographed: Hedong's items of 2017, a week of work, and a Tuesday morning with something of everything.

Everything is made through the services, at the instants at which it would have been done; time is moved, not waited for.
What went out is put in the records (`put`), unless an engine is given: then the nine o'clock release goes out for real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyotp
import time_machine

from bot import intake
from bot.cli.demo import ITEMS
from bot.domain.channel import Absent
from bot.domain.erratum import NoticeKind, draft
from bot.domain.handdraft import Stage
from bot.domain.instants import BEIJING, beijing_date
from bot.domain.secret import Secret
from bot.domain.workflow import Verdict, step_due
from bot.models import (
    Account,
    AccountCheck,
    ClockReading,
    Document,
    HandDraft,
    Item,
    ManualCount,
    ManualSample,
    Publication,
    Release,
)
from bot.services import (
    accountdesk,
    accounts,
    alarming,
    catalogue,
    deputies,
    documents,
    drafting,
    editorial,
    inbox,
    manual,
    people,
    releases,
    reviewlinks,
    secondfactor,
    stops,
    withdrawing,
)
from bot.services import story as looks
from bot.services.manualentry import Entry
from bot.services.withdrawing import Target
from tests.console.world import District, attempt, now, put

from . import papers, urgency

MAIN: Mapping[str, str] = {}
STEPS = ("first", "second", "final")
MORNING = datetime(
    2026, 11, 24, 9, 20, tzinfo=BEIJING
)  # a Tuesday; the pictures show this day, whenever they are taken
NINE = MORNING.replace(hour=9, minute=0)
CODE = "临沂市河东区人民政府办公室"
Send = Callable[[Release], None]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In November 2026, Beijing time."""
    return datetime(2026, 11, day, hour, minute, tzinfo=BEIJING)


@contextmanager
def the_time(moment: datetime) -> Iterator[None]:
    """Every clock of this process shows that moment, and goes on from there."""
    with time_machine.travel(moment, tick=True):
        yield


@dataclass
class Story:
    """What the pictures need to know: `facts` fill the addresses of the screens."""

    district: District
    by_hand: list[Account] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    # --- short words ---------------------------------------------------------------------------------------

    def document(self, number: str) -> Document:
        return documents.find_document(f"HD17-{number}", unit=self.district.unit)

    def submit(self, number: str) -> Document:
        document = self.document(number)
        editorial.submit(document, person=self.district.people["editor"], now=now())
        return document

    def review(self, document: Document, *, upto: str = "final") -> Document:
        """Passed step by step, every channel opened, as the inbox asks for it."""
        for step in STEPS[: STEPS.index(upto) + 1]:
            person, edition = self.district.people[step], document.current
            if step_due(edition.status, self.district.unit.review_steps) is None:
                break
            for post in inbox.posts_of(edition):
                inbox.open_post(post, person=person, now=now())
            editorial.review(document, person=person, verdict=Verdict.PASS, now=now())
        return document

    def approved(self, *numbers: str) -> list[Document]:
        return [self.review(self.submit(number)) for number in numbers]

    def plan(
        self,
        title: str,
        instant: datetime,
        *numbers: str,
        on: list[Account] | None = None,
        modes: Mapping[str, str] = MAIN,
    ) -> Release:
        self.approved(*(number for number in numbers if not self.is_approved(number)))
        chosen = [self.document(number) for number in numbers]
        return releases.plan(
            title=title, instant=instant, documents=chosen, accounts=on or self.district.accounts, modes=dict(modes),
            person=self.district.people["editor"], now=now(),
        )  # fmt: skip

    def is_approved(self, number: str) -> bool:
        return str(self.document(number).current.status) == "approved"

    def sign(self, release: Release) -> Release:
        return releases.sign(release, person=self.district.people["releaser"], now=now())


def put_out(one: Publication, **stamps: object) -> None:
    """Live, with links as the platform makes them."""
    put(one, "live", **stamps)
    if one.account.channel == "weibo":
        for item in one.items.all():
            Item.objects.filter(pk=item.pk).update(
                platform_id=f"53687029{item.pk:08}", url=f"https://weibo.com/2017000001/RsPh{item.pk:03}ki"
            )


def out(release: Release) -> None:
    """As the engine would have left it: public on every account."""
    for place, one in enumerate(release.publications.order_by("account_id", "lane")):
        if not one.attempts.exists():
            attempt(
                one, outcome="accepted", status=200, sent_at=one.instant + timedelta(milliseconds=3 + place),
                answered_at=one.instant + timedelta(milliseconds=160 + 9 * place), answer='{"errcode":0,"errmsg":"ok"}',
            )  # fmt: skip
        stamps = {"staged_at": one.instant - timedelta(minutes=9), "accepted_at": one.instant + timedelta(seconds=1)}
        put_out(one, sent_at=one.instant + timedelta(milliseconds=3 + place), **stamps)


def tell(district: District, *, send: Send = out) -> Story:
    """Make it all. `send`: how the nine o'clock release comes to be public; it is called at 08:59:10 and ends when it is."""
    story = Story(district)
    with the_time(at(16, 9, 30)):
        _settle_in(story)
    with the_time(at(17, 15)):
        _last_week(story)
    _urgent(story)
    with the_time(at(24, 8, 5)):
        doubtful = story.plan("城乡低保和医疗救助情况", at(24, 8, 45), "042", "043", modes={"wx": "publish"})
        story.sign(doubtful)
    with the_time(at(24, 8, 51)):
        _trouble(story, doubtful)
    with the_time(NINE - timedelta(seconds=50)):
        release = story.sign(story.plan("2017年政务公开要点及解读", NINE, "001", "101", "040", "028"))
        story.facts |= {"live": release.pk, "live_document": "HD17-001"}
        send(release)
    with the_time(MORNING - timedelta(minutes=15)):
        _morning(story)
        _waiting(story)
    with the_time(MORNING):
        _withdrawals(story)
        alarming.reconcile(list(Publication.objects.values_list("pk", flat=True)), now=now())
    return story


# --- the office ------------------------------------------------------------------------------------------------


def _settle_in(story: Story) -> None:
    district = story.district
    story.by_hand = [_third_account(district)]
    report = documents.import_rows(intake.open_source(ITEMS), person=district.people["editor"], now=now())
    assert report.rejected == 0
    district.people["secadmin"] = people.add_person(
        "zhengbao", name="郑保", unit=district.unit, roles=["secadmin"], password=None, actor="test", now=now()
    )
    people.add_person(
        "fengjiao", name="冯校", unit=district.unit, roles=["editor", "first"], password=None, actor="test", now=now()
    )
    old = people.add_person(
        "chenli", name="陈离", unit=district.unit, roles=["second"], password=None, actor="test", now=now()
    )
    people.disable_person(old.username, actor="admin", now=now())
    releaser = district.people["releaser"]
    day = beijing_date(MORNING)
    made = deputies.appoint(
        principal=releaser, deputy=district.people["final"], first_day=day, last_day=day + timedelta(days=3), reason="外出培训",
        person=releaser, now=now(),
    )  # fmt: skip
    story.facts |= {"deputy": made.pk, "member": "first"}
    papers.readers(district)
    papers.tokens(district)
    _accounts(district)
    final = district.people["final"]
    enrolment = secondfactor.begin(final, now=now())
    secondfactor.confirm(final, pyotp.TOTP(enrolment.secret).at(now()), now=now())
    catalogue.save_view(district.people["editor"], "documents", "待我修改", "only=mine&state=returned")
    catalogue.save_view(district.people["editor"], "documents", "已通过未排期", "only=unscheduled")


def _third_account(district: District) -> Account:
    """One that people serve: the machine has no right to post there."""
    account = accounts.add_account(
        "hdzw", channel="wechat", name="河东政务服务", mode="publish", unit=district.unit, endpoints=district.accounts[0].endpoints,
        options={"app_id": "wxrehearsal0000009", "account_type": "subscription"},
        credentials={"app_secret": Secret("rehearsal-secret")}, actor="test", now=now(),
    )  # fmt: skip
    Account.objects.filter(pk=account.pk).update(manual_reason="未认证，没有发布接口权限")
    account.refresh_from_db()
    return account


def _accounts(district: District) -> None:
    admin = district.people["admin"]
    until = beijing_date(MORNING)
    accountdesk.describe(
        "wx", subject=CODE, verified_until=until + timedelta(days=41), ip_note="203.0.113.7，203.0.113.8", manual_reason="",
        person=admin, now=now(),
    )  # fmt: skip
    for duty, name in zip(accountdesk.Duty, ("郑保", "冯校", "陈微"), strict=True):
        accountdesk.hand_over(
            "wx", duty, name=name, contact="0539-8000000", since=until - timedelta(days=300), person=admin, now=now()
        )


# --- the week before -------------------------------------------------------------------------------------------


def _last_week(story: Story) -> None:
    first = story.sign(story.plan("政务公开督查和专项调查", at(18, 9), "004", "005"))
    out(first)
    second = story.sign(story.plan("就业招聘和风险提示", at(19, 9), "041", "055"))
    out(second)
    third = story.sign(story.plan("打击制售假冒伪劣商品公告", at(20, 10), "053"))
    out(third)
    story.facts |= {"past": first.pk, "withdrawn": second.pk, "asked": third.pk}


# --- Tuesday ---------------------------------------------------------------------------------------------------


def _urgent(story: Story) -> None:
    """At seven a pipe burst: let out on two words, looked at by one reviewer since."""
    with the_time(at(24, 7, 20)):
        asked = urgency.report(story.district)
    with the_time(at(24, 7, 22)):
        release = urgency.agree(asked, story.district)
        out(release)
    with the_time(at(24, 7, 50)):
        document = story.review(asked.edition.document, upto="first")
    story.facts |= {"burst": release.pk, "burst_edition": document.current.pk, "burst_urgency": release.urgency_id}


def _waiting(story: Story) -> None:
    district = story.district
    fog = urgency.ask(district, urgency.FOG, by="editor", reason="能见度正在下降，高速口已有车辆滞留")
    outage = urgency.write(district, urgency.OUTAGE, by="duty")
    missing = urgency.write(district, urgency.MISSING, by="duty")
    story.facts |= {"fog": fog.pk, "outage": outage.external_id, "missing": missing.external_id}


def _morning(story: Story) -> None:
    district = story.district
    for account in district.accounts:
        ClockReading.objects.create(account=account, at=now(), offset_ms=80, boot_seconds=1.0, boot_id="boot")
    _check(district)
    soon = story.sign(story.plan("农产品价格信息", at(24, 10), "038", on=district.accounts[1:]))
    papers.look_ahead(soon)
    story.facts["soon"] = soon.pk
    story.facts["signed"] = story.sign(story.plan("财政预算及解读", at(25, 9), "020", "106")).pk
    story.facts["planned"] = story.plan("就医指南", at(26, 9, 30), "046").pk
    story.sign(story.plan("政府采购情况公示", at(27, 16), "026"))
    held = story.sign(story.plan("安全生产“黑名单”公告", at(27, 10), "062", on=district.accounts[1:]))
    stops.hold(held, person=district.people["duty"], reason="区安监局要求再核对一处名称", now=now())
    called_off = story.plan("部门预算公开目录", at(30, 9), "024")
    stops.cancel(called_off, person=district.people["releaser"], reason="内容并入下一批", now=now())
    by_hand = story.sign(
        releases.plan(
            title="建筑市场监督检查情况",
            instant=MORNING + timedelta(minutes=30),
            documents=story.approved("057"),
            accounts=story.by_hand,
            person=district.people["editor"],
            now=now(),
        )
    )
    left = story.sign(
        story.plan("安全生产简报", at(24, 10, 10), "061", on=district.accounts[:1], modes={"wx": "draft"})
    )
    HandDraft.objects.filter(release=left).update(
        stage=Stage.PLACED, next_at=None, staged={"draft": "d"}, placed_at=now(), checked_at=now()
    )
    story.facts |= {"held": held.pk, "by_hand": by_hand.pk, "by_hand_slug": "hdzw"}
    _book(story)
    _inbox(story)


def _check(district: District) -> None:
    def line(
        name: str, message: str, remedy: str, code: str, *, ok: bool = True, warning: bool = False
    ) -> Mapping[str, object]:
        return {"name": name, "ok": ok, "warning": warning, "message": message, "remedy": remedy, "code": code}

    lines = [
        line("令牌", "令牌有效，还可用 110 分钟。", "", "token"),
        line("消息推送", "没有设置消息推送，改为定时查询。", "请系统管理员补全。", "callback", warning=True),
        line(
            "IP 白名单", "本机出口地址不在公众平台的白名单里。", "请公众号管理员把出口 IP 加入白名单。", "ip", ok=False
        ),
    ]
    AccountCheck.objects.create(
        account=district.accounts[0], at=now(), person=district.people["admin"], ok=False, lines=lines
    )


def _book(story: Story) -> None:
    """One line with numbers, one whose numbers are still to come."""
    duty, weibo = story.district.people["duty"], story.district.accounts[1]
    snow = Entry(
        weibo, weibo.mode, f"https://weibo.com/{weibo.options['uid']}/R00000001", now() - timedelta(days=2), duty,
        title="雨雪天气出行提示",
    )  # fmt: skip
    post = manual.register(snow, person=duty, now=now()).post
    ManualCount.objects.filter(post=post).update(platform_id="5300000000000001", asked_at=now())
    figures = {"reposts": 46, "comments": None, "attitudes": 131}
    ManualSample.objects.create(post=post, taken_at=now() - timedelta(hours=1), values=figures, raw="{}")
    entry = Entry(
        story.by_hand[0], "publish", "https://mp.weixin.qq.com/s/AbCdEfGh1",
        now() - timedelta(hours=3), duty, title="关于11月24日城区停水的紧急通知", note="值班领导要求",
    )  # fmt: skip
    story.facts["manual"] = manual.register(entry, person=duty, now=now()).post.pk


def _inbox(story: Story) -> None:
    district = story.district
    story.plan("医疗服务价格公示", MORNING + timedelta(hours=5), "045")
    editor, first = district.people["editor"], district.people["first"]
    document = story.document("045")
    papers.attach(district, document, "医疗服务项目价格表.pdf", "投诉举报渠道一览表.docx", "公示牌照片.jpg")
    fields = drafting.fields_of(document.current)
    fields["summary"] = fields["summary"].replace("。", "，自12月1日起施行。", 1)
    drafting.save(document, fields, page=drafting.page_of(document), person=editor, now=now())
    editorial.submit(document, person=editor, now=now())
    for number in ("058", "059"):
        story.submit(number)
    story.review(story.submit("060"), upto="first")
    story.review(story.submit("065"), upto="second")
    papers.illustrate(district, story.document("052"))
    papers.attach(district, story.document("052"), "活动任务分工表.pdf", "企业承诺书（样式）.docx", "活动标识.jpg")
    returned = story.submit("066")
    editorial.review(
        returned, person=first, verdict=Verdict.RETURN, comment="日期或文号有误；第二段数字请与附件核对", now=now()
    )
    edition = document.current
    link, token = reviewlinks.make_link(edition, name="张区长", person=editor, now=now())
    post = inbox.posts_of(edition)[0]
    story.facts |= {
        "review": edition.pk, "edition": edition.pk, "document": "HD17-045", "look": token.reveal(), "look_post": post.pk,
        "returned": "HD17-066", "draft": "HD17-052", "policy": "HD17-033", "link": link.pk,
    }  # fmt: skip


def _trouble(story: Story, doubtful: Release) -> None:
    wechat, first, second = doubtful.publications.order_by("account_id", "lane")
    out_one(wechat)
    attempt(
        first, outcome="unknown", code="no_answer", message="请求已发出但没有收到完整应答。", sent_at=first.instant,
        answered_at=first.instant + timedelta(seconds=5),
    )  # fmt: skip
    put(
        first,
        "needs_person",
        reason="隔时查了 5 次都没有查到，仍不能断定没有发出。请到平台后台核实后处理。",
        sent_at=first.instant,
    )
    for minutes in (1, 2, 4):
        looks.note_look(first, Absent("这一次没有查到。"), now=first.instant + timedelta(minutes=minutes))
    put(second, "held", reason="前一条结果不明，后面的先停下，没有发出。查清前一条后由签发人恢复。")
    story.facts |= {
        "trouble": doubtful.pk,
        "case": first.pk,
        "item": wechat.items.all()[0].pk,
        "post": wechat.items.all()[0].post_id,
    }


def out_one(one: Publication) -> None:
    attempt(
        one, outcome="accepted", status=200, sent_at=one.instant + timedelta(milliseconds=4),
        answered_at=one.instant + timedelta(milliseconds=171), answer='{"errcode":0,"errmsg":"send job submission success"}',
    )  # fmt: skip
    put_out(one, sent_at=one.instant + timedelta(milliseconds=4), staged_at=one.instant - timedelta(minutes=9),
        accepted_at=one.instant + timedelta(seconds=1))  # fmt: skip


def _withdrawals(story: Story) -> None:
    district = story.district
    for key, kind, reason in (
        ("asked", NoticeKind.WITHDRAWAL, "举报电话写错，更正后重新发布"),
        ("withdrawn", NoticeKind.CORRECTION, "招聘会的日期有误"),
    ):
        release = Release.objects.get(pk=story.facts[key])
        targets = [
            Target(one.pk, tuple(item.position for item in one.items.all())) for one in release.publications.all()
        ]
        titles = list(dict.fromkeys(item.edition.title for item in withdrawing.public_items(release)))
        notice = draft(
            kind,
            titles=titles,
            unit=district.unit.name,
            published=beijing_date(release.instant),
            today=beijing_date(now()),
        )
        made = withdrawing.ask(
            release, person=district.people["editor"], targets=targets, reason=reason, notice_kind=kind,
            notice=notice.replace("〔请写明〕", "有误"), now=now(),
        )  # fmt: skip
        story.facts[f"{key}_withdrawal"] = made.pk
    withdrawing.confirm(made, person=district.people["releaser"], now=now())
