"""`tongfa demo`: the whole job on one machine, in rehearsal, while you watch."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import click

from .common import acting, now
from .output import REFUSED, shorten, start_django, table

ITEMS = Path(__file__).resolve().parents[1] / "data" / "hedong-2017-items.csv"
PEOPLE = (
    ("wang", "王拟稿", ["editor"]),
    ("li", "李初审", ["first"]),
    ("zhao", "赵复审", ["second"]),
    ("sun", "孙终审", ["final"]),
    ("zhou", "周签发", ["releaser", "duty"]),
    ("feng", "冯安管", ["secadmin"]),
    ("chen", "陈审计", ["auditadmin", "auditor"]),
)
MINDERS = ("feng", "chen")  # they mind people and the trail, and take no part in the editorial work
PASSWORD = "rehearsal-2017"  # noqa: S105 - opens a rehearsal on this machine, nothing else
RELEASED = ("HD17-001", "HD17-101", "HD17-040", "HD17-028")
DEFAULT_PORT = 8000
LEAD, LONGEST_LEAD = timedelta(seconds=30), timedelta(minutes=3)
REVIEWED = timedelta(seconds=5)  # what the reviews take where LEAD is enough
WATCH_FOR = timedelta(minutes=5)


@click.command("demo")
@click.option("--exit", "leave", is_flag=True, help="全部发布并核对后即退出；只有全部成功退出码才为 0。")
@click.option("--fresh", is_flag=True, help="清空这个演练环境，从头开始。")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="网页端口；被占用时另选一个并说明。")
def demo(leave: bool, fresh: bool, port: int) -> None:
    """演示：导入 2017 年 81 份文件，三审，签发，到点同步发布，看手机，采指标。"""
    start_django()
    from bot.runtime.locks import AlreadyRunningError
    from bot.runtime.supervisor import NotReadyError, stopping_on_signals
    from bot.services.errors import Refused

    try:
        _only_one_here()
        if fresh:
            _start_afresh()
        _initialise()
        from django.conf import settings

        from bot.services import home

        from .processes import look_back, supervise

        look_back()
        port, facts = _free(port), home.facts()
        supervisor = supervise("127.0.0.1", port, settings.TONGFA, live=facts.live, rehearsal_port=facts.rehearsal_port)
        with stopping_on_signals(supervisor), supervisor:
            try:
                code = _Demo(port, supervisor.wait, leaves=leave).play()
                if not leave and not supervisor.wait(0):
                    click.echo("演示环境继续运行，按 Ctrl-C 停止。")
                    supervisor.wait()
                    code = 0  # what the table told may have been settled on the pages since
            finally:
                _say("正在停止各进程，最多半分钟…")
        _say(
            "已停止。" if leave else "已停止。数据都在；再运行 make demo 可接着看，从头再演用 make demo ARGS=--fresh。"
        )
    except _Stopped:
        click.echo("已停止。还没有发出的，下次启动后照签发的安排继续；是否公开不明的先核对，查清之前不会再发。")
        code = 0
    except Refused as refusal:
        click.echo("\n  - ".join([f"未办理：{refusal.message}", *refusal.details]), err=True)
        code = REFUSED
    except (AlreadyRunningError, NotReadyError) as error:
        click.echo(f"未启动：{error}", err=True)
        code = REFUSED
    sys.exit(code)


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        click.echo(words)


class _Stopped(Exception):
    """Somebody pressed Ctrl-C while it played."""


def _only_one_here() -> None:
    """Before anything is cleared, or a port is spoken of: is this home in use?"""
    from django.conf import settings

    from bot.runtime.locks import only_one

    home = settings.TONGFA.home
    if home.run.exists():
        with only_one(home.run / "up.lock", home.path):
            pass


def _start_afresh() -> None:
    from django.conf import settings

    from bot.services import home
    from bot.services.errors import Refused

    folder: Path = settings.TONGFA.home.path
    if not folder.exists():
        return
    if not home.exists() or home.is_live():
        raise Refused("fresh", f"{folder} 不是演练环境，不会清空。请换一个 TONGFA_HOME。")
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    click.echo(f"已清空演练环境 {folder}。")


def _initialise() -> None:
    from bot.models import Unit
    from bot.services import home, people

    from .home import initialise

    if not home.exists():
        _step("初始化演练环境（数据库、密钥、人员；首次约需 15 秒）")
    elif home.is_live():
        from bot.services.errors import Refused

        raise Refused("wall", "这里是正式环境，不能运行演示。请换一个 TONGFA_HOME。")
    initialise(
        live=False, admin="admin", admin_name="系统管理员", unit="office", unit_name="河东区人民政府办公室", password=PASSWORD,
    )  # fmt: skip
    unit = Unit.objects.get(code="office")
    for username, name, roles in PEOPLE:
        if not unit.people.filter(username=username).exists():
            people.add_person(
                username, name=name, unit=unit, roles=roles, password=PASSWORD, actor="tongfa demo", now=now()
            )


def _free(port: int) -> int:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a run before has left behind does not count
        probe.bind(("127.0.0.1", port))
        return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other: int = probe.getsockname()[1]
    click.echo(f"端口 {port} 已被占用，网页改用 {other}。")
    return other


def _step(text: str) -> None:
    click.secho(f"▶ {text}", bold=True)


def lead_for(reviewed: timedelta) -> timedelta:
    """How far ahead to sign where the reviews took so long: a busy machine needs longer to prepare, too."""
    return min(max(LEAD, LEAD * (reviewed / REVIEWED)), LONGEST_LEAD)


class _Demo:
    """One play of the main job."""

    def __init__(self, port: int, stop_asked: Callable[[float], bool], *, leaves: bool) -> None:
        from bot.models import Unit
        from bot.services import home

        self._stop_asked = stop_asked  # waits for so many seconds
        self._port, self._leaves = port, leaves
        self._web = f"http://127.0.0.1:{port}"
        self._rehearsal = home.rehearsal_url()
        self._unit = Unit.objects.get(code="office")

    def play(self) -> int:
        """Returns the exit code: 0 only when everything is live and read back."""
        self._accounts()
        self._import()
        release = self._unfinished()
        if release is None and self._used_up():
            return 0 if self._all_live() else REFUSED
        release = release or self._sign()
        click.echo(f"  值班台：{self._web}/ （登录名 zhou，密码 {PASSWORD}）　两部手机：{self._web}/rehearsal/")
        others = "、".join(
            f"{username}（{name}）" for username, name, _ in PEOPLE if username not in {"zhou", *MINDERS}
        )
        click.echo(f"  想自己撰稿、审核：用 {others} 登录，密码相同。")
        minders = "、".join(f"{username}（{name}）" for username, name, _ in PEOPLE if username in MINDERS)
        click.echo(f"  想练习账号、人员、留痕：用 admin（系统管理员）、{minders} 登录，密码相同。")
        live = self._watch(release)
        self._measure()
        self._report(release)
        return 0 if live else REFUSED

    # --- accounts ------------------------------------------------------------------------------------------

    def _accounts(self) -> None:
        import base64
        import secrets

        from bot.domain.secret import Secret
        from bot.models import Account
        from bot.services import accounts

        token, key = secrets.token_hex(16), base64.b64encode(secrets.token_bytes(32)).decode()[:43]
        if not Account.objects.filter(slug="zghd").exists():
            _step("添加演练账号“中国河东”（订阅号，群发）和“临沂河东”（微博）")
            accounts.add_account(
                "zghd", channel="wechat", name="中国河东", mode="mass", unit=self._unit, endpoints={"api": f"{self._rehearsal}/wechat"},
                options={"app_id": "wxrehearsal0000001", "account_type": "subscription", "original_id": "gh_rehearsal0001", "callback_mode": "aes"},
                credentials={"app_secret": Secret("rehearsal-secret"), "callback_token": Secret(token), "callback_aes_key": Secret(key)},
                actor="tongfa demo", now=now(),
            )  # fmt: skip
        if not Account.objects.filter(slug="lyhd").exists():
            accounts.add_account(
                "lyhd", channel="weibo", name="临沂河东", mode="share", unit=self._unit, endpoints={"api": f"{self._rehearsal}/weibo"},
                options={"app_key": "rehearsalkey", "uid": "2017000001", "safe_domain": "www.hedong.gov.cn", "rip": "127.0.0.1"},
                credentials={"app_secret": Secret("rehearsal-weibo-secret"), "access_token": Secret(self._weibo_token())},
                actor="tongfa demo", now=now(),
            )  # fmt: skip
        self._point_callback()

    def _weibo_token(self) -> str:
        from bot.rehearsal.defaults import WEIBO_TOKEN

        return WEIBO_TOKEN

    def _point_callback(self) -> None:
        """Tell the rehearsal WeChat where to send its events (the web port may differ from run to run)."""
        from bot.services import accounts

        credentials = accounts.config_of(accounts.find_account("zghd")).credentials
        callback = {
            "url": f"{self._web}/callback/zghd", "mode": "safe", "format": "xml",
            "token": credentials["callback_token"].reveal(), "aes_key": credentials["callback_aes_key"].reveal(),
        }  # fmt: skip
        self._control(
            "accounts/change", {"platform": "wechat", "account": "wxrehearsal0000001", "set": {"callback": callback}}
        )

    def _control(self, path: str, body: dict[str, Any]) -> None:
        import requests

        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{self._rehearsal}/_control/{path}", json=body, timeout=10).raise_for_status()

    # --- editorial -----------------------------------------------------------------------------------------

    def _import(self) -> None:
        from bot import intake
        from bot.services import documents

        from .documents import import_reply

        _step("导入 2017 年信息公开条目（测试数据）")
        source = intake.open_source(ITEMS)
        with click.progressbar(length=source.total, label="  导入", file=sys.stderr) as bar:  # type: ignore[var-annotated]
            report = documents.import_rows(source, person=acting("wang"), now=now(), each=lambda _: bar.update(1))
        for line in import_reply(ITEMS.name, report).lines[:6]:
            click.echo(f"  {line}")

    def _review(self, ids: tuple[str, ...]) -> None:
        from bot.domain.workflow import EditionState, Verdict, step_due
        from bot.services import documents, editorial

        _step("送审、初审、复审、终审（拟稿人不审自己的稿，一人只审一级）")
        reviewers = {"first": "li", "second": "zhao", "final": "sun"}
        for external_id in ids:
            document = documents.find_document(external_id, unit=self._unit)
            edition = document.current
            if edition.status in {EditionState.DRAFTING, EditionState.RETURNED}:
                edition = editorial.submit(document, person=acting("wang"), now=now())
            while step := step_due(edition.status, self._unit.review_steps):
                edition = editorial.review(document, person=acting(reviewers[step]), verdict=Verdict.PASS, now=now())
            click.echo(f"  {external_id} {edition.status.label}：{shorten(edition.title, 60)}")

    # --- release -------------------------------------------------------------------------------------------

    def _unfinished(self) -> Any:
        """A signed release that an earlier run did not see to its end."""
        from bot.domain.delivery import SETTLED
        from bot.models import Publication, Release

        open_ones = Release.objects.filter(unit=self._unit, signed_at__isnull=False, cancelled_at__isnull=True)
        unsettled = Publication.objects.exclude(state__in=[str(state) for state in SETTLED])
        return open_ones.filter(publications__in=unsettled).order_by("-pk").first()

    def _sign(self) -> Any:
        from bot.services import documents, releases

        fresh, began = self._choose(), time.monotonic()
        self._review(fresh)
        lead = lead_for(timedelta(seconds=time.monotonic() - began))
        chosen = [documents.find_document(external_id, unit=self._unit) for external_id in fresh]
        _step("编制并签发发布单")
        instant = (now() + lead).replace(microsecond=0)
        person = acting("zhou")
        release = releases.plan(
            title="2017年政务公开要点及解读",
            instant=instant,
            documents=chosen,
            accounts=releases.accounts_named((), unit=self._unit),
            person=person,
            now=now(),
        )
        signed = releases.sign(release, person=person, now=now())
        from bot.domain.instants import show
        from bot.services.trail import tail

        click.echo(
            f"  发布单 {signed.pk} 已由 {person.name} 签发：{show(signed.instant)} 同时发布；清单哈希尾号 {tail(signed.manifest_hash)}"
        )
        return signed

    def _used_up(self) -> bool:
        """Today's 群发 is gone: say so, and when the next one is, before anything is reviewed or planned."""
        from bot.domain.instants import show
        from bot.models import Release
        from bot.services import accounts, quotas

        account, instant = accounts.find_account("zghd"), now() + LEAD
        full = [rule for rule, used in quotas.used(account, account.mode, instant) if used >= rule.count]
        if not full:
            return False
        free = quotas.next_free(account, account.mode, full[0], instant)
        when = f"最近可用的日期是 {show(free)[:10]}" if free else "一年内没有空余"
        click.echo(f"  账号“{account.name}”今天的群发额度（{full[0].count} 次）已用完：没有再发布任何内容。{when}。")
        click.echo("  要从头再演一遍，请运行：make demo ARGS=--fresh；只看页面，请运行：.venv/bin/tongfa up")
        latest = Release.objects.filter(unit=self._unit, signed_at__isnull=False, cancelled_at__isnull=True)
        if release := latest.order_by("-pk").first():
            self._report(release)
        return True

    def _all_live(self) -> bool:
        """Whether all that was signed before is public: a second run with nothing to do is no failure."""
        from bot.domain.delivery import State
        from bot.models import Publication

        signed = Publication.objects.filter(release__unit=self._unit, release__signed_at__isnull=False)
        return signed.exists() and not signed.exclude(state__in=[State.LIVE, State.CANCELLED]).exists()

    def _choose(self) -> tuple[str, ...]:
        """The policy pair and two more the first time; later, four that were not released yet."""
        from bot.models import Document

        used = set(
            Document.objects.filter(unit=self._unit, editions__items__active=True).values_list("external_id", flat=True)
        )
        if not used.intersection(RELEASED):
            return RELEASED
        others = Document.objects.filter(unit=self._unit, is_policy=False, kind="notice").exclude(external_id__in=used)
        return tuple(others.order_by("pk").values_list("external_id", flat=True)[:4])

    def _watch(self, release: Any) -> bool:
        """Tell every change of state until all is live or a person is needed."""
        from bot.domain.delivery import FOR_A_PERSON, SETTLED, State

        if release.instant > now():
            _step("等待发布时刻，到点同时发出，然后逐条读回核对")
        else:
            _step(f"发布单 {release.pk} 还没有办完：接着核对，已经发出的不会再发")
            self._say_what_follows(release)
        stop = max(now(), release.instant) + WATCH_FOR
        seen: dict[int, str] = {}
        ended = SETTLED | FOR_A_PERSON | {State.HELD}
        while now() < stop:
            publications = list(release.publications.select_related("account").order_by("account_id", "lane"))
            for publication in publications:
                if seen.get(publication.pk) != publication.state:
                    seen[publication.pk] = publication.state
                    self._tell(publication)
            if all(publication.status in ended for publication in publications):
                return all(publication.status is State.LIVE for publication in publications)
            if self._stop_asked(0.2):
                raise _Stopped
        click.echo("  等了 5 分钟还没有全部发布，请看值班台。", err=True)
        return False

    def _say_what_follows(self, release: Any) -> None:
        """What the machine does about each result that it does not know now, by the account's own mode."""
        from bot.domain.delivery import State
        from bot.services.accounts import spec_of

        unknown = release.publications.filter(state=State.UNKNOWN)
        pushes = list(unknown.select_related("account").order_by("account_id", "lane"))
        rules = {one.account.name: spec_of(one.account).mode(one.mode).unknown.words for one in pushes}
        for name, words in rules.items():
            click.echo(f"  {name}，结果不明的：{words}")
        click.echo(f"  最多在这里看 5 分钟；经过和办法见异常台：{self._web}/exceptions")

    def _tell(self, publication: Any) -> None:
        from bot.domain.instants import delay

        left = (publication.instant - now()).total_seconds()
        when = f"距时刻 {left:.0f} 秒，一个字节也没有发出" if left > 0 and publication.sent_at is None else ""
        late = f"晚 {delay(publication.late_ms)}" if publication.late_ms is not None else ""
        name = f"{publication.account.name}#{publication.lane + 1}"
        click.echo(
            "  "
            + "　".join(filter(None, [f"{now().astimezone():%H:%M:%S}", name, publication.status.label, when, late]))
        )

    # --- numbers -------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        from datetime import datetime
        from datetime import time as clock_time

        from bot.domain.instants import BEIJING, beijing_date, show
        from bot.models import Account
        from bot.services import measuring

        morning = datetime.combine(beijing_date(now()) + timedelta(days=1), clock_time(9), BEIJING).astimezone(UTC)
        self._control("clock", {"statistics": morning.isoformat()})
        _step(f"把演练平台的统计时钟拨到次日 {show(morning)}（只拨演练平台的统计，不动本机时钟），采集首批指标")
        for account in Account.objects.filter(unit=self._unit).order_by("pk"):
            pulled = measuring.measure_account(account.pk, now=now, everything=True)
            click.echo(
                f"  {account.name}：{pulled.posts} 条推送，采到 {pulled.samples} 篇的数字{'；' + pulled.fault if pulled.fault else ''}"
            )

    def _report(self, release: Any) -> None:
        from bot.domain.delivery import FOR_A_PERSON, State
        from bot.domain.instants import delay, show
        from bot.services.measuring import latest_values

        _step("结果")
        rows = []
        publications = list(release.publications.select_related("account").order_by("account_id", "lane"))
        for publication in publications:
            for item in publication.items.select_related("edition__document").order_by("position"):
                values = latest_values(item)
                numbers = [values.get("reads"), values.get("shares", values.get("reposts")), values.get("comments")]
                rows.append([
                    item.edition.document.external_id, shorten(item.edition.title, 36), publication.account.name,
                    show(publication.promised)[11:], delay(publication.late_ms) if publication.late_ms is not None else "—",
                    publication.status.label, item.url or "未取得", "/".join("—" if number is None else str(number) for number in numbers),
                ])  # fmt: skip
        header = ["编号", "标题", "账号", "计划", "晚", "状态", "链接", "阅读/转发/评论"]
        for line in table(header, rows):
            click.echo(f"  {line}")
        click.echo("  （“—”：平台没有提供这个数字，如微博的阅读数；时刻都是北京时间）")
        if any(publication.status in FOR_A_PERSON or publication.status is State.HELD for publication in publications):
            click.echo(f"  要人处理的：打开 {self._web}/exceptions 核对并登记；已暂停的在发布单页由签发人恢复。")
        self._phones()

    def _phones(self) -> None:
        """Where to look, or what to start for it."""
        if self._leaves:
            click.echo(
                f"  演示到此结束，网页随即停止。要看手机和值班台，请运行 {self._up()}，再打开 {self._web}/rehearsal/ 和 {self._web}/"
            )
        else:
            click.echo(f"  看手机：{self._web}/rehearsal/　值班台：{self._web}/")

    def _up(self) -> str:
        """The command that starts the pages again where they were."""
        return ".venv/bin/tongfa up" + ("" if self._port == DEFAULT_PORT else f" --port {self._port}")
