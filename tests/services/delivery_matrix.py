"""The stage of the fault matrix: many cases side by side in one office, each on an account and a release of its own.

Real adapters, real launcher, real verdicts, against the rehearsal platforms; all releases of one stage have the same
instant and leave in one batch. Time is virtual on both sides: the product's rows are made older and the platforms let
as much time pass, so that an effect that is 40 s late comes 40 s after its call by the product's reckoning too. Only
the callers' patience is shortened where a fault is about it.
"""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from django.db.backends.signals import connection_created
from django.db.models import F

from bot.channels import http
from bot.domain import timeline
from bot.domain.channel import Ports
from bot.domain.delivery import State
from bot.domain.manifest import manifest_hash
from bot.domain.secret import Secret
from bot.launcher import Launcher, Shot
from bot.models import Account, Batch, Publication, Release, Token
from bot.rehearsal import RehearsalServer
from bot.rehearsal.wechat import callbacks as letters
from bot.services import accounts, callbacks, clock, sending

from .delivery_drill import PUBLIC, TIMES, TOKEN, Mailbox, wall
from .delivery_faults import FORGED, MASS, NAMES, ROADS, SHARE, SLOW, Case, armed
from .factories import KEPT, NOW, Office, article, lifted

SLACK = timedelta(seconds=5)  # what is due almost at once is done in one round
ROUNDS = 90
MOVING = (State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED, State.ARMED, State.SENDING, State.CONFIRMING)
#: Sending may still be compared with the manifest.
MAY_GO = (State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED, State.ARMED, State.UNKNOWN)
NOT_YET = (State.STAGED, State.ARMED, State.SENDING)
AHEAD = timedelta(seconds=0.3)
EACH = timedelta(seconds=0.015)  # to prepare one publication for sending
IMPATIENT = {"timeout": (2.0, 0.1), "total": 0.25}


@dataclass
class Scene:
    """One case on its own account."""

    case: Case
    number: int
    account: Account
    platform_id: str
    release: Release | None = None
    struck: int = 0  # how often a broken road has been met by the launcher

    @property
    def publications(self) -> list[Publication]:
        """Fresh from the database, in order of the lane."""
        found = Publication.objects.select_related("account", "release").filter(account_id=self.account.pk)
        return list(found.order_by("lane"))


class Refuser:
    """Two loopback ports that lead nowhere: one refuses connections, one answers a TLS greeting with nonsense."""

    def __init__(self) -> None:
        self._dead, self._rude = socket.socket(), socket.create_server(("127.0.0.1", 0))
        self._dead.bind(("127.0.0.1", 0))  # bound and never listened on: nobody else gets the port
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._rude.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(2)
                try:
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                except OSError:
                    continue

    def base(self, fault: str) -> str:
        """Where the broken road leads."""
        return {
            "connect_refused": f"http://127.0.0.1:{self._dead.getsockname()[1]}",
            "dns_fails": "http://platform.invalid",
            "tls_fails": f"https://127.0.0.1:{self._rude.getsockname()[1]}",
        }[fault]

    def close(self) -> None:
        self._dead.close()
        self._rude.shutdown(socket.SHUT_RDWR)
        self._rude.close()


class Stage:
    """Plays cases from signing to their end."""

    def __init__(self, server: RehearsalServer, office: Office, cases: Sequence[Case], refuser: Refuser) -> None:
        self.office, self._base, self._refuser = office, server.base_url, refuser
        self._control = requests.Session()
        self.mailbox: Mailbox | None = None
        self.documents = []
        self.scenes = [self._scene(case, number) for number, case in enumerate(cases, 1)]
        self.documents = [office.approved(article(number), now=NOW) for number in (1, 2)]
        self._by_account = {scene.account.pk: scene for scene in self.scenes}

    # --- the platforms ------------------------------------------------------------------------------------

    def post(self, name: str, body: Any) -> Any:
        answer = self._control.post(f"{self._base}/_control/{name}", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._control.get(f"{self._base}/_control/{name}", timeout=30).json()[name]
        return found

    def _scene(self, case: Case, number: int) -> Scene:
        slug, weibo = f"case{number:03d}", case.mode == SHARE
        platform_id = f"77{number:08d}" if weibo else f"wxcase{number:012d}"
        if weibo:
            self.post("accounts", {"platform": "weibo", "uid": platform_id, "app_key": "key", "token": f"2.00{slug}"})
            lag = {"timeline_lag": 15} if case.blinks else {}
            self.post("accounts/change", {"platform": "weibo", "account": platform_id, "switches": lag})
        else:
            self.post("accounts", {"platform": "wechat", "appid": platform_id, "secret": "wechat-secret"})
        account = accounts.add_account(
            slug, channel=case.platform, name=f"账号{number}", mode=case.mode, unit=self.office.unit,
            endpoints={"api": f"{self._base}/{case.platform}"}, options=_options(case, platform_id),
            credentials=_credentials(case, slug), actor="test", now=NOW,
        )  # fmt: skip
        return Scene(case, number, account, platform_id)

    def _arm(self, *calls: str) -> None:
        """Let the faults of these kinds of calls begin."""
        specs: list[dict[str, Any]] = []
        for scene in self.scenes:
            case = scene.case
            if case.call in calls:
                if case.fault in ROADS:
                    self._break_road(scene)
                for (fault, args), name in [(one, name) for one in armed(case) for name in case.names]:
                    specs.append(_spec(scene, name, fault, case.times, args))
            if "read" in calls and case.blinks and case.call != "read":
                specs.append(_spec(scene, NAMES[case.mode, "read"][0], "http_500", 1, {}))
        if specs:
            self.post("faults", specs)

    def _break_road(self, scene: Scene) -> None:
        case = scene.case
        base = f"{self._refuser.base(case.fault)}/{case.platform}"
        tokens = "oauth" if case.mode == SHARE else "token"
        if case.call == "token":
            self._endpoints(scene, **{tokens: base})
        elif case.call in {"stage", "read"}:
            self._endpoints(scene, api=base)

    def _endpoints(self, scene: Scene, **changes: str) -> None:
        places = scene.account.endpoints | changes
        Account.objects.filter(pk=scene.account.pk).update(endpoints=places)

    def _mend_roads(self) -> None:
        for scene in self.scenes:
            case = scene.case
            if case.fault not in ROADS or case.forever or case.call == "publish":
                continue
            met = max((one.stage_faults if case.call != "read" else one.looks for one in scene.publications), default=0)
            if met >= case.times:
                self._endpoints(scene)

    # --- time -----------------------------------------------------------------------------------------------

    def wait(self, delta: timedelta) -> None:
        """Time passes, here and on the platforms."""
        if delta <= timedelta():
            return
        with lifted(*KEPT):
            Publication.objects.update(**{name: F(name) - delta for name in TIMES})
            for release in Release.objects.filter(publications__state__in=MAY_GO).distinct():
                value = release.manifest or {}
                for entry in value["publications"]:
                    entry["instant"] = (datetime.fromisoformat(entry["instant"]) - delta).isoformat()
                Release.objects.filter(pk=release.pk).update(manifest=value, manifest_hash=manifest_hash(value))
        self.post("clock", {"pass": delta.total_seconds()})

    def _next(self, states: Iterable[State]) -> datetime | None:
        due = Publication.objects.filter(state__in=list(states), next_at__isnull=False)
        return due.order_by("next_at").values_list("next_at", flat=True).first()

    def round(self) -> None:
        """One tick, and workers that answer every bell."""
        result = clock.tick(wall())
        for job in [*result.rings, *result.children]:
            clock.perform(job)
        self._mend_roads()
        self.deliver()

    # --- the play -------------------------------------------------------------------------------------------

    def play(self) -> None:
        """From signing to the end."""
        self._sign()
        self._arm("token", "stage")
        self._stage_all()
        self._arm("publish")
        self._bring()
        self._arm("read")
        self._forge()
        self._settle()

    def _sign(self) -> None:
        now = wall()
        for scene in self.scenes:
            chosen = self.documents[: scene.case.posts]
            instant = now + timedelta(minutes=5)
            scene.release = self.office.signed(*chosen, instant=instant, on=[scene.account], now=now)
        Token.objects.filter(account__in=[scene.account for scene in self.scenes]).delete()

    def _stage_all(self) -> None:
        """Staging, tried again as the engine would, until everything stands or T - 15 s has come."""
        waiting = (State.PLANNED, State.BLOCKED, State.STAGING)
        for _ in range(ROUNDS):
            self.round()
            due, first = self._next(waiting), Publication.objects.order_by("instant").first()
            assert first is not None
            if due is None or due >= first.instant - timeline.STAGED_BY - SLACK:
                return
            self.wait(due - wall())
        raise AssertionError("staging does not end")

    def _bring(self) -> None:
        """Until the instant comes, and through it."""
        staged = Publication.objects.filter(state=State.STAGED, lane=0)
        if (first := staged.order_by("not_before").first()) is not None:
            self.wait(first.not_before - wall() - AHEAD - EACH * staged.count())
        self.round()
        reading = [scene.account.pk for scene in self.scenes if scene.case.call == "read"]
        for _ in range(ROUNDS):  # a busy machine may be too late for `send_by`; what is to be read must be sent first
            if not Publication.objects.filter(account__in=reading, lane=0, state__in=NOT_YET).exists():
                return
            self.wait(timedelta(seconds=2))
            self.round()

    def _settle(self) -> None:
        """Go on until nothing is left that the machine would do."""
        moving = [*MOVING, State.UNKNOWN]
        for number in range(ROUNDS):
            self.round()
            due = self._next(moving)
            if due is None and not Publication.objects.filter(state__in=moving).exists():
                self.deliver()
                return
            # nobody hears every bell at once: later rounds come further apart, so that the half hour ends
            least = timedelta(seconds=2 if number < 30 else 60)
            self.wait(max((due or wall()) - wall() + SLACK, least))
        left = Publication.objects.filter(state__in=moving).values_list("account__slug", "state", "reason")
        raise AssertionError(f"still moving: {[(self.scenes[int(s[4:]) - 1].case.name, a, r) for s, a, r in left]}")

    # --- callbacks --------------------------------------------------------------------------------------------

    def take_callbacks(self, mailbox: Mailbox) -> None:
        """WeChat's events come into `mailbox`."""
        self.mailbox = mailbox
        place = mailbox.url.rpartition("/")[0]
        for scene in self.scenes:
            account = scene.account
            accounts.set_credential(account, "callback_token", Secret(TOKEN), actor="test", now=NOW)
            Account.objects.filter(pk=account.pk).update(options=account.options | {"callback_mode": "plain"})
            callback = {"url": f"{place}/{account.slug}?slug={account.slug}", "token": TOKEN, "mode": "plain"}
            change = {"platform": "wechat", "account": scene.platform_id, "set": {"callback": callback}}
            self.post("accounts/change", change)

    def deliver(self) -> None:
        """Hand on what has come in."""
        if self.mailbox is None:
            return
        taken, self.mailbox.letters[:] = list(self.mailbox.letters), []
        for query, body in taken:
            reply = callbacks.receive(query.pop("slug"), "POST", query, body, now=wall())
            assert reply is not None
            assert reply.status == 200

    def _forge(self) -> None:
        """Somebody who knows the number of the job, but not the account's token, reports that it failed."""
        for scene in self.scenes:
            for publication in scene.publications if scene.case.fault == FORGED else ():
                for token in ("", "not-the-token"):
                    query, body = _forgery(scene, publication, token)
                    before = (publication.state, publication.fence)
                    reply = callbacks.receive(scene.account.slug, "POST", query, body, now=wall())
                    assert reply is not None
                    assert reply.status != 200, "a forged event was taken"
                    publication.refresh_from_db()
                    assert (publication.state, publication.fence) == before


def _options(case: Case, platform_id: str) -> dict[str, str]:
    if case.mode == SHARE:
        return {"app_key": "key", "uid": platform_id, "safe_domain": "www.hedong.gov.cn", "rip": "203.0.113.7"}
    return {"app_id": platform_id, "account_type": "subscription"}


def _credentials(case: Case, slug: str) -> dict[str, Secret]:
    if case.mode == SHARE:
        return {"access_token": Secret(f"2.00{slug}")}  # pasted: asked about at the platform when it is first used
    return {"app_secret": Secret("wechat-secret")}


def _spec(scene: Scene, call: str, fault: str, times: int, args: dict[str, Any]) -> dict[str, Any]:
    spec = {"platform": scene.case.platform, "account": scene.platform_id, "call": call, "fault": fault}
    return spec | {"times": times, "args": args}


def _forgery(scene: Scene, publication: Publication, token: str) -> tuple[dict[str, str], bytes]:
    if scene.case.mode == MASS:
        name, content = "MASSSENDJOBFINISH", {"MsgID": publication.ids.get("msg_id", "1"), "Status": "err(20001)"}
    else:
        info = {"publish_id": publication.ids.get("publish_id", "1"), "publish_status": 3}
        name, content = "PUBLISHJOBFINISH", {"PublishEventInfo": info}
    now = wall().timestamp()
    callback = {"url": "http://127.0.0.1/callback", "token": token, "mode": "plain"}
    owner = {"id": scene.platform_id, "gh_id": "gh_rehearsal0001"}
    url, body, _ = letters.sealed(callback, owner, {"name": name, "content": content, "at": int(now)}, now)
    query = dict(pair.split("=", 1) for pair in urlsplit(url).query.split("&"))
    if not token:
        del query["signature"]
    return query, body


# --- the road, and the callers' patience -----------------------------------------------------------------------


class Road(Launcher):
    """The real launcher; for some shots the platform's address has gone bad since they were prepared."""

    stage: ClassVar[Stage]

    def __init__(self, shots: Iterable[Shot], *, ca_file: Any) -> None:
        super().__init__([self._led(shot) for shot in shots], ca_file=ca_file, resolve=lookup)

    def _led(self, shot: Shot) -> Shot:
        publication = Publication.objects.only("account_id").get(pk=int(shot.key))
        scene = self.stage._by_account[publication.account_id]
        case = scene.case
        if case.fault not in ROADS or case.call != "publish" or (not case.forever and scene.struck >= case.times):
            return shot
        scene.struck += 1
        parts = urlsplit(shot.request.url)
        url = shot.request.url.replace(f"{parts.scheme}://{parts.netloc}", self.stage._refuser.base(case.fault), 1)
        return Shot(shot.key, dataclasses.replace(shot.request, url=url))


_lookup = socket.getaddrinfo


def lookup(host: Any, *given: Any, **more: Any) -> list[Any]:
    """The name server: it does not know `.invalid`."""
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return list(_lookup(host, *given, **more))


class PatientHttp(http.Http):
    """`Http` that does not really wait between repeated reads, and gives up early where the fault is slowness."""

    slow: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, ports: Ports, **given: Any) -> None:
        account = getattr(ports, "_account").pk  # noqa: B009 - a test looks behind the protocol
        haste = IMPATIENT if account in self.slow else {}
        counted = getattr(given.get("sleep"), "__self__", None)  # Weibo counts a repeated read, then waits
        super().__init__(ports, **given | {"sleep": lambda _: counted.spend() if counted else None} | haste)


@contextmanager
def playing(
    server: RehearsalServer, office: Office, cases: Sequence[Case], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """The stage with its road and its callers; `stage.play()` is the play."""
    refuser = Refuser()
    stage = Stage(server, office, cases, refuser)
    Road.stage = stage
    slow = frozenset(scene.account.pk for scene in stage.scenes if scene.case.fault in SLOW)
    monkeypatch.setattr(PatientHttp, "slow", slow)
    monkeypatch.setattr("bot.channels.wechat.adapter.Http", PatientHttp)
    monkeypatch.setattr("bot.channels.weibo.calls.Http", PatientHttp)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(sending, "Launcher", Road)
    monkeypatch.setattr(sending, "LATE_PREPARATION", timedelta(seconds=0.3))
    if slow:
        monkeypatch.setattr(timeline, "ANSWER_WITHIN", timedelta(seconds=1.5))
    if {case.fault for case in cases} & set(ROADS):
        monkeypatch.setattr(timeline, "SEND_BY", timedelta(seconds=2))
    try:
        yield stage
    finally:
        refuser.close()


def quick_sqlite(**given: Any) -> None:
    """No power is cut here: commits need not wait for the disk."""
    connection = given["connection"]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA journal_mode=MEMORY")


@contextmanager
def quick_commits() -> Iterator[None]:
    """Connections opened meanwhile, on SQLite, do not wait for the disk."""
    connection_created.connect(quick_sqlite)
    try:
        yield
    finally:
        connection_created.disconnect(quick_sqlite)


# --- what the judge is given -----------------------------------------------------------------------------------


@dataclass
class Seen:
    """What the platforms' own journal and effects say of one account."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def public(self) -> list[dict[str, Any]]:
        return [line for line in self.calls if line["call"] in PUBLIC]

    @property
    def counts(self) -> Counter[str]:
        return Counter(line["call"] for line in self.calls)


def seen_by(stage: Stage) -> dict[int, Seen]:
    """By number of the scene."""
    numbers = {scene.platform_id: scene.number for scene in stage.scenes}
    found = {scene.number: Seen() for scene in stage.scenes}
    for line in stage.get("journal"):
        if line["account"] in numbers:
            found[numbers[line["account"]]].calls.append(line)
    for line in stage.get("effects"):
        if line["account"] in numbers:
            found[numbers[line["account"]]].effects.append(line)
    return found


def fired(publication: Publication) -> list[Batch]:
    """The batches that this publication's attempts were made in."""
    return [attempt.batch for attempt in publication.attempts.select_related("batch").order_by("number")]
