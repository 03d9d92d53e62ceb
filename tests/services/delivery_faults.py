"""Everything that a platform, or the road to it, may do to one call: the rows of the fault matrix.

A `Case` is one fault at one kind of call (token, stage, publish, read) of one channel, with a seed that varies what
is left open: how often it strikes, whether the call was executed, where an answer is cut, how many articles there
are. `armed` translates it into faults of the rehearsal platforms; what breaks the road itself (refused, DNS, TLS) is
in `ROADS` and done by the stage (`delivery_matrix`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MASS, PUBLISH, SHARE = "mass", "publish", "share"
CHANNELS = (MASS, PUBLISH, SHARE)
WECHAT = (MASS, PUBLISH)
CALLS = ("token", "stage", "publish", "read")
FOREVER = -1
Armed = tuple[str, dict[str, Any]]

#: (mode, kind of call) -> the platform's calls of that kind.
NAMES = {
    (MASS, "token"): ["stable_token"],
    (MASS, "stage"): ["material/add_material", "draft/add", "draft/get"],
    (MASS, "publish"): ["message/mass/sendall"],
    (MASS, "read"): ["message/mass/get"],
    (PUBLISH, "token"): ["stable_token"],
    (PUBLISH, "stage"): ["material/add_material", "draft/add", "draft/get"],
    (PUBLISH, "publish"): ["freepublish/submit"],
    (PUBLISH, "read"): ["freepublish/get", "freepublish/getarticle"],
    (SHARE, "token"): ["oauth2/get_token_info"],
    (SHARE, "stage"): ["statuses/user_timeline"],
    (SHARE, "publish"): ["statuses/share"],
    (SHARE, "read"): ["statuses/user_timeline"],
}


@dataclass(frozen=True)
class Case:
    """One cell of the matrix, one seed."""

    fault: str
    mode: str
    call: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.fault}/{self.mode}/{self.call}/{self.seed}"

    @property
    def platform(self) -> str:
        return "weibo" if self.mode == SHARE else "wechat"

    @cached_property
    def dice(self) -> random.Random:
        """The same throws for the same name."""
        return random.Random(self.name)

    @property
    def times(self) -> int:
        """How often it strikes: once mostly, twice, or until the end of the release."""
        return {2: 2, 4: FOREVER}.get(self.seed % 7, 1)

    @property
    def forever(self) -> bool:
        return self.times == FOREVER

    @property
    def executed(self) -> bool:
        """Where the fault leaves it open whether the call was executed."""
        return self.seed % 2 == 1

    @property
    def posts(self) -> int:
        """Articles of the message, or posts of the lane."""
        return 2 if self.seed % 7 == 5 else 1

    @property
    def blinks(self) -> bool:
        """The reads fail now and then as well."""
        return self.seed % 7 in {3, 6}

    @cached_property
    def names(self) -> list[str]:
        """The platform's calls that it strikes."""
        found = NAMES[self.mode, self.call]
        return [found[self.seed % len(found)]]


def _same(name: str, **args: Any) -> Callable[[Case], list[Armed]]:
    return lambda case: [(name, args)]


def _perhaps(name: str) -> Callable[[Case], list[Armed]]:
    return lambda case: [(name, {"effect": case.executed})]


def _code(wechat: tuple[int, ...], weibo: tuple[int, ...], *, effect: bool = False) -> Callable[[Case], list[Armed]]:
    def armed(case: Case) -> list[Armed]:
        codes = weibo if case.mode == SHARE else wechat
        return [("error", {"code": codes[case.seed % len(codes)], "effect": effect and case.executed})]

    return armed


def _late(case: Case) -> list[Armed]:
    """40 s late. A call without a public effect is executed when its caller has long given up."""
    if case.call == "publish":
        return [("effect_late", {"seconds": 40}), ("lost_after", {})]
    return [("slow", {"seconds": 0.3, "when": "before"})]


def _cut(case: Case) -> list[Armed]:
    return [("truncate", {"bytes": case.dice.randrange(1, 30)})]


def _away(case: Case) -> list[Armed]:
    return [("redirect", {"status": case.dice.choice([301, 302, 303, 307, 308]), "effect": case.executed})]


def _expired(case: Case) -> list[Armed]:
    if case.mode == SHARE:
        return [("act", {"action": "end_token", "when": "before", "args": {"how": "expired"}})]
    when = "after" if case.call == "token" else "before"
    return [("act", {"action": "expire_token", "when": when})]


def _revoked(case: Case) -> list[Armed]:
    if case.mode == SHARE:
        how = case.dice.choice(["revoked", "withdrawn"])
        return [("act", {"action": "end_token", "when": "before", "args": {"how": how}})]
    when = "after" if case.call == "token" else "before"
    return [("act", {"action": "supersede_token", "when": when})]


def _failing(case: Case) -> list[Armed]:
    """Accepted, and then it comes to nothing."""
    if case.mode == MASS:
        status = case.dice.choice(["err(10001)", "err(20001)", "err(20008)", "err(20013)", "err(30003)"])
        return [("mass", {"seconds": 5, "status": status})]
    return [("publish", {"seconds": 5, "status": 2 + case.seed % 3})]


def _event(mode: str) -> Callable[[Case], list[Armed]]:
    return _same("event", mode=mode)


@dataclass(frozen=True)
class Fault:
    """One row: on which channels and at which calls, and what is armed for it."""

    armed: Callable[[Case], list[Armed]]
    effect: bool | None = None  # whether the call was executed; None: as the seed says
    modes: tuple[str, ...] = CHANNELS
    calls: tuple[str, ...] = CALLS


_NOTHING = _same("")
#: The road itself is broken; nothing of it reaches a server.
ROADS = ("connect_refused", "dns_fails", "tls_fails")
#: Here the caller's patience is what ends the call.
SLOW = ("timeout_before_effect", "timeout_after_effect", "effect_late", "slow_loris")
FORGED = "callback_forged"
AT_SEND = ("publish",)

FAULTS: dict[str, Fault] = {
    "connect_refused": Fault(_NOTHING, effect=False),
    "dns_fails": Fault(_NOTHING, effect=False),
    "tls_fails": Fault(_NOTHING, effect=False),
    "timeout_before_effect": Fault(_same("hang_before", seconds=8), effect=False),
    "timeout_after_effect": Fault(_same("hang_after", seconds=8), effect=True),
    "effect_late": Fault(_late, effect=True),
    "http_500_before_effect": Fault(_same("http_500"), effect=False),
    "http_500_after_effect": Fault(_same("http_500", effect=True), effect=True),
    "http_502_page": Fault(_perhaps("html_502")),
    "empty": Fault(_perhaps("empty")),
    "truncated": Fault(_cut, effect=True),
    "array": Fault(_perhaps("array")),
    "duplicate_keys": Fault(_same("duplicate_keys"), effect=True),
    "bad_utf8": Fault(_same("bad_utf8"), effect=True),
    "slow_loris": Fault(_same("drip", interval=0.05), effect=True),
    "redirected": Fault(_away),
    "token_expired": Fault(_expired),
    "token_revoked": Fault(_revoked),
    "token_expired_twice": Fault(_code((42001,), (21327,))),
    "quota": Fault(_code((45009, 45028, 45011), (10023, 10024, 10022))),
    "busy": Fault(_perhaps("busy")),
    "unlisted_code": Fault(_code((99999, 40999, 61234), (29999, 10999, 21399), effect=True)),
    "key_known": Fault(_code((45065,), (), effect=True), modes=WECHAT),
    "key_too_fast": Fault(_code((45066,), (), effect=True), modes=WECHAT),
    "repeated_without_effect": Fault(_code((), (20019, 20017, 20111)), modes=(SHARE,)),
    "repeated_with_effect": Fault(lambda case: [("error", {"code": 20019, "effect": True})], modes=(SHARE,)),
    "accepted_for_later": Fault(_same("delayed", seconds=90), modes=(SHARE,), calls=AT_SEND),
    "fails_after_acceptance": Fault(_failing, modes=WECHAT, calls=AT_SEND),
    "callback_twice": Fault(_event("double"), modes=WECHAT, calls=AT_SEND),
    "callback_out_of_order": Fault(_event("before_reply"), modes=WECHAT, calls=AT_SEND),
    "callback_of_unknown_id": Fault(_event("unknown_id"), modes=WECHAT, calls=AT_SEND),
    FORGED: Fault(_event("never"), modes=WECHAT, calls=AT_SEND),
}


#: An outage of the call and nothing more: when it is over, everything goes on.
OUTAGES = (
    *ROADS, *SLOW, "http_500_before_effect", "http_500_after_effect", "http_502_page", "empty", "truncated", "array",
    "duplicate_keys", "bad_utf8", "redirected", "busy",
)  # fmt: skip


def took_effect(case: Case) -> bool:
    """Whether the call that was struck was executed all the same."""
    effect = FAULTS[case.fault].effect
    return case.executed if effect is None else effect


def heals(case: Case) -> bool:
    """An outage that passes must end in "live": by itself, by the replay of the key or by the one proved resend.

    A post on Weibo whose call was not executed goes to a person instead: nobody can prove that it was not.
    """
    if case.fault not in OUTAGES or case.fault in SLOW or case.forever:
        return False
    if case.call != "publish" or case.fault in ROADS or took_effect(case):
        return True
    return case.mode == MASS or (case.mode == PUBLISH and case.times == 1)


def cases(fault: str, seeds: int) -> Iterator[Case]:
    """Every case of one fault."""
    row = FAULTS[fault]
    for mode, call, seed in itertools.product(row.modes, row.calls, range(seeds)):
        yield Case(fault, mode, call, seed)


def armed(case: Case) -> list[Armed]:
    """What the rehearsal platforms are told."""
    return [] if case.fault in ROADS else FAULTS[case.fault].armed(case)
