"""The platforms, as far as a publisher can tell: what they take, when it shows, what they answer, what goes wrong.

Each keeps its own journal: `journal` (requests whose bytes arrived) and `items` (what followers see). The checker
believes these and nothing that the product says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

from bot.domain.channel import Absent, Doubled, Failed, Pending, PositionReceipt, Receipt, Unclear

from .rows import Account, Publication
from .verdicts import WINDOW, Answer
from .world import BASE, MINUTE, MS, SECOND, Process, World

Look = Receipt | Pending | Absent | Failed | Unclear
QUIET = 120 * SECOND
_GONE: Answer = ("code", 40007)


class Request:
    """One public request whose bytes arrived."""

    __slots__ = ("clean", "draft", "effect", "hashes", "key", "probe", "process", "publication", "t")

    def __init__(
        self, t: int, publication: int, key: str, hashes: tuple[str, ...], draft: str, process: Process, probe: bool
    ) -> None:
        self.t, self.publication, self.key, self.hashes, self.draft = t, publication, key, hashes, draft
        self.process, self.probe = process, probe
        self.clean = False  # the platform answered, and its answer proves that nothing came of it
        self.effect = False


class Item:
    """One public thing on the account."""

    __slots__ = ("changed_at", "deleted", "hashes", "name", "publication", "request", "shows", "t")

    def __init__(self, t: int, shows: int, name: str, request: Request, hashes: tuple[str, ...]) -> None:
        self.t, self.shows, self.name, self.request = t, shows, name, request
        self.publication, self.hashes = request.publication, hashes
        self.changed_at = -1  # when somebody altered the draft it came from
        self.deleted = False  # taken down by a person, who was told that there are two


class Draft:
    """A WeChat draft."""

    __slots__ = ("busy", "changed_at", "gone", "hashes", "publication", "t")

    def __init__(self, t: int, publication: int, hashes: tuple[str, ...]) -> None:
        self.t, self.publication, self.hashes = t, publication, hashes
        self.gone, self.busy, self.changed_at = False, 0, -1


class Faults:
    """How often what goes wrong on the public call."""

    __slots__ = ("connect", "rate", "reads", "slow")

    def __init__(self, rate: float, reads: float, connect: float, slow: float) -> None:
        self.rate, self.reads, self.connect, self.slow = rate, reads, connect, slow


class Platform(ABC):
    """What all three have in common."""

    TOKEN: Answer = ("code", 40001)
    FULL: Answer = ("code", 45009)
    BUSY: Answer = ("code", -1)

    def __init__(self, world: World, account: Account, faults: Faults) -> None:
        self.world, self.account, self.faults = world, account, faults
        self.journal: list[Request] = []
        self.items: list[Item] = []
        self.drafts: dict[str, Draft] = {}
        self.bad_tokens = 0
        self.count = 100
        self.owned_lag = 0
        self.callback: Callable[[Platform, str, str, Any], None] | None = None

    def number(self) -> int:
        """The next platform id."""
        self.count += 1
        return self.count

    def submit(self, request: Request) -> tuple[int, Answer | None, dict[str, str]]:
        """The bytes arrive: (delay of the answer in ms, the answer or None, its ids). Effects may come later."""
        world, random, rate = self.world, self.world.random, self.faults.rate
        self.journal.append(request)
        latency = 20 + int(random() * 280)
        if self.bad_tokens > 0:
            self.bad_tokens -= 1
            request.clean = True
            return latency, self.TOKEN, {}
        chance = random()
        if chance >= rate:
            if random() < self.faults.slow:
                latency = 1000 + int(random() * 11_000)
            return self._taken(request, latency)
        return self._faulty(request, chance / rate, latency, world)

    def _taken(self, request: Request, latency: int) -> tuple[int, Answer, dict[str, str]]:
        answer, ids = self.take(request)
        request.clean = answer[0] == "code" and not request.effect and answer[1] not in (45065, 45066, 40007, 20019)
        return latency, answer, ids

    def _faulty(
        self, request: Request, which: float, latency: int, world: World
    ) -> tuple[int, Answer | None, dict[str, str]]:
        slow = latency if world.random() < 0.5 else 16 * SECOND  # cut off, or silence until we stop waiting
        if which < 0.14:
            world.tell("  fault: lost before any effect")
            return slow, None, {}
        if which < 0.36:
            world.tell("  fault: taken, answer lost")
            self.take(request)
            return slow, None, {}
        if which < 0.56:
            late = world.between(1, 110 if world.random() < 0.15 else 40) * SECOND
            world.tell(f"  fault: answer lost, effect {late // 1000} s late")
            world.at(world.t + late, lambda: self._late(request))
            return slow, None, {}
        if which < 0.78:
            odd: Answer = (("http", 502), ("garbage",), self.BUSY)[int(world.random() * 3)]
            world.tell(f"  fault: {odd}")
            if world.random() < 0.5:
                self.take(request)
            return latency, odd, {}
        request.clean = True
        if which < 0.92:
            self.bad_tokens = 0 if world.random() < 0.6 else (1 if world.random() < 0.8 else 99)
            world.tell(f"  fault: token refused, {self.bad_tokens} more")
            return latency, self.TOKEN, {}
        world.tell("  fault: quota")
        return latency, self.full(), {}

    def _late(self, request: Request) -> None:
        self.world.tell(f"  late effect of publication {request.publication}")
        self.take(request)

    def full(self) -> Answer:
        """A quota is used up."""
        return self.FULL

    @abstractmethod
    def take(self, request: Request) -> tuple[Answer, dict[str, str]]:
        """The platform's own code runs."""

    @abstractmethod
    def look(self, publication: Publication, evidence: dict[str, Any], host_now: datetime) -> Look:
        """bot/channels/*/looking.look over what the platform shows."""

    def public(self, request: Request, t: int, hashes: tuple[str, ...], lag: int) -> Item:
        """Followers see it from now on; reads show it a little later."""
        item = Item(t, t + lag, str(self.number()), request, hashes)
        self.items.append(item)
        self.world.tell(f"  PUBLIC: publication {request.publication} as {item.name}")
        return item

    def stage(self, publication: Publication, previous: dict[str, Any], *, keep: bool = False) -> dict[str, Any] | None:
        """bot/channels/wechat/staging.Stager.stage: the earlier draft where it stands and is equal, else a new one.

        None with `keep`, where it does not stand: an act may have consumed it.
        """
        hashes = tuple(edition.hash for edition in publication.editions)
        draft = self.drafts.get(previous.get("draft", ""))
        if draft is not None and not draft.gone and draft.hashes == hashes:
            return previous
        if keep and previous.get("draft"):
            return None
        if draft is not None:
            draft.gone = draft.gone or not draft.busy
        name = f"draft{self.number()}"
        self.drafts[name] = Draft(self.world.t, publication.pk, hashes)
        self.world.tell(f"  {name} of publication {publication.pk}")
        return {"draft": name}

    def newest_own_id(self) -> str:
        """Kept with the intent."""
        return ""

    def _lag(self) -> int:
        return self.owned_lag and int(self.world.random() * self.owned_lag)


def _doubled(evidence: dict[str, Any], items: list[Item]) -> Doubled:
    return Doubled(
        "公众号上有不止一篇同样的文章。",
        urls=tuple(f"https://p.example/{item.name}" for item in items),
        ids=dict(evidence["ids"]),
    )


def _receipt(publication: Publication, ids: dict[str, str], act: str, item: Item) -> Receipt:
    places = tuple(
        PositionReceipt(f"{act}_{number}", f"https://p.example/{act}/{number}", BASE + MS * item.t)
        for number in range(1, len(publication.editions) + 1)
    )
    return Receipt(ids, places)


class Job:
    """What WeChat does with an accepted request."""

    __slots__ = ("done", "failed", "item", "name", "request", "t")

    def __init__(self, t: int, name: str, request: Request) -> None:
        self.t, self.name, self.request = t, name, request
        self.done, self.failed = -1, False
        self.item: Item | None = None


class WeChat(Platform):
    """Drafts, jobs, events."""

    NAME = ""
    EVENT = ""

    def __init__(self, world: World, account: Account, faults: Faults, manner: str, early: bool) -> None:
        """`early`: the draft leaves the box when the job is accepted, else when it is done."""
        super().__init__(world, account, faults)
        self.manner, self.early = manner, early
        self.jobs: dict[str, Job] = {}
        self.failing = 0.04
        self.slow = 0.0  # how often a job takes longer than all looks for it
        self.slowness = Random(f"slow jobs {world.seed}")  # its own: what other seeds play is not moved by it

    def _changed(self, draft: Draft) -> bool:
        return draft.changed_at >= 0 and "draft_change" not in self.world.without

    def accept(self, request: Request, draft: Draft) -> tuple[Answer, dict[str, str]]:
        """A job begins."""
        world = self.world
        request.effect = True
        job = Job(world.t, str(self.number()), request)
        self.jobs[job.name] = job
        draft.busy += 1
        draft.gone = draft.gone or self.early
        job.failed = world.random() < self.failing
        span = 300 + int(world.random() * (20 if world.random() < 0.9 else 60) * SECOND)
        if self.slow and self.slowness.random() < self.slow:
            span = int((11 + self.slowness.random() * 109) * MINUTE)
        world.tell(f"  job {job.name} of publication {request.publication}")
        world.at(world.t + span, lambda: self.finish(job, draft))
        return ("ok",), {self.NAME: job.name}

    def finish(self, job: Job, draft: Draft) -> None:
        """It is public, or failed; an event says so, soon, twice, or never."""
        world = self.world
        job.done = world.t
        draft.busy -= 1
        if job.failed:
            world.tell(f"  job {job.name} failed")
            draft.gone = False
            outcome: Any = Failed("3", "平台处理失败，没有发布。")
        else:
            draft.gone = True
            job.item = self.public(job.request, world.t, draft.hashes, self._lag())
            job.item.changed_at = draft.changed_at
            outcome = "receipt"
        if self.callback is not None:
            self.callback(self, self.NAME, job.name, outcome)


class Mass(WeChat):
    """message/mass/sendall: a key that is remembered for 24 hours."""

    NAME = "msg_id"

    def __init__(self, world: World, account: Account, faults: Faults, manner: str, early: bool, limit: int) -> None:
        """`manner`: what answers a replay of a send that did go out: 45065, 45028 or 40007."""
        super().__init__(world, account, faults, manner, early)
        self.left = limit
        self.keys: dict[str, tuple[Job, int]] = {}

    def full(self) -> Answer:
        return ("code", 45028)

    def take(self, request: Request) -> tuple[Answer, dict[str, str]]:
        known = self.keys.get(request.key)
        if known is not None:
            job, tried = known
            self.keys[request.key] = (job, self.world.t)
            if self.manner == "45028" and self.left <= 0:
                return ("code", 45028), {}
            if self.manner == "40007" and self.drafts[job.request.draft].gone:
                return _GONE, {}
            if self.world.t - tried < MINUTE:
                return ("code", 45066), {}
            return ("code", 45065), {"msg_id": job.name}
        draft = self.drafts.get(request.draft)
        if draft is None or draft.gone:
            return _GONE, {}
        if self.left <= 0:
            return ("code", 45028), {}
        self.left -= 1
        answer, ids = self.accept(request, draft)
        self.keys[request.key] = (self.jobs[ids["msg_id"]], self.world.t)
        return answer, ids

    def look(self, publication: Publication, evidence: dict[str, Any], host_now: datetime) -> Look:
        msg_id = evidence["ids"].get("msg_id", "")
        if not msg_id:
            draft = self.drafts.get(evidence["staged"].get("draft", ""))
            if draft is not None and not draft.gone and self._changed(draft):
                return Unclear("公众平台上的草稿被人改过。", needs_person=True)
            return Absent("没有群发编号可查，需用原编号再问一次（平台不会重复群发）。")
        job = self.jobs.get(msg_id)
        if job is None:
            return Unclear("微信没有给出群发状态，系统会再查。")
        if job.done < 0 or job.done > self.world.t - self._lag():
            return Pending(evidence["ids"], "微信正在群发。")
        if job.failed or job.item is None:
            return Failed("SEND_FAIL", "微信报告群发失败，没有送达。")
        return _receipt(publication, evidence["ids"], msg_id, job.item)


class Freepublish(WeChat):
    """freepublish/submit: no key; the draft is all there is."""

    NAME = "publish_id"

    def take(self, request: Request) -> tuple[Answer, dict[str, str]]:
        """`manner`: a second submit while the first is at work: a (publishes twice), b (40007), c (53501)."""
        draft = self.drafts.get(request.draft)
        if draft is None:
            return _GONE, {}
        if draft.busy:
            if self.manner == "c":
                return ("code", 53501), {}
            if self.manner == "b":
                return _GONE, {}
        elif draft.gone:
            return _GONE, {}
        return self.accept(request, draft)

    def look(self, publication: Publication, evidence: dict[str, Any], host_now: datetime) -> Look:
        ids = evidence["ids"]
        job = self.jobs.get(ids.get("publish_id", ""))
        if job is None:
            return self._by_marker(publication, evidence, host_now)
        if job.done < 0 or job.done > self.world.t - self._lag():
            return Pending(ids, "微信正在发布。")
        if job.failed or job.item is None:
            return self._counted(publication, evidence, Failed("3", "平台处理失败，没有发布。"))
        return self._counted(publication, evidence, self._read_back(publication, evidence, job.item))

    def _ours(self, publication: Publication, evidence: dict[str, Any]) -> list[Item]:
        t = self.world.t - self._lag()
        earliest = -((BASE - evidence["first_at"]) // MS) - 5 * MINUTE
        return [
            item for item in self.items
            if item.publication == publication.pk and item.shows <= t and item.t >= earliest
            and f"{item.name}_1" not in evidence["owned"] and not item.deleted
        ]  # fmt: skip

    def _counted(self, publication: Publication, evidence: dict[str, Any], found: Look) -> Look:
        """bot/channels/wechat/looking._counted: what was sent twice is counted."""
        if evidence["submits"] < 2 or not isinstance(found, Receipt | Failed) or "counting" in self.world.without:
            return found
        ours = self._ours(publication, evidence)
        if len(ours) > 1:
            return _doubled(evidence, ours)
        return self._read_back(publication, evidence, ours[0]) if isinstance(found, Failed) and ours else found

    def _by_marker(self, publication: Publication, evidence: dict[str, Any], host_now: datetime) -> Look:
        found = self._ours(publication, evidence)
        if len(found) > 1 and "counting" not in self.world.without:
            return _doubled(evidence, found)
        if found:
            return self._read_back(publication, evidence, found[0])
        draft = self.drafts.get(evidence["staged"].get("draft", ""))
        if draft is not None and not draft.gone:
            if self._changed(draft):
                return Unclear("公众平台上的草稿被人改过。", needs_person=True)
            return Absent("草稿还在，已发布列表里没有这篇文章。")
        early = (host_now - evidence["sent_at"]) // MS < QUIET
        return Unclear("草稿已经不在，但已发布列表里也没有这篇文章。", needs_person=not early)

    def _read_back(self, publication: Publication, evidence: dict[str, Any], item: Item) -> Look:
        if item.hashes != tuple(edition.hash for edition in publication.editions):
            return Unclear("文章已经公开，但文字与批准的不一致。", needs_person=True)
        return _receipt(publication, {**evidence["ids"], "article_id": item.name}, item.name, item)


class Weibo(Platform):
    """statuses/share: no key, a similarity filter that is no promise, a timeline of five."""

    TOKEN = ("code", 21332)
    FULL = ("code", 10023)
    BUSY = ("code", 10001)

    def __init__(self, world: World, account: Account, faults: Faults, filters: bool) -> None:
        super().__init__(world, account, faults)
        self.filters = filters
        self.others: list[int] = []  # when other posts of the account appear

    def full(self) -> Answer:
        return ("code", 20016 if self.world.random() < 0.5 else 10023)

    def take(self, request: Request) -> tuple[Answer, dict[str, str]]:
        world = self.world
        if self.filters and any(item.hashes == request.hashes for item in self.items):
            return ("code", 20019), {}
        request.effect = True
        if world.random() < 0.06:
            world.at(world.t + world.between(55, 110) * SECOND, lambda: self._appear(request))
            return ("code", 20032), {}
        return ("ok",), {"idstr": self._appear(request).name, "uid": "77"}

    def _appear(self, request: Request) -> Item:
        return self.public(request, self.world.t, request.hashes, self._lag())

    def look(self, publication: Publication, evidence: dict[str, Any], host_now: datetime) -> Look:
        t = self.world.t - self._lag()
        shown = self._timeline(t, int(evidence["since"] or 0))
        idstr = evidence["ids"].get("idstr", "")
        if not idstr:
            return self._for_text(publication, evidence, shown)
        found = next((item for item in shown if item is not None and item.name == idstr), None)
        if found is None:
            found = next((item for item in self.items if item.name == idstr and item.shows <= t), None)
        if found is not None:
            return self._judged(publication, found)
        if (host_now - evidence["sent_at"]) // MS <= 3 * MINUTE:
            return Pending(evidence["ids"], "微博已受理，时间线上还没有出现。")
        return Failed("20101", "平台上已找不到这条微博。", gone=True)

    def _timeline(self, t: int, since: int) -> list[Item | None]:
        """The five newest own posts; None: somebody else's."""
        posts: list[tuple[int, Item | None]] = [(item.t, item) for item in self.items if item.shows <= t]
        posts += [(other, None) for other in self.others if other <= t]
        posts.sort(key=lambda post: -post[0])
        return [post for _, post in posts[:WINDOW] if post is None or int(post.name) > since]

    def _for_text(self, publication: Publication, evidence: dict[str, Any], shown: list[Item | None]) -> Look:
        earliest = -((BASE - evidence["sent_at"]) // MS) - MINUTE
        recent = [item for item in shown if item is None or item.t >= earliest]
        wanted = publication.editions[0].hash
        equal = [
            item for item in recent
            if item is not None and item.hashes == (wanted,) and f"{item.name}_1" not in evidence["owned"]
        ]  # fmt: skip
        if len(equal) > 1:
            return Unclear("时间线上有几条内容相同的微博，可能重复发布。", needs_person=True)
        if equal:
            return self._judged(publication, equal[0])
        if len(recent) >= WINDOW:
            return Unclear("发送之后账号又有 5 条以上新微博，无法判断本条是否已发出。", needs_person=True)
        return Absent("这次在账号时间线上没有找到本条微博。")

    def _judged(self, publication: Publication, item: Item) -> Look:
        return _receipt(publication, {"idstr": item.name, "uid": "77"}, item.name, item)

    def newest_own_id(self) -> str:
        return str(max((int(item.name) for item in self.items), default=0))

    def stage(self, publication: Publication, previous: dict[str, Any], *, keep: bool = False) -> dict[str, Any] | None:
        del keep
        return {"picture": publication.key}
