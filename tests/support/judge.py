"""The judge of a release: the promises, asked of the platforms' own journal and of a re-opened database.

Nothing here believes what the product prints, and nothing here goes through its services: rows are read by a connection
of the judge's own, calls and effects come from the rehearsal servers.

    case = Case(journal, effects, read_records(url), ...)
    while_running(case)     # what must hold at every instant, also right after a kill
    at_rest(case)           # what must hold as well once nothing moves by machine

Both return what is wrong, one sentence each, beginning with the promise that is broken; an empty list is an acquittal.
The promises are numbered as in reliability.md's list of ten; the ninth (the broker is only a doorbell) is asked elsewhere.
"""

from __future__ import annotations

import base64
import html
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.rows import dict_row

from bot.domain.chain import verify
from bot.domain.delivery import TRANSITIONS, Event, State
from bot.domain.hashing import content_hash

Row = dict[str, Any]
#: Every call by which something becomes public.
PUBLIC = frozenset({"message/mass/sendall", "freepublish/submit", "statuses/share"})
#: Where a publication may lie once nothing moves by machine.
SETTLED = frozenset({State.LIVE, State.CANCELLED})
BEFORE_A_PERSON = frozenset({State.NEEDS_PERSON, State.MISSED, State.HELD})
#: States in which nothing may be public.
SURELY_NOT_SENT = frozenset({State.MISSED, State.HELD, State.CANCELLED})
TABLES = (
    "release", "publication", "item", "attempt", "batch", "edition", "review", "account", "auditevent",
    "urgency", "urgentword",
)  # fmt: skip
JSON_COLUMNS = {"manifest", "payload", "payload_hashes", "staged", "ids", "options", "data", "content", "post_hashes"}


# --- evidence -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Records:
    """The product's tables as they stand, by a connection of our own."""

    tables: Mapping[str, list[Row]]

    def __getattr__(self, name: str) -> list[Row]:
        if name not in TABLES:
            raise AttributeError(name)
        return self.tables[name]


@dataclass(frozen=True)
class Case:
    """All that is known of one installation and its platforms at one moment."""

    journal: Sequence[Row]
    effects: Sequence[Row]
    records: Records
    audit_key: bytes
    logs: str = ""
    secrets: Sequence[str] = ()  # tokens and secrets: they may stand nowhere
    words: Sequence[str] = ()  # of the posts: they may not stand in logs
    steps: Sequence[str] = ()  # what the harness itself saw and holds to be wrong


def read_records(url: str) -> Records:
    """Every table that is judged, from `sqlite:///...` or `postgresql://...`."""
    with closing(_Reader(url)) as reader:
        found = {name: reader.rows(f"SELECT * FROM bot_{name} ORDER BY 1") for name in TABLES}
    return Records({name: [_typed(row) for row in rows] for name, rows in found.items()})


def read_audit_key(home: Path) -> bytes:
    """The key of a home's audit chain."""
    return base64.b64decode((home / "keys" / "audit.key").read_bytes())


class _Reader:
    def __init__(self, url: str) -> None:
        self._file = unquote(urlsplit(url).path.removeprefix("/")) if url.startswith("sqlite:") else ""
        if self._file:
            self._sqlite = sqlite3.connect(f"file:{self._file}", uri=True, timeout=20)
            self._sqlite.row_factory = sqlite3.Row
        else:
            self._postgresql = psycopg.connect(url, row_factory=dict_row)

    def rows(self, sql: str) -> list[Row]:
        if self._file:
            return [dict(row) for row in self._sqlite.execute(sql)]
        return list(self._postgresql.execute(sql.encode()))

    def close(self) -> None:
        (self._sqlite if self._file else self._postgresql).close()


def _typed(row: Row) -> Row:
    """SQLite keeps JSON and instants as text."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if name in JSON_COLUMNS and isinstance(value, str):
        return json.loads(value)
    if (name == "at" or name.endswith("_at") or name in {"instant", "not_before", "send_by", "lease_until"}) and value:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value


@dataclass(frozen=True)
class Push:
    """One publication with what belongs to it."""

    row: Row
    account: Row
    release: Row
    items: list[Row]
    attempts: list[Row]
    editions: Mapping[int, Row]

    @property
    def id(self) -> int:
        return int(self.row["id"])

    @property
    def platform_account(self) -> str:
        options = self.account["options"]
        return str(options["app_id"] if self.account["channel"] == "wechat" else options["uid"])

    @property
    def markers(self) -> list[str]:
        return [str(self.editions[item["edition_id"]]["marker"]) for item in self.items]

    @property
    def name(self) -> str:
        return f"publication {self.id} ({self.account['slug']}, {self.row['state']})"


def pushes(records: Records) -> list[Push]:
    """Every publication of a release that was ever signed."""
    accounts = {row["id"]: row for row in records.account}
    releases = {row["id"]: row for row in records.release if row["signed_at"]}
    editions = {row["id"]: row for row in records.edition}
    return [
        Push(
            row, accounts[row["account_id"]], releases[row["release_id"]],
            sorted((i for i in records.item if i["publication_id"] == row["id"]), key=lambda i: i["position"]),
            sorted((a for a in records.attempt if a["publication_id"] == row["id"]), key=lambda a: a["number"]),
            editions,
        )
        for row in records.publication if row["release_id"] in releases
    ]  # fmt: skip


def public_calls(case: Case) -> list[Row]:
    """Calls that make something public, in order of their first byte."""
    return [line for line in case.journal if line["call"] in PUBLIC]


def marker_of(effect: Row) -> str:
    """The marker in an effect's link."""
    return str(effect["marker"]).rpartition("tf=")[2][:8]


def _owner(call: Row, found: Sequence[Push]) -> Push | None:
    """Whose call it was: WeChat mass by key, freepublish by draft, Weibo by the marker in the text."""
    params = call["params"]
    for push in found:
        if push.platform_account != call["account"] and call["account"]:
            continue
        if call["call"] == "message/mass/sendall" and params.get("clientmsgid") == push.row["key"]:
            return push
        if call["call"] == "freepublish/submit" and params.get("media_id") == push.row["staged"].get("draft"):
            return push
        if call["call"] == "statuses/share" and any(f"tf={m}" in str(params.get("status")) for m in push.markers):
            return push
    return None


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


# --- the two sittings ------------------------------------------------------------------------------------


def while_running(case: Case) -> list[str]:
    """What must hold at every instant, whoever has just died."""
    found = pushes(case.records)
    owners = [(call, _owner(call, found)) for call in public_calls(case)]
    return [
        *case.steps, *never_twice(case), *never_early(case, found, owners), *never_unapproved(case, owners),
        *never_altered(case, found, owners), *intent_before_effect(owners), *single_flight(case, found),
        *honest_states(case, found), *provable(case, found), *no_leak(case),
    ]  # fmt: skip


def at_rest(case: Case) -> list[str]:
    """What must hold once nothing moves by machine; everything of `while_running` as well."""
    found = pushes(case.records)
    return [*while_running(case), *never_lost(case, found)]


# --- the promises ----------------------------------------------------------------------------------------


def never_twice(case: Case) -> Iterator[str]:
    """1: at most one public item per post and account."""
    seen = Counter((row["platform"], row["account"], marker_of(row)) for row in case.effects)
    yield from (f"never twice: {count} times public: {place}" for place, count in seen.items() if count > 1)


def never_early(case: Case, found: Sequence[Push], owners: Iterable[tuple[Row, Push | None]]) -> Iterator[str]:
    """2: no public call and no effect before the instant, by the platform's clock."""
    for call, push in owners:
        if push and _moment(call["at"]) < push.row["not_before"] and call["at"] < push.row["instant"].timestamp():
            yield f"never early: {push.name} was asked for {push.row['instant'].timestamp() - call['at']:.4f} s early"
    instants = {(p.platform_account, marker): p.row["instant"] for p in found for marker in p.markers}
    for row in case.effects:
        planned = instants.get((row["account"], marker_of(row)))
        if planned is None:
            yield f"never unapproved: nobody planned what became public: {row['title']!r} on {row['account']}"
        elif _moment(row["at"]) < planned:
            yield f"never early: {row['title']!r} was public at {row['at_iso']}, planned for {planned.isoformat()}"


def never_unapproved(case: Case, owners: Iterable[tuple[Row, Push | None]]) -> Iterator[str]:
    """3: every public call belongs to a signed release of items that two others passed before the intent; or, of an
    urgent notice, that two people gave their word on."""
    reviews: dict[int, list[Row]] = defaultdict(list)
    for review in case.records.review:
        reviews[review["edition_id"]].append(review)
    for call, push in owners:
        if push is None:
            yield f"never unapproved: a public call that belongs to no publication: {call['call']} at {call['at_iso']}"
            continue
        first = min((attempt["intent_at"] for attempt in push.attempts), default=_moment(call["at"]))
        if push.release["signed_at"] > first or content_hash(push.release["manifest"]) != push.release["manifest_hash"]:
            yield f"never unapproved: {push.name} went out without a signature that stood before it"
        if push.release["urgency_id"] is not None:
            yield from _without_two_words(case, push, first)
            continue
        for item in push.items:
            yield from _unapproved(push, item, reviews[item["edition_id"]], first)


def _without_two_words(case: Case, push: Push, first: datetime) -> Iterator[str]:
    """Both before the intent, on these very bytes, by two people of whom one decides; the second is the signature, and not
    the author's. Nobody has returned the text by then."""
    urgency = next(row for row in case.records.urgency if row["id"] == push.release["urgency_id"])
    words = [
        row
        for row in case.records.urgentword
        if row["urgency_id"] == urgency["id"] and row["digest"] == urgency["digest"] and row["at"] <= first
    ]
    whose = {row["person_id"] for row in words}
    second = next((row for row in words if row["place"] == 2), None)
    signed = second is not None and second["manifest_hash"] == push.release["manifest_hash"]
    if len(whose) < 2 or not signed or not any(row["decides"] for row in words):
        yield f"never unapproved: {push.name} lacks two people's words"
    for item in push.items:
        edition = push.editions[item["edition_id"]]
        if second is not None and second["person_id"] in {edition["author_id"], edition["submitted_by_id"]}:
            yield f"never unapproved: the author of {push.name} gave the second word"
        returned = [
            row
            for row in case.records.review
            if row["edition_id"] == edition["id"] and row["verdict"] == "return" and row["at"] <= first
        ]
        if returned:
            yield f"never unapproved: position {item['position']} of {push.name} had been returned"
        if (edition["id"], edition["content_hash"]) != (urgency["edition_id"], urgency["content_hash"]):
            yield f"never unapproved: position {item['position']} of {push.name} is not what the words were given on"


def _unapproved(push: Push, item: Row, reviews: Sequence[Row], first: datetime) -> Iterator[str]:
    edition = push.editions[item["edition_id"]]
    authors = {edition["author_id"], edition["submitted_by_id"]}
    passed = {
        review["person_id"]
        for review in reviews
        if review["verdict"] == "pass" and review["content_hash"] == edition["content_hash"] and review["at"] <= first
    }
    if edition["state"] != "approved" or len(passed - authors) < 2 or passed & authors:
        yield f"never unapproved: position {item['position']} of {push.name} lacks two passes by others"


def never_altered(case: Case, found: Sequence[Push], owners: Iterable[tuple[Row, Push | None]]) -> Iterator[str]:
    """4: what the platform received is what was signed, and its hash is the one in the manifest."""
    for push in found:
        signed = _signed_entry(push)
        actual = [
            {
                "edition": push.editions[item["edition_id"]]["content_hash"],
                "payload": content_hash(item["payload"]),
                "marker": push.editions[item["edition_id"]]["marker"],
            }
            for item in push.items
        ]
        if signed is None or signed["items"] != actual or signed["mode"] != push.row["mode"]:
            yield f"never altered: {push.name} is not what the manifest says"
        hashes = [item["payload_hash"] for item in push.items]
        if any(attempt["payload_hashes"] != hashes for attempt in push.attempts):
            yield f"never altered: an attempt of {push.name} names other bytes than the signed ones"
    for call, push in owners:
        if push is not None:
            yield from _altered(case, call, push)


def _signed_entry(push: Push) -> Row | None:
    for entry in push.release["manifest"]["publications"]:
        if entry["account"] == push.account["slug"] and entry["lane"] == push.row["lane"]:
            return dict(entry)
    return None


def _altered(case: Case, call: Row, push: Push) -> Iterator[str]:
    if call["call"] == "statuses/share":
        payload, params = push.items[0]["payload"], call["params"]
        picture = (params.get("pic") or {}).get("sha256", "") if isinstance(params.get("pic"), dict) else ""
        asked = next((str(v) for k, v in payload.items() if str(v).startswith("asset:")), "").removeprefix("asset:")
        if params.get("status") != payload["status"] or picture != asked:
            yield f"never altered: Weibo received another text or picture than was signed for {push.name}"
        return
    drafts = drafts_received(case.journal)
    media_id = call["params"].get("media_id") or (call["params"].get("mpnews") or {}).get("media_id")
    received = drafts.get(media_id)
    signed = [item["payload"] for item in push.items]
    if received is None:
        yield f"never altered: WeChat was asked to publish a draft that nobody made: {media_id}"
    elif (different := _first_difference(case.journal, received, signed)) is not None:
        yield f"never altered: WeChat's draft differs from what was signed for {push.name}: {different}"


def drafts_received(journal: Sequence[Row]) -> dict[str, list[Row]]:
    """media_id -> articles, from the bodies of draft/add as they came in (updates replace one article)."""
    drafts: dict[str, list[Row]] = {}
    for line in journal:
        if not line["executed"]:
            continue
        if line["call"] == "draft/add" and (media_id := _reply(line).get("media_id")):
            drafts[media_id] = list(line["params"]["articles"])
        if line["call"] == "draft/update" and line["code"] in {"", "0"}:
            drafts[line["params"]["media_id"]][int(line["params"]["index"])] = line["params"]["articles"]
    return drafts


def _reply(line: Row) -> Row:
    try:
        value = json.loads(line["reply"] or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _uploads(journal: Sequence[Row], call: str, name: str) -> dict[str, str]:
    """What the platform called an uploaded file -> the hash of the bytes that it received."""
    lines = [line for line in journal if line["call"] == call and line["executed"]]
    return {reply[name]: line["params"]["media"]["sha256"] for line in lines if name in (reply := _reply(line))}


def _first_difference(journal: Sequence[Row], received: Sequence[Row], signed: Sequence[Row]) -> str | None:
    if len(received) != len(signed):
        return f"{len(received)} articles instead of {len(signed)}"
    covers = _uploads(journal, "material/add_material", "media_id")
    images = _uploads(journal, "media/uploadimg", "url")
    for number, (article, payload) in enumerate(zip(received, signed, strict=True), 1):
        content = str(article.get("content", ""))
        for url, digest in images.items():
            content = content.replace(html.escape(url), f"asset:{digest}")
        actual = {name: article.get(name, "") for name in payload if name not in {"content", "cover", "digest"}}
        actual |= {"content": content, "cover": f"asset:{covers.get(str(article.get('thumb_media_id')), '')}"}
        if len(signed) == 1 and "digest" in payload:
            actual["digest"] = article.get("digest", "")
        for name, value in actual.items():
            if value != payload.get(name):
                return f"{name} of article {number}"
    return None


def intent_before_effect(owners: Iterable[tuple[Row, Push | None]]) -> Iterator[str]:
    """6: each public call the platform saw has an attempt of its own that was open when its first byte came."""
    calls: dict[int, list[Row]] = defaultdict(list)
    known: dict[int, Push] = {}
    for call, push in owners:
        if push is not None:
            calls[push.id].append(call)
            known[push.id] = push
    for number, lines in calls.items():
        push, free = known[number], list(known[number].attempts)
        for call in lines:
            match = next((attempt for attempt in free if _open_at(attempt, _moment(call["at"]))), None)
            if match is None:
                yield f"intent before effect: no open attempt of {push.name} when a byte came at {call['at_iso']}"
            else:
                free.remove(match)


def _open_at(attempt: Row, moment: datetime) -> bool:
    closed = attempt["answered_at"]
    return bool(attempt["intent_at"] <= moment and (closed is None or moment <= closed))


def single_flight(case: Case, found: Sequence[Push]) -> Iterator[str]:
    """7: at most one open attempt per publication and account; numbers grow by one, each after the one before."""
    accounts = Counter(row["account_id"] for row in case.records.attempt if row["outcome"] == "")
    yield from (f"single flight: {count} open attempts on account {a}" for a, count in accounts.items() if count > 1)
    for push in found:
        numbers = [attempt["number"] for attempt in push.attempts]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"single flight: attempts of {push.name} are numbered {numbers}"
        for before, after in zip(push.attempts, push.attempts[1:], strict=False):
            if before["answered_at"] is None or before["answered_at"] > after["intent_at"]:
                yield f"single flight: attempt {after['number']} of {push.name} began before {before['number']} was closed"


def _said_not_sent(push: Push) -> bool:
    """Whether the product says for certain that nothing of it is public. A push that is kept in doubt after a refusal does
    not say so: a platform may refuse by what it answers and publish all the same."""
    refused = any(attempt["outcome"] == "refused" for attempt in push.attempts)
    return State(push.row["state"]) in SURELY_NOT_SENT and not (push.row["doubt"] and refused)


def honest_states(case: Case, found: Sequence[Push]) -> Iterator[str]:
    """8: live implies that the items are there, under the ids that were noted; what was not sent is not there."""
    public: dict[tuple[str, str], Row] = {
        (row["account"], marker_of(row)): row for row in case.effects if not row["gone_at"]
    }
    for push in found:
        state = State(push.row["state"])
        there = [public.get((push.platform_account, marker)) for marker in push.markers]
        if state is State.LIVE:
            if not all(there):
                yield f"honest states: {push.name} is not to be seen on the platform"
            elif not all(
                _same_object(item["platform_id"], seen) for item, seen in zip(push.items, there, strict=True) if seen
            ):
                yield f"honest states: {push.name} notes other ids than the platform gave"
        if _said_not_sent(push) and any(there):
            yield f"honest states: {push.name} is said not to be sent, and is public"
        yield from _asked_after_a_person(case, push)


def _same_object(noted: str, seen: Row) -> bool:
    """Weibo notes the status, a mass send `msg_id_n`, freepublish `article_id_n` (not in the journal's effect)."""
    if seen["kind"] == "freepublish":
        return noted.endswith(f"_{seen['position']}")
    return noted in {seen["object"], f"{seen['object']}_{seen['position']}"}


def _asked_after_a_person(case: Case, push: Push) -> Iterator[str]:
    given = [
        event["at"] for event in _moves(case.records, push.id) if event["data"]["to"] in {*BEFORE_A_PERSON, State.LIVE}
    ]
    again = [e["at"] for e in _moves(case.records, push.id) if e["data"]["from"] in BEFORE_A_PERSON]
    if given and not again and any(attempt["intent_at"] > max(given) for attempt in push.attempts):
        yield f"honest states: an attempt on {push.name} began after it was given to a person"


def provable(case: Case, found: Sequence[Push]) -> Iterator[str]:
    """10: the chain holds, and the audited moves of every publication lead from its start to where it stands."""
    rows = ((e["sequence"], _chained(e), e["previous"], e["mac"]) for e in case.records.auditevent)
    _, _, broken = verify(case.audit_key, rows)
    if broken:
        yield f"provable: {broken.message}"
    for push in found:
        state = State.PLANNED
        for event in _moves(case.records, push.id):
            data = event["data"]
            after = TRANSITIONS.get((state, Event(data["event"])))
            if State(data["from"]) is not state or after is None or State(data["to"]) is not after:
                yield f"provable: {push.name} is audited to go {data['from']} -{data['event']}-> {data['to']} from {state}"
            state = State(data["to"])
        if state is not State(push.row["state"]):
            yield f"provable: the trail of {push.name} ends with {state}"


def _moves(records: Records, publication: int) -> list[Row]:
    subject = f"publication:{publication}"
    return [row for row in records.auditevent if row["action"] == "publication.moved" and row["subject"] == subject]


def _chained(event: Row) -> Row:
    """A line in the form that its MAC covers."""
    names = ("sequence", "actor", "action", "subject", "data")
    return {name: event[name] for name in names} | {"at": event["at"].astimezone(UTC).isoformat()}


def no_leak(case: Case) -> Iterator[str]:
    """10: no secret in logs or records, no word of a post in logs."""
    kept = json.dumps(
        [case.records.auditevent, case.records.attempt, case.records.publication], default=str, ensure_ascii=False
    )
    yield from ("no leak: a secret stands in the log" for secret in case.secrets if secret in case.logs)
    yield from ("no leak: a secret stands in the records" for secret in case.secrets if secret in kept)
    yield from (f"no leak: the log quotes a post: {word}" for word in case.words if word in case.logs)


def never_lost(case: Case, found: Sequence[Push]) -> Iterator[str]:
    """5: everything signed is live, cancelled, or before a person with a reason; nothing is left half-done."""
    for push in found:
        state, reason = State(push.row["state"]), push.row["reason"]
        if state not in SETTLED | BEFORE_A_PERSON:
            yield f"never lost: {push.name} is at rest in {state}: {reason}"
        if state in BEFORE_A_PERSON and not reason:
            yield f"never silent: {push.name} has no reason"
        yield from (
            f"never lost: attempt {a['number']} of {push.name} is open" for a in push.attempts if not a["outcome"]
        )
        tried = [attempt for attempt in push.attempts if attempt["outcome"] in {"unknown", "accepted"}]
        if tried and state in SURELY_NOT_SENT:
            yield f"honest states: {push.name} may be public, and is said not to be sent"
    claimed = [row["id"] for row in case.records.batch if row["state"] != "done"]
    if claimed:
        yield f"never lost: batches {claimed} are not done"


def seconds_late(case: Case) -> list[float]:
    """First byte of each executed public call after its publication's instant."""
    found = pushes(case.records)
    return [
        call["at"] - push.row["instant"].timestamp()
        for call in public_calls(case)
        if (push := _owner(call, found)) is not None
    ]
