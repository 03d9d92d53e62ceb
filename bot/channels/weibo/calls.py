"""The ordinary calls to Weibo: reads and token calls. Each is counted against the day's quota of the account.

Counting is ours because the platform's own counters are a hint, not truth (they showed a full quota while 10023
was being returned).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bot.channels.http import Http, Reply
from bot.domain.channel import AccountConfig, ChannelFault, Grant, Ports, Remedy
from bot.domain.secret import Secret

from .codes import Do, assumed, error_code, fault, known
from .spec import CALLS_BUCKET, CALLS_PER_DAY, CALLS_PER_POST, api_base, oauth_base

_T = TypeVar("_T")

#: Calls of the day that numbers and pre-flights may not touch, however little is signed: they are for sending and for
#: finding out. What is signed and has not left yet keeps more, `CALLS_PER_POST` for each.
RESERVE = 30


class Calls:
    """HTTP of one account. `token` is how a valid grant is obtained; `sleep` is replaced in tests."""

    def __init__(
        self,
        account: AccountConfig,
        ports: Ports,
        grant: Callable[[Secret | None], Grant],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account, self._ports, self._grant, self._sleep = account, ports, grant, sleep
        self._http = {spare: self._session(spare=spare) for spare in (False, True)}

    def _session(self, *, spare: bool) -> Http:
        """The shared HTTP layer waits before repeating a read: the repetition is a call of the quota too."""

        def before_another_try(seconds: float) -> None:
            self.spend(spare=spare)
            self._sleep(seconds)

        return Http(self._ports, proxy=self._account.proxy, sleep=before_another_try)

    def spend(self, *, spare: bool = False) -> None:
        """Count one call of today. ChannelFault(WAIT) when the day's calls are used up.

        `spare`: it is no part of sending a post, and leaves alone what those that are signed will need.
        """
        kept = {"reserve": RESERVE, "each": CALLS_PER_POST} if spare else {}
        self._ports.spend(CALLS_BUCKET, limit=CALLS_PER_DAY, period="day", **kept)

    def read(self, path: str, params: Mapping[str, str], *, spare: bool = False) -> Any:
        """GET /2/{path}.json as the account. Returns the JSON; ChannelFault by `error_code`. `spare`: as in `spend`.

        A token that is refused is replaced once, if somebody has authorised again meanwhile.
        """
        return self._as_account(lambda grant: self._read(path, params, grant, spare))

    def _as_account(self, call: Callable[[Grant], _T]) -> _T:
        grant = self._grant(None)
        try:
            return call(grant)
        except ChannelFault as refusal:
            if not _is_token_fault(refusal):
                raise
        return call(self._grant(grant.token))

    def _read(self, path: str, params: Mapping[str, str], grant: Grant, spare: bool) -> Any:
        self.spend(spare=spare)
        headers = {"Authorization": f"OAuth2 {grant.token.reveal()}"}
        return self._judge(
            path, lambda: self._http[spare].get(f"{api_base(self._account)}/2/{path}.json", params, headers=headers)
        )

    def own_token_info(self) -> dict[str, Any]:
        """`token_info` of the account's token, or of the one that has replaced it meanwhile: from what can be spared."""
        return self._as_account(lambda grant: self.token_info(grant.token, spare=True))

    def token_info(self, token: Secret, *, spare: bool = False) -> dict[str, Any]:
        """POST /oauth2/get_token_info: {uid, appkey, scope, create_at, expire_in}, types as they come."""
        self.spend(spare=spare)
        url = f"{oauth_base(self._account)}/oauth2/get_token_info"
        return self._object(
            "oauth2/get_token_info",
            self._judge(
                "oauth2/get_token_info",
                lambda: self._http[spare].post_form(url, {"access_token": token.reveal()}, read=True),
            ),
        )

    def access_token(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """POST /oauth2/access_token, once: {access_token, expires_in, uid}. Not counted: it must always be possible."""
        url = f"{oauth_base(self._account)}/oauth2/access_token"
        return self._object(
            "oauth2/access_token", self._judge("oauth2/access_token", lambda: self._http[False].post_form(url, fields))
        )

    def _judge(self, call: str, ask: Callable[[], Reply]) -> Any:
        """The JSON of an answer, noted for the evidence trail; ChannelFault when it holds an error."""
        try:
            value = ask().json()
        except ChannelFault as broken:
            self._ports.record(call, broken.code or "fault", broken.message)
            raise
        code = error_code(value)
        if code is None:
            self._ports.record(call, "ok")
            return value
        error = str(value.get("error") or "")[:200]
        self._ports.record(call, str(code), error)
        raise fault(code, error, self._ports.now())

    def _object(self, call: str, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise ChannelFault(Remedy.UNKNOWN, f"微博接口 {call} 的应答不是约定的格式，请稍后重试。", code="not_object")


def _is_token_fault(refusal: ChannelFault) -> bool:
    if not refusal.code.isdecimal():
        return False
    line = known(int(refusal.code)) or assumed(int(refusal.code))
    return line.do is Do.AUTHORISE
