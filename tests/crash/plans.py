"""Which run is which: a number, and with it scene, point, manner of death and platform fault.

The sweep goes round: in each round every point of every scene is struck once. In the first one (`kill`) the victim dies
and the recovery does the rest. In the rounds after it something else happens besides, another thing at each point:

* `twice`: the recovery dies as well, somewhere, and another one does the rest;
* `fault`: the platform loses, delays or garbles something, and the victim dies;
* `rival`: the victim is stopped for a moment while another clock and worker have a turn, then goes on;
* `storm`: a fault, and two deaths;
* `sleep`: the victim is stopped for a quarter of an hour, in which another clock and worker do all they can, then goes on.

After six rounds they repeat with other faults and other second deaths. The same number is always the same run, as long
as the engine has the same points.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from .scenery import SCENES

MORE = ("twice", "fault", "rival", "storm", "sleep")
STOPPED = {"rival", "sleep"}
PUBLIC = {
    "wechat": {"mass": "message/mass/sendall", "publish": "freepublish/submit"},
    "weibo": {"share": "statuses/share"},
}
ORDINARY = {
    "wechat": ("stable_token", "draft/add", "draft/get", "draft/batchget", "material/add_material", "*"),
    "weibo": ("statuses/user_timeline", "statuses/show", "*"),
}
Fault = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One run. `point` counts the victim's points from 0, `second` those of the recovery; None: nobody is struck."""

    number: int
    scene: str
    kind: str
    point: int | None
    second: int | None = None
    faults: tuple[Fault, ...] = ()


class Sweep:
    """All runs over the points that fault-free runs of the scenes had: `traces`, scene -> names of points in order."""

    def __init__(self, traces: Mapping[str, Sequence[str]]) -> None:
        self.traces = traces
        points = [(scene.name, point) for scene in SCENES for point in range(len(traces[scene.name]))]
        step = next(step for step in range(round(len(points) * 0.618), 0, -1) if gcd(step, len(points)) == 1)
        self._order = [points[index * step % len(points)] for index in range(len(points))]  # any range is a fair sample

    @property
    def round_length(self) -> int:
        """Runs in one round."""
        return len(self._order)

    def plan(self, number: int) -> Plan:
        """The run of this number."""
        turn, place = divmod(number, len(self._order))
        (scene, point), kind = self._order[place], "kill" if turn == 0 else MORE[(turn + place) % len(MORE)]
        if kind in STOPPED and in_transaction(self.traces[scene][point]):
            kind = "twice"  # stopped there it would keep the database's lock, which no death does
        chance = random.Random(f"tongfa {number}")
        second = chance.randrange(max(10, len(self.traces[scene]) - point)) if kind in {"twice", "storm"} else None
        return Plan(number, scene, kind, point, second, _faults(scene, chance) if kind in {"fault", "storm"} else ())

    def short(self, count: int, *, offset: int = 0) -> list[Plan]:
        """`count` runs that stand for all: deaths and rivals at the decisive points, then evenly from all rounds.

        Another `offset` takes other decisive points, so that two databases share them.
        """
        decisive = [place for place, (scene, point) in enumerate(self._order) if is_decisive(self.traces[scene][point])]
        deaths = _spread(decisive, count * 2 // 5, offset)
        rivals = [self._as(place, "rival") for place in decisive if not in_transaction(self._name(place))]
        chosen = dict.fromkeys([*deaths, *_spread(rivals, count // 5, offset)])
        rest, total = count - len(chosen), (1 + len(MORE)) * len(self._order)
        for index in range(rest):
            number = total * index // rest + (7 * index + offset) % len(MORE)
            while number in chosen:
                number += 1
            chosen[number] = None
        return [self.plan(number) for number in chosen]

    def gate(self) -> list[Plan]:
        """Runs that any missing guard should be caught by: lost answers; then at each decisive point a death, a rival and
        a fault."""
        decisive = [place for place, (scene, point) in enumerate(self._order) if is_decisive(self.traces[scene][point])]
        numbers = [
            number
            for place in sorted(decisive, key=lambda place: (not is_public(self._name(place)), self._order[place]))
            for number in (place, self._as(place, "rival"), self._as(place, "fault"))
            if number == place or not in_transaction(self._name(place))
        ]
        return [*_lost_answers(), *(self.plan(number) for number in numbers)]

    def _name(self, place: int) -> str:
        scene, point = self._order[place]
        return self.traces[scene][point]

    def _as(self, place: int, kind: str) -> int:
        """The first number of a run of this kind at this place."""
        turn = next(turn for turn in range(1, 1 + len(MORE)) if MORE[(turn + place) % len(MORE)] == kind)
        return turn * len(self._order) + place


def _lost_answers() -> list[Plan]:
    """Nobody dies, and the answer to the public call is lost once; where no key tells one send from the next."""
    return [
        Plan(-10 - index, scene.name, "fault", None, None, tuple(
            {"platform": channel, "call": call, "fault": "lost_after", "times": 1}
            for channel in scene.accounts for call in PUBLIC[channel].values()
        ))
        for index, scene in enumerate(SCENES) if scene.name in {"publish", "weibo"}
    ]  # fmt: skip


def _spread(numbers: Sequence[int], count: int, offset: int) -> list[int]:
    """At most `count` of them, evenly; with another offset others."""
    if len(numbers) <= count:
        return list(numbers)
    return [numbers[(index * len(numbers) // count + offset) % len(numbers)] for index in range(count)]


def is_decisive(name: str) -> bool:
    """Around the intent and around the bytes of the public call."""
    return is_public(name) or ("commit" in name and "attempt" in name)


def is_public(name: str) -> bool:
    """Of the public call itself."""
    return any(call in name for calls in PUBLIC.values() for call in calls.values())


def in_transaction(name: str) -> bool:
    """Whether a process stopped at this point holds the database's lock."""
    return name.startswith("before commit")


def _faults(scene: str, chance: random.Random) -> tuple[Fault, ...]:
    chosen = next(one for one in SCENES if one.name == scene)
    channel = chance.choice(chosen.accounts)
    calls = PUBLIC[channel]
    public = calls[chosen.mode] if channel == "wechat" else calls["share"]
    if chance.random() < 0.7:
        return ({"platform": channel, "call": public, **_public_fault(channel, chosen.mode, chance)},)
    fault = chance.choice(
        ["lost_before", "lost_after", "reset_after", "http_500", "busy", "truncate", "html_502", "empty"]
    )
    times = chance.choice([1, 1, 2, 5])
    return ({"platform": channel, "call": chance.choice(ORDINARY[channel]), "fault": fault, "times": times},)


def _public_fault(channel: str, mode: str, chance: random.Random) -> Fault:
    effect = chance.random() < 0.5
    late = chance.randrange(5, 100)
    common: list[Fault] = [
        {"fault": "lost_before"}, {"fault": "reset_before"}, {"fault": "reset_after"}, *[{"fault": "lost_after"}] * 4,
        {"fault": "truncate"}, {"fault": "plain_text"}, {"fault": "effect_late", "args": {"seconds": late}},
        *({"fault": name, "args": {"effect": effect}} for name in ("empty", "html_502", "http_500", "array", "busy")),
    ]  # fmt: skip
    own: list[Fault]
    if channel == "weibo":
        codes = (21327, 21315, 10022, 10023, 20016, 20019, 20017, 20012, 10001, 99999)
        own = [{"fault": "delayed"}, {"fault": "timeline_lag", "args": {"seconds": late}}, {"fault": "string_code"}]
    elif mode == "mass":
        codes = (40001, 42001, 45009, 45011, 45066, 45028, 48001, 40007, -1, 99999)
        own = [{"fault": "mass", "args": {"seconds": late}}, {"fault": "mass", "args": {"status": "err(20001)"}}]
    else:
        codes = (40001, 42001, 45009, 45011, 53503, 53505, 48001, 40007, -1, 99999)
        own = [{"fault": "publish", "args": {"status": chance.choice([2, 3, 4])}}, {"fault": "no_msg_data_id"}]
    own.append({"fault": "error", "args": {"code": chance.choice(codes), "effect": chance.random() < 0.2}})
    return {"times": chance.choice([1, 1, 1, 2]), **chance.choice(common + own * 2)}
