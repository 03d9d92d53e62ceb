"""The judge of the fault matrix: reads the platforms' journal and effects and a database opened anew, nothing else."""

from __future__ import annotations

import re
from collections import Counter

from django.db import connection

from bot.domain.delivery import State
from bot.models import Attempt, Publication
from bot.services.audit import verify_chain

from .delivery_faults import MASS, PUBLISH, SHARE
from .delivery_matrix import Scene, Seen, Stage, seen_by

BEFORE_A_PERSON = {State.NEEDS_PERSON, State.MISSED, State.HELD}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: A reason says whether anything went out: it did not, it did, or nobody knows.
SAYS = re.compile(
    "未发出|没有发出|没有发布|没有送达|不明|不知道|不清楚|不能断定|不能确定|没有结论|没有结果|已经公开|曾经发布|受理|没有这篇"
)
CLAIMS_NOTHING = re.compile("未发出|没有发出|没有送达|没有发布")
DOUBTS = re.compile("不能断定|不能说明|确实没有|不明|不知道|不清楚|不能确定|没有结论")
MOST_PUBLIC = {MASS: 4, PUBLISH: 4, SHARE: 3}  # with every replay and every mended refusal
MOST = 60  # of any other call, for a release that somebody disturbs until its end: what cannot be read for half an hour is read on
TOKENS = {"stable_token", "oauth2/get_token_info"}


def violations(stage: Stage) -> list[str]:
    """Every broken promise, named with its case."""
    connection.close()  # what was not committed is gone
    seen = seen_by(stage)
    found = [f"{scene.case.name}: {one}" for scene in stage.scenes for one in _of(scene, seen[scene.number])]
    _, _, broken = verify_chain()
    return found + (["the audit chain is broken"] if broken else [])


def states(stage: Stage) -> dict[str, list[str]]:
    """The states of each case's publications, by name of the case."""
    return {scene.case.name: [str(one.state) for one in scene.publications] for scene in stage.scenes}


def _of(scene: Scene, seen: Seen) -> list[str]:
    publications = scene.publications
    attempts = [
        attempt
        for attempt in Attempt.objects.filter(publication__in=publications).select_related("batch").order_by("pk")
        if attempt.outcome != "not_sent"
    ]
    found = [*_never_twice(seen), *_never_early(seen, attempts), *_bounded(scene, seen, publications)]
    for publication in publications:
        found += [*_honest(publication, seen), *_unaltered(publication, seen), *_same_act(publication, seen)]
    return found


def _never_twice(seen: Seen) -> list[str]:
    twice = [marker for marker, count in Counter(line["marker"] for line in seen.effects).items() if count > 1]
    return [f"public twice: {marker}" for marker in twice]


def _never_early(seen: Seen, attempts: list[Attempt]) -> list[str]:
    """Every public call has an attempt that was committed before it, and comes no earlier than its batch's instant."""
    calls = sorted(seen.public, key=lambda line: float(line["at"]))
    if len(calls) > len(attempts):
        return [f"{len(calls)} public calls for {len(attempts)} intents"]
    found = []
    for call, attempt in zip(calls, attempts, strict=False):
        if call["at"] < attempt.intent_at.timestamp():
            found.append("a public call before its intent")
        if attempt.batch and call["at"] < attempt.batch.instant.timestamp():
            found.append(f"early by {attempt.batch.instant.timestamp() - call['at']:.4f} s")
    return found


def _mine(publication: Publication, seen: Seen) -> list[dict[str, object]]:
    links = [_link(item.payload) for item in publication.items.order_by("position")]
    return [line for line in seen.effects if line["marker"] in links]


def _link(payload: dict[str, str]) -> str:
    if "content_source_url" in payload:
        return payload["content_source_url"]
    found = re.search(r"https?://\S+", payload["status"])
    return found.group(0) if found else "no link"


def _honest(publication: Publication, seen: Seen) -> list[str]:
    """Live only if it exists; else before a person, with a reason that says whether it went out and does not lie."""
    mine, count = _mine(publication, seen), publication.items.count()
    state, reason = publication.status, publication.reason
    if state is State.LIVE:
        known = all(item.platform_id for item in publication.items.all())
        return [] if len(mine) == count and known else [f"live with {len(mine)} of {count} effects"]
    found = []
    if state not in BEFORE_A_PERSON:
        found.append(f"neither live nor before a person: {state}")
    if not CHINESE.search(reason) or not SAYS.search(reason):
        found.append(f"{state}: the reason does not say whether it went out: {reason!r}")
    if mine and (state is not State.NEEDS_PERSON or (CLAIMS_NOTHING.search(reason) and not DOUBTS.search(reason))):
        found.append(f"{state} and {len(mine)} effects: {reason}")
    if publication.attempts.filter(outcome="").exists():
        found.append("an attempt without an outcome")
    return found


def _unaltered(publication: Publication, seen: Seen) -> list[str]:
    """What the platform took is what was signed: text for text on Weibo, title and link on WeChat."""
    items = list(publication.items.order_by("position"))
    signed = [item.payload_hash for item in items]
    found = ["an attempt with other bytes" for one in publication.attempts.all() if one.payload_hashes != signed]
    titles = {_link(item.payload): item.payload.get("title", item.payload.get("status")) for item in items}
    for line in _mine(publication, seen):
        if line["title"] != titles[str(line["marker"])]:
            found.append(f"altered: {line['title']!r}")
    return found


def _same_act(publication: Publication, seen: Seen) -> list[str]:
    """One key, one draft, however often it was asked."""
    if publication.mode == SHARE:
        texts = [item.payload["status"] for item in publication.items.all()]
        asked = [line for line in seen.public if line["params"].get("status") in texts]
        unknown = publication.attempts.filter(outcome="unknown").count()
        return (
            ["Weibo was asked again after an unknown answer"]
            if unknown and len(asked) > _refused(publication) + 1
            else []
        )
    name = "clientmsgid" if publication.mode == MASS else "media_id"
    acts = {line["params"].get(name) for line in seen.public}
    if publication.mode == MASS and acts - {publication.key}:
        return [f"another key: {acts}"]
    return [f"{len(acts)} acts"] if len(acts) > 1 and publication.attempts.filter(outcome="unknown").exists() else []


def _refused(publication: Publication) -> int:
    return publication.attempts.filter(outcome="refused").count()


def _bounded(scene: Scene, seen: Seen, publications: list[Publication]) -> list[str]:
    """Nobody is asked without end. A token that holds is fetched once, and asked for again by the pre-flight, with the secret."""
    found = [f"{count} times {call}" for call, count in seen.counts.items() if count > MOST]
    if len(seen.public) > MOST_PUBLIC[scene.case.mode] * len(publications):
        found.append(f"{len(seen.public)} public calls")
    tokens = sum(count for call, count in seen.counts.items() if call in TOKENS)
    # asked about by a pre-flight, and taken up whenever the post is made ready: again where a used-up hour or day ended
    most = 1 + max(1, *(one.attempts.count() for one in publications))
    if scene.case.call != "token" and not scene.case.fault.startswith("token") and tokens > most:
        found.append(f"{tokens} token calls")
    return found
