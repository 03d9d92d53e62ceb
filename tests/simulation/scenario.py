"""What one seed plays: who releases what when, what breaks, what people do."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.sync import Then

from . import people, portal
from .people import Diary
from .platforms import Faults, Freepublish, Mass, Platform, Weibo
from .rows import Account, Database, Edition, Publication, Release
from .verdicts import MASS, PUBLISH, SHARE, SPACING
from .working import clock, deliver
from .world import BASE, MINUTE, MS, SECOND, Host, Process, World

STEPS = (3_600_000, -3_600_000, 500, -500, 5_000, -5_000)
ACTS = ("hold", "cancel", "freeze", "revoke", "supersede", "void", "revoke", "freeze", "hold", "cancel")
GATED = 0.25
ODD = 0.01  # of the runs: a clock that is ahead just when the page is asked for
SLOW_JOBS = 0.05  # of WeChat's jobs: longer than all looks for them, so that another one may be begun meanwhile
SHAPES = ("lane", "lane", "mass+share", "publish+share", "mass", "publish", "publish", "share", "share", "two")


class Scenario:
    """One run: built from the seed, then played by the world."""

    __slots__ = (
        "calm", "diary", "doorless", "gates", "instants", "odd", "odd_clock", "resends", "seed", "shape", "t", "unready", "world",
    )  # fmt: skip

    def __init__(self, seed: int, without: frozenset[str] = frozenset(), *, trace: bool = False) -> None:
        self.seed = seed
        world = self.world = World(seed)
        world.story = [] if trace else None
        world.scenario, world.without = self, without
        world.db = Database(world)
        self.diary = Diary()
        self.unready: list[tuple[int, int]] = []
        self.resends: dict[int, int] = {}
        self.instants: dict[int, int] = {}  # true time of the signed instants
        self.gates = Random(f"portal gate {seed}")  # its own: what a seed without a gate plays is not moved by gates
        random = world.random
        chance = random()
        self.calm = chance < 0.03
        self.doorless = chance < 0.05  # nothing breaks, but no bell is ever heard
        self.t = world.between(95, 200) * SECOND if random() < 0.5 else world.between(95, 660) * SECOND
        self.shape = SHAPES[int(random() * len(SHAPES))]
        self.odd = Random(f"odd clocks {seed}")  # its own, for the same reason
        self.odd_clock = ""
        if not self.doorless and self.odd.random() < ODD:
            self.odd_clock = "of a second machine" if self.odd.random() < 0.5 else "while it looks"
        self._weather()
        self._accounts()
        self._hosts()
        failing, world.db_faults = world.db_faults, 0.0
        for release in world.db.releases:
            people.sign(world, world.hosts[0], release)
        world.db_faults = failing
        for index in range(1 if random() < 0.5 and self.odd_clock != "of a second machine" else 2):
            self._clock(index, int(random() * SECOND))
        if not self.doorless:
            self._people()
            self._tampering()

    # --- the world -------------------------------------------------------------------------------------------

    def _weather(self) -> None:
        world, random = self.world, self.world.random
        world.end = self.t + 24 * 60 * MINUTE  # two hosts whose clocks stand two hours apart look once in two hours
        if self.doorless:
            world.bells = 0.0 if self.calm else 1.0
            return
        world.kill = (0.0, 0.03, 0.06, 0.06, 0.12)[int(random() * 5)]
        world.pause = (0.0, 0.03, 0.03, 0.06)[int(random() * 4)]
        world.calm_at = self.t + 40 * MINUTE
        world.db_faults = 0.01 if random() < 0.2 else 0.0
        world.bells = (0.0, 0.0, 0.0, 0.2, 1.0)[int(random() * 5)]
        world.slots = {"send": world.between(1, 4), "work": world.between(1, 3)}
        if random() < 0.04:
            world.fails_over = True
            world.at(self.t + world.between(-12, 6) * SECOND, world.lose_locks)

    def _hosts(self) -> None:
        world, random = self.world, self.world.random
        for boot in range(1 if random() < 0.85 else 2):
            steps = [(0, 0)]
            if not self.doorless and random() < 0.2:
                at = self.t + (world.between(-20_000, 2_000) if random() < 0.5 else world.between(-90, 600) * SECOND)
                steps.append((max(1, at), STEPS[int(random() * len(STEPS))]))
                if random() < 0.4:
                    steps.append((steps[-1][0] + world.between(1, 900) * SECOND, 0))
            for at, _ in steps[1:]:
                world.at(at, world.poke)  # a clock process ticks on all the time, and sees the jump
            world.hosts.append(Host(world, boot, steps))
        if self.odd_clock == "of a second machine":
            self._ahead_since_its_start()
        elif self.odd_clock == "while it looks":
            self._ahead_when_it_looks()

    def _ahead_since_its_start(self) -> None:
        """A second machine that has asked no platform yet, and a release that goes when the wait for its page is over: the page
        comes late, and the wait is over by that machine's clock alone."""
        world, chance = self.world, self.odd.random
        world.hosts[1:] = [Host(world, 1, [(0, 3_600_000), (self.t + int(chance() * 5 * MINUTE), 0)])]
        world.at(world.hosts[1].steps[1][0], world.poke)
        self._wait(300, Then.GO, lambda gate: [(gate.t + int(chance() * 5 * MINUTE), portal.FOREVER)])

    def _ahead_when_it_looks(self) -> None:
        """A clock that shows T's last minute, sees the page, and is set right; the page is gone before T. Until then half of
        all steps kill the asker: its lease keeps others from a look, or nobody ends one."""
        world, between = self.world, self.odd.randint
        left = between(17, 50) * SECOND  # until T by the clock that is ahead, when it is set right
        least = left + 10 * SECOND
        right = self.t - between(least, max(least, min(self.t - 20 * SECOND, left + 4 * MINUTE)))
        ahead = self.t - left - right
        since = max(1, right - between(20, 60) * SECOND)
        world.hosts[0] = Host(world, 0, [(0, 0), (since, ahead), (right, 0)])
        for at in (since, right):
            world.at(at, world.poke)
        world.doomed = lambda one: one.name.startswith("gate") and right <= world.t < self.t and self.odd.random() < 0.5
        gone = right + between(0, 10 * SECOND)
        self._wait(300, Then.HOLD, lambda gate: [(0, gone)])

    def _wait(self, seconds: int, then: Then, spans: Callable[[portal.Gate], list[tuple[int, int]]]) -> None:
        """What the first release waits for."""
        gate = self.world.db.releases[0].gate
        gate.policy = portal.policy(seconds, then)
        gate.page.spans = spans(gate)
        gate.page.failing = gate.page.slow = 0.0
        gate.page.tags = "none"

    def _accounts(self) -> None:
        world, random = self.world, self.world.random
        modes = {
            "lane": ("share",), "mass+share": ("mass", "share"), "publish+share": ("publish", "share"),
            "mass": ("mass",), "publish": ("publish",), "share": ("share",), "two": ("share",),
        }[self.shape]  # fmt: skip
        posts = world.between(2, 3) if self.shape == "lane" else 1
        if len(modes) > 1 and random() < 0.3:
            posts = 2
        for name in modes:
            self._account(name)
        self._release(posts, 0)
        if self.shape == "two":
            self._release(1, int(random() * 4) * SECOND)

    def _account(self, name: str) -> None:
        world, random, db = self.world, self.world.random, self.world.db
        mode = {"mass": MASS, "publish": PUBLISH, "share": SHARE}[name]
        account = Account(len(db.accounts) + 1, mode, SPACING[name])
        quiet = self.doorless
        faults = Faults(*((0.0, 0.0, 0.0, 0.0) if quiet else (0.36, 0.1, 0.1, 0.03)))
        platform: Platform
        if name == "mass":
            manner = ("45065", "45065", "45028", "40007")[int(random() * 4)]
            platform = Mass(world, account, faults, manner, random() < 0.7, 1 if random() < 0.6 else 4)
        elif name == "publish":
            platform = Freepublish(world, account, faults, "abc"[int(random() * 3)], random() < 0.5)
        else:
            platform = Weibo(world, account, faults, random() < 0.7)
        if quiet:
            platform.__dict__["failing"] = 0.0
        elif isinstance(platform, Freepublish):
            platform.slow = SLOW_JOBS
        platform.callback = lambda *news: deliver(world, *news)
        platform.owned_lag = 0 if quiet or random() < 0.3 else 20 * SECOND
        account.platform = platform
        db.accounts.append(account)
        world.platforms.append(platform)

    def _release(self, posts: int, later: int) -> None:
        db = self.world.db
        release = Release(len(db.releases) + 1)
        db.releases.append(release)
        editions = tuple(Edition(len(db.editions) + index + 1) for index in range(posts))
        db.editions.extend(editions)
        instant = BASE + MS * (self.t + later)
        if self.gates.random() < GATED or self.odd_clock:
            portal.attach(db, release, instant, self.t + later, self.gates, calm=self.doorless)
            self._try_the_gate(release)
        for account in db.accounts:
            size = account.mode.max_posts
            step = (account.spacing + SECOND * MS) if size == 1 else SECOND * MS
            groups = [editions[start : start + size] for start in range(0, len(editions), size)]
            for lane, group in enumerate(groups):
                pk = len(db.publications) + 1
                db.publications[pk] = Publication(pk, release, account, lane, instant + lane * step, group)
                db.attempts[pk] = []
                self.instants[pk] = self.t + later + lane * (step // MS)
                release.publications.append(pk)

    # --- processes that live on --------------------------------------------------------------------------------

    def _clock(self, index: int, delay: int) -> None:
        world = self.world
        host = world.hosts[index % len(world.hosts)]
        process = Process(f"clock {index}", host, None)
        process.clock = index
        process.gen = clock(world, process)
        world.clocks.append(process)
        world.start(process, delay)

    def restart(self, process: Process) -> None:
        """The supervisor starts a dead clock again."""
        self.world.clocks.remove(process)
        self._clock(process.clock, self.world.between(1, 5) * SECOND)

    # --- people --------------------------------------------------------------------------------------------------

    def _people(self) -> None:
        world, random = self.world, self.world.random
        chance = random()
        for _ in range(0 if chance < 0.5 else (1 if chance < 0.8 else 2)):
            what = ACTS[int(random() * len(ACTS))]
            release = world.db.releases[0]
            only = 0 if random() < 0.6 else release.publications[int(random() * len(release.publications))]
            at = self._moment()
            self._plan(at, what, release, only)
            if what == "freeze":
                at += world.between(1, 300) * SECOND
                self._plan(at, "unfreeze", release, 0)
            if what == "void":
                at += world.between(1, 30) * SECOND
                self._plan(at, "sign", release, 0)
            if what in ("hold", "freeze", "void") and random() < 0.7:
                self._plan(at + world.between(1, 300) * SECOND, "resume", release, 0)

    def _moment(self) -> int:
        random = self.world.random
        if random() < 0.5:
            return max(0, self.t + 2 * SECOND - int(random() * 5 * SECOND))
        if random() < 0.6:
            return max(0, self.t - int(random() * 90 * SECOND))
        return self.t + int(random() * 10 * MINUTE)

    def _plan(self, at: int, what: str, release: Release, only: int) -> None:
        world = self.world

        def begin() -> None:
            process = Process(f"person {what}", world.hosts[0], people.act(world, world.hosts[0], what, release, only))
            world.start(process)

        world.at(at, begin)

    def _tampering(self) -> None:
        """Somebody opens a draft in the platform's own pages; others post on the account.

        The more often where a clock is set: a sender that waits for it may hold for long what it has compared.
        """
        world, random = self.world, self.world.random
        tampered = 0.06 if all(len(host.steps) == 1 for host in world.hosts) else 0.3
        for platform in world.platforms:
            if isinstance(platform, Weibo):
                if random() < 0.1:
                    platform.others = [self.t + world.between(0, 200) * SECOND for _ in range(world.between(1, 7))]
            elif random() < tampered:
                near = random() < 0.5  # while a sender that is late, or slept, may hold what it has compared
                at = self.t + (world.between(-3_000, 40_000) if near else world.between(-60, 600) * SECOND)
                world.at(at, lambda platform=platform: self._open_draft(platform))  # type: ignore[misc]

    def _open_draft(self, platform: Platform) -> None:
        world = self.world
        standing = [draft for draft in platform.drafts.values() if not draft.gone and not draft.busy]
        if not standing:
            return
        if world.random() < 0.3:
            world.tell("somebody deletes the draft")
            standing[-1].gone = True
        else:
            world.tell("somebody alters the draft")
            standing[-1].hashes, standing[-1].changed_at = ("altered",), world.t

    # --- what the rows set going -----------------------------------------------------------------------------------

    def moved(self, row: Publication, old: State, new: State) -> None:
        """A state was written: who takes notice."""
        world = self.world
        if row.next_at is not None:
            world.due(row.next_at)
        if new not in (State.STAGING, State.ARMED, State.SENDING) and len(row.release.publications) > 1:
            world.poke()
        if new in FOR_A_PERSON:
            if world.random() < 0.8:
                world.at(world.t + world.between(30, 600) * SECOND, lambda: self._settle(row.pk))
        elif new is State.HELD and world.random() < 0.3:
            at = world.t + world.between(5, 600) * SECOND + (31 * MINUTE if "resumed_late" in world.without else 0)
            self._plan(at, "resume", row.release, row.pk)

    def _try_the_gate(self, release: Release) -> None:
        """Somebody decides although nobody asked."""
        if not self.doorless and self.gates.random() < 0.15:
            at = max(0, self.t + int((self.gates.random() - 0.5) * 4 * MINUTE))
            self._plan(at, "go" if self.gates.random() < 0.7 else "stay", release, 0)

    def time_is_up(self, release: Release) -> None:
        """The wait for the page is over, and a person must choose: soon, late, or never, and may think again."""
        chance, now = self.gates.random, self.world.t
        if chance() < 0.75:
            at = now + int(chance() * (60 if chance() < 0.5 else 900) * SECOND)
            go = chance() < 0.6
            self._plan(at, "go" if go else "stay", release, 0)
            if not go and chance() < 0.4:
                self._plan(at + int(chance() * 5 * MINUTE), "go", release, 0)

    def _settle(self, pk: int) -> None:
        world = self.world
        resends = self.resends.get(pk, 0)
        self.resends[pk] = resends + 1
        host = world.hosts[0]
        world.start(Process(f"settle {pk}", host, people.settle(world, host, pk, resends)))
