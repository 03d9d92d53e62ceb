"""One Weibo account: the channel contract, put together from the parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.channel import (
    Absent,
    AccountConfig,
    ByHand,
    ChannelFault,
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
    Remedy,
    Sample,
    Staged,
    Unclear,
    Unknown,
    Unrecognised,
    WireAnswer,
    WireRequest,
)
from bot.domain.findings import Finding
from bot.domain.post import Post
from bot.domain.secret import Secret

from . import authorise, byhand, health, looking, numbers, staging
from .answers import read_share
from .calls import Calls
from .checks import check_posts
from .request import share_request
from .spec import spec_for

_RECENT = timedelta(minutes=1)


class WeiboChannel:
    """Implements Channel, Authorizer and Recogniser. Safe to share between threads.

    Keeps its settings only, and the newest own id for a minute. `sleep` is what waits between repeated reads; tests replace it.
    """

    def __init__(self, account: AccountConfig, ports: Ports, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.spec, self.account, self._ports = spec_for(account), account, ports
        self._calls = Calls(account, ports, self._grant, sleep)
        self._newest = (datetime.min.replace(tzinfo=UTC), "")

    @property
    def _uid(self) -> str:
        return self.account.option("uid")

    # --- pure ------------------------------------------------------------------------------------------

    def check(self, posts: Sequence[Post]) -> list[Finding]:
        """Limits of statuses/share: length, link on the safe domain, topics, picture."""
        return check_posts(posts, self.account, self._ports.asset)

    def public_request(
        self, posts: Sequence[Post], staged: Mapping[str, Any], grant: Grant, *, key: str
    ) -> WireRequest:
        """statuses/share. The picture comes from our own store, so this is no network call.

        ValueError when the post or its picture is not what was staged.
        """
        picture = staging.staged_picture(posts, staged, self._ports)
        return share_request(self.account, str(posts[0].payload["status"]), picture, grant, key=key)

    def read_answer(self, answer: WireAnswer, *, after_unknown: bool = False) -> Receipt | Pending | Refused | Unknown:
        """Class of the answer. Never Receipt: Weibo alters what it stores, so live needs the read-back."""
        return read_share(answer, uid=self._uid, now=self._ports.now(), after_unknown=after_unknown)

    def probe_request(self, evidence: Evidence, grant: Grant) -> WireRequest | None:
        """None, always: Weibo has no key that would make a replay safe."""
        return None

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> ByHand:
        """Deleting is not open to apps: the steps for a person."""
        known = receipt.positions[position or 0 :][:1]
        where = (known[0].url if known else None) or "账号主页"
        return ByHand(
            "微博不允许应用删除内容，需要人工操作：1. 用政务账号登录微博；2. 打开 "
            f"{where} ；3. 点右上角菜单，选“删除”并确认；4. 把删除的时间和原因报告签发人，并告知值班员。"
        )

    # --- token -----------------------------------------------------------------------------------------

    def grant(self) -> Grant:
        """The account's token. ChannelFault(OPERATOR) when a person has to authorise again."""
        return self._grant(None)

    def _grant(self, refused: Secret | None) -> Grant:
        """The shared token; else the one pasted into the account's settings, once the platform vouches for it."""
        try:
            return self._ports.token(None, refused=refused)
        except ChannelFault as fault:
            pasted = self.account.credentials.get("access_token")
            if fault.remedy is not Remedy.OPERATOR or not pasted or pasted == refused:
                raise
        return self._ports.token(lambda force: self._adopt(pasted), refused=refused)

    def _adopt(self, pasted: Secret) -> Grant:
        info = self._calls.token_info(pasted)
        return authorise.grant_from_info(self.account, pasted, info, self._ports.now())

    def authorize_url(self, *, redirect_uri: str, state: str) -> str:
        """Where a person goes to authorise; `redirect_uri` must equal the one registered with the app."""
        return authorise.authorize_url(self.account, redirect_uri=redirect_uri, state=state)

    def exchange(self, *, code: str, redirect_uri: str) -> Grant:
        """Code for token. ChannelFault(OPERATOR) when the authorised user is not the configured account."""
        if not self._uid:
            authorise.require_uid(self.account, None)
        fields = authorise.exchange_fields(self.account, code=code, redirect_uri=redirect_uri)
        answer = self._calls.access_token(fields)
        return authorise.grant_from_exchange(self.account, answer, self._ports.now())

    # --- ahead of the act ------------------------------------------------------------------------------

    def stage(
        self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None, keep: bool = False
    ) -> Staged:
        """Check limits and token, and note the newest own id. Nothing is put on the platform."""
        staging.require_sendable(posts, self.account, self._ports)
        staging.require_rip(self.account)
        staging.require_life(self.grant(), self._ports)
        acted = keep and previous is not None and "since" in previous  # a newer post may be ours
        since = str(previous["since"]) if acted and previous else self._newest_lately()
        return staging.staged_table(posts, self._ports, since=since)

    def newest_own_id(self) -> str:
        """The newest own post's id, by whatever app it was made; "" for an account without posts."""
        newest = self._read_newest()
        self._newest = (self._ports.now(), newest)
        return newest

    def _read_newest(self) -> str:
        return looking.newest_id(looking.read_timeline(self._calls, self._uid, own_app=False))

    def _newest_lately(self) -> str:
        """Asked, unless `newest_own_id` has a moment ago: the day has only 100 calls, and an older fence is safe."""
        asked, newest = self._newest
        return newest if self._ports.now() - asked < _RECENT else self._read_newest()

    def preflight(self) -> list[CheckResult]:
        """Settings, token (asked once of the platform), quota hint. The clock is compared from each answer's Date."""
        token = health.token(self._calls, self.account, self._ports.now())
        hints = [health.quota(self._calls)] if all(result.ok for result in token) else []
        return health.coded([*health.settings(self.account), *token, *hints])

    # --- after the act ---------------------------------------------------------------------------------

    def look(self, evidence: Evidence) -> Receipt | Pending | Absent | Failed | Unclear:
        """Is it public? One or two reads of the account's own posts."""
        return looking.look(self._calls, self._uid, evidence)

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        """Reposts, comments, attitudes now; `day` does not matter, Weibo counts from the beginning."""
        return numbers.measure(self._calls, self._uid, receipts)

    def recognise(
        self, posts: Sequence[HandMade], ours: Sequence[Published], *, day: str
    ) -> list[Receipt | Unrecognised]:
        """By the id in the address; neither day nor our own posts matter."""
        return byhand.recognise(self._calls, self._uid, posts)
