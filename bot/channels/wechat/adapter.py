"""The WeChat adapter: one account of 微信公众号, after the Channel contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.channels.http import Http
from bot.domain.channel import (
    Absent,
    AccountConfig,
    ByHand,
    CallbackReply,
    CheckResult,
    Evidence,
    Failed,
    Grant,
    HandMade,
    Pending,
    Ports,
    Published,
    Receipt,
    Refused,
    Sample,
    Staged,
    Unclear,
    Unknown,
    Unrecognised,
    WireAnswer,
    WireRequest,
    Withdrawn,
)
from bot.domain.findings import Finding
from bot.domain.post import Post

from . import answers, byhand, checking, looking, preflight, showing, statistics, withdrawing
from .callbacks import Receiver
from .client import Client
from .spec import MASS, REPLAY_SAFE, SPEC
from .staging import Stager


class WeChat:
    """One account. `http` is replaced in tests."""

    spec = SPEC

    def __init__(self, account: AccountConfig, ports: Ports, http: Http | None = None) -> None:
        SPEC.mode(account.mode)  # KeyError here rather than at the instant
        self.account, self._ports = account, ports
        self._client = Client(account, ports, http or Http(ports, proxy=account.proxy))

    def check(self, posts: Sequence[Post]) -> list[Finding]:
        """Pure. What the platform would refuse, lose or change."""
        return checking.check(posts)

    def grant(self) -> Grant:
        """The shared token; it always has some minutes left (see client.RENEWAL_MARGIN)."""
        return self._client.grant()

    def stage(
        self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None, keep: bool = False
    ) -> Staged:
        """Pictures, cover, draft; read back and compared. `key` is not needed: drafts have no key."""
        return Stager(self._client).stage(posts, previous, keep=keep)

    def unstage(self, staged: Mapping[str, Any]) -> None:
        """draft/delete."""
        if draft := str(staged.get("draft") or ""):
            Stager(self._client).remove(draft)

    def public_request(
        self, posts: Sequence[Post], staged: Mapping[str, Any], grant: Grant, *, key: str
    ) -> WireRequest:
        """Pure. freepublish/submit or mass/sendall; the token stands in the query."""
        body = answers.public_body(self.account, staged, key)
        address = self._client.address(answers.PATHS[self.account.mode])
        return answers.wire_request(self.account, address, grant.token.reveal(), body)

    def read_answer(self, answer: WireAnswer, *, after_unknown: bool = False) -> Pending | Refused | Unknown:
        """Pure but for a clock when the answer has no Date. Whatever is not listed is Unknown."""
        return answers.read_answer(self.account, answer, after_unknown=after_unknown, now=self._ports.now())

    def look(self, evidence: Evidence) -> Receipt | Pending | Absent | Failed | Unclear:
        """Read-only, repeatable."""
        return looking.look(self._client, evidence)

    def probe_request(self, evidence: Evidence, grant: Grant) -> WireRequest | None:
        """Pure. The same mass send with the same clientmsgid, while the platform remembers it; else None."""
        if self.account.mode != MASS or evidence.now - evidence.begun_at > REPLAY_SAFE:
            return None
        return self.public_request(evidence.posts, evidence.staged, grant, key=evidence.key)

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> Withdrawn | ByHand:
        """Delete one position (0-based) or everything."""
        return withdrawing.withdraw(self._client, receipt, position)

    def show(self, posts: Sequence[Post], *, to: str) -> str:
        """Send a preview to one person, from a draft that is deleted again."""
        return showing.show(self._client, posts, to)

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        """Cumulative daily figures of what was published on `day`."""
        return statistics.measure(self._client, receipts, day)

    def recognise(
        self, posts: Sequence[HandMade], ours: Sequence[Published], *, day: str
    ) -> list[Receipt | Unrecognised]:
        """By address, else by title, in the statistics of the day on which people posted it in the console."""
        return byhand.recognise(self._client, posts, ours, day)

    def account_summary(self, begin: str, end: str) -> list[dict[str, Any]]:
        """getbizsummary rows of the whole account, ISO days, at most 30, `end` not after yesterday."""
        return statistics.account_summary(self._client, begin, end)

    def preflight(self) -> list[CheckResult]:
        """Settings, callback, token, rights, call quota."""
        return preflight.preflight(self._client)

    def newest_own_id(self) -> str:
        """Not needed here: the draft and its marker identify the act."""
        return ""

    def callback(self, method: str, query: Mapping[str, str], body: bytes, *, now: datetime) -> CallbackReply:
        """Verify first, parse later."""
        return Receiver(self.account).receive(method, query, body, now=now)
