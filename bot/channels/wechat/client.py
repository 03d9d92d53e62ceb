"""Calls to the WeChat server API: token, one bounded renewal, raw UTF-8 JSON, and codes into faults.

Platform facts: failures arrive as HTTP 200 with a non-zero `errcode`; success often has no `errcode` at all;
answers may be text/plain without a charset; a token error means that the call was not executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.channels.http import FilePart, Http, Reply, parse_object
from bot.domain.channel import AccountConfig, ChannelFault, Grant, Ports, Remedy
from bot.domain.secret import Secret

from . import codes
from .codes import Group
from .spec import SPEC

BUSY = -1
FORCED_A_DAY = 15  # the platform allows 20 forced renewals a day; some are left for other systems
LONGEST_LIFE = 7200  # seconds: no token lives longer (wechat.md 2), whatever an answer says
RENEWAL_MARGIN = 300  # seconds: the platform renews a stable token by itself this long before its end


def error_code(answer: Mapping[str, Any]) -> int | None:
    """`errcode` of an answer: 0 when absent (success often has none), None when it is not an integer."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def text_id(value: Any) -> str:
    """A platform id as opaque text: string or integer (the pages disagree), "" if it is neither or ill-formed."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if re.fullmatch(r"[0-9A-Za-z_-]{1,128}", text) and text != "0" else ""


def detail_of(answer: Mapping[str, Any], *secrets: Secret | None) -> str:
    """`errmsg` for the record, at most 300 characters, with secrets and anything long enough to be one masked."""
    text = str(answer.get("errmsg", ""))[:1000]
    for secret in secrets:
        text = text.replace(secret.reveal(), "***") if secret else text
    return re.sub(r"[0-9A-Za-z_-]{40,}", "***", text)[:300]


def busy(reply: Reply) -> bool:
    """Whether a read should be asked again: the platform says -1."""
    try:
        return error_code(parse_object(reply.body)) == BUSY
    except ValueError:
        return False


class Client:
    """The API of one account. Every method raises ChannelFault with a Chinese message."""

    def __init__(self, account: AccountConfig, ports: Ports, http: Http) -> None:
        self.account, self.ports, self._http = account, ports, http

    def address(self, path: str, endpoint: str = "api") -> str:
        """Absolute URL, without token, of `path` (begins with "/") on one of the account's endpoints."""
        given = self.account.endpoints
        base = given.get(endpoint) or given.get("api") or SPEC.endpoints["api"]
        return base.rstrip("/") + path

    # --- token ---

    def grant(self) -> Grant:
        """The account's shared token."""
        return self.ports.token(self._fetcher(None))

    def proven_grant(self) -> Grant:
        """The shared token, after the platform was asked for one with the AppSecret, whatever was kept.

        Normal mode ends nobody's token.
        """
        asked = False

        def fetch(_force: bool) -> Grant:
            nonlocal asked
            asked = True
            return self._stable_token(force=False)

        grant = self.ports.token(fetch)
        if not asked:
            self._stable_token(force=False)
        return grant

    def _renew(self, refused: Secret) -> Grant:
        return self.ports.token(self._fetcher(refused), refused=refused)

    def _fetcher(self, refused: Secret | None) -> Callable[[bool], Grant]:
        """How to ask for a token: normal mode; by force only when normal mode returns the very token refused.

        What the caller would like (`fetch`'s argument) does not matter: a forced renewal kills the token of
        every other system at once.
        """

        def fetch(_force: bool) -> Grant:
            grant = self._stable_token(force=False)
            if refused is not None and grant.token == refused:
                self.ports.spend("stable_token.force", limit=FORCED_A_DAY, period="day")
                grant = self._stable_token(force=True)
            return grant

        return fetch

    def _stable_token(self, *, force: bool) -> Grant:
        body = {
            "grant_type": "client_credential",
            "appid": self.account.option("app_id"),
            "secret": self._secret().reveal(),
            "force_refresh": force,
        }
        url = self.address("/cgi-bin/stable_token", "token")
        answer = self._exchange(
            "/cgi-bin/stable_token",
            Group.TOKEN,
            lambda: self._http.post_json(url, body, read=not force, again=busy),
        )
        return self._as_grant(answer)

    def _secret(self) -> Secret:
        secret = self.account.credentials.get("app_secret")
        if not secret or not self.account.option("app_id"):
            message = "账号没有配置 AppID 或 AppSecret，没有发出任何内容；请系统管理员补全后再试。"
            raise ChannelFault(Remedy.OPERATOR, message, code="credentials")
        return secret

    def _as_grant(self, answer: Mapping[str, Any]) -> Grant:
        token, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or isinstance(life, bool) or not isinstance(life, int) or life <= 0:
            message = "微信的令牌接口应答不完整，没有发出任何内容；系统会再试。"
            raise ChannelFault(Remedy.UNKNOWN, message, code="token")
        life = min(life, LONGEST_LIFE)
        usable = life - RENEWAL_MARGIN if life > 2 * RENEWAL_MARGIN else max(1, life // 2)
        return Grant(Secret(token), self.ports.now() + timedelta(seconds=usable))

    # --- business calls ---

    def call(
        self,
        path: str,
        payload: Mapping[str, Any],
        *,
        group: Group = Group.READ,
        endpoint: str = "api",
        read: bool = True,
    ) -> dict[str, Any]:
        """POST JSON and return the answer's object. With `read` it may be repeated on busy or broken lines."""
        url = self.address(path, endpoint)

        def send(token: str) -> Reply:
            return self._http.post_json(url, payload, {"access_token": token}, read=read, again=busy)

        return self._with_token(path, group, send)

    def get(self, path: str) -> dict[str, Any]:
        """GET and return the answer's object."""
        url = self.address(path)
        return self._with_token(
            path, Group.READ, lambda token: self._http.get(url, {"access_token": token}, again=busy)
        )

    def upload(self, path: str, file: FilePart, params: Mapping[str, str]) -> dict[str, Any]:
        """POST one picture, once."""
        url = self.address(path)

        def send(token: str) -> Reply:
            return self._http.post_files(url, [file], None, {"access_token": token, **params})

        return self._with_token(path, Group.STAGE, send)

    def _with_token(self, path: str, group: Group, send: Callable[[str], Reply]) -> dict[str, Any]:
        """Call with the shared token; on a token error renew once and replay the call once."""
        grant = self.grant()
        try:
            return self._exchange(path, group, lambda: send(grant.token.reveal()), grant.token)
        except ChannelFault as fault:
            if fault.remedy is not Remedy.REFRESH:
                raise
        renewed = self._renew(grant.token)
        return self._exchange(path, group, lambda: send(renewed.token.reveal()), renewed.token)

    def _exchange(
        self, path: str, group: Group, send: Callable[[], Reply], token: Secret | None = None
    ) -> dict[str, Any]:
        """One call, recorded, with every failure as a ChannelFault."""
        try:
            answer = send().object()
        except ChannelFault as fault:
            self.ports.record(path, fault.code or "fault", fault.message)
            raise
        code = error_code(answer)
        if code == 0:
            self.ports.record(path, "ok", "")
            return answer
        refusal = self.fault(code, answer, group, token)
        self.ports.record(path, f"errcode {code}", refusal.detail)
        raise refusal

    def fault(
        self, code: int | None, answer: Mapping[str, Any], group: Group, token: Secret | None = None
    ) -> ChannelFault:
        """The ChannelFault of a non-zero errcode."""
        detail = detail_of(answer, token, self.account.credentials.get("app_secret"))
        if code is None:
            return ChannelFault(Remedy.UNKNOWN, "微信的应答格式不对，系统会再试。", code="errcode", detail=detail)
        meaning = codes.meaning(code, group)
        until = codes.wait_until(meaning.wait, self.ports.now())
        message = codes.sentence(code, group, detail)
        return ChannelFault(meaning.remedy, message, code=str(code), wait_until=until, detail=detail)
