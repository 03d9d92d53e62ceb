"""The door of the rehearsal Weibo: which call it is, who makes it, quotas, and how refusals look."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..store import Doc
from ..wire import Answer, Request, json_answer
from ..world import Call, beijing
from . import oauth, reads, share
from .errors import WeiboError, http_status

Handler = Callable[[Call], Any]
OAUTH: dict[str, Handler] = {
    "oauth2/authorize": oauth.authorize,
    "oauth2/access_token": oauth.access_token,
    "oauth2/get_token_info": oauth.token_info,
    "oauth2/revokeoauth2": oauth.revoke,
    "oauth2/default.html": oauth.show_default_page,
}
CALLS: dict[str, tuple[str, Handler]] = {
    "statuses/share": ("POST", share.share),
    "proxy/article/publish": ("POST", share.publish_article),
    "statuses/user_timeline": ("GET", reads.user_timeline),
    "statuses/home_timeline": ("GET", reads.user_timeline),
    "statuses/show": ("GET", reads.show),
    "statuses/count": ("GET", reads.count),
    "statuses/destroy": ("POST", reads.destroy),
    "statuses/querymid": ("GET", reads.query_mid),
    "users/show": ("GET", reads.show_user),
    "comments/show": ("GET", reads.comments),
    "account/rate_limit_status": ("GET", reads.rate_limit),
}
CLOSED = {
    "statuses/update",
    "statuses/upload",
    "statuses/upload_url_text",
    "statuses/upload_pic",
    "statuses/repost",
    "statuses/show_batch",
    "comments/create",
    "short_url/shorten",
    "short_url/expand",
}
PUBLIC = {"statuses/share", "proxy/article/publish"}


class Weibo:
    """What the application asks of a platform."""

    def call_name(self, request: Request) -> str:
        """ "statuses/share" for /weibo/2/statuses/share.json."""
        return request.path.removeprefix("/weibo/").removeprefix("2/").removesuffix(".json")

    def account_of(self, call: Call) -> Doc | None:
        """The account of the token, dead or alive; None for none."""
        token = oauth.sent_token(call)
        found = call.store.by_key("wb_token", token) if token else None
        return call.store.get("account", "weibo", found[0]) if found else None

    def execute(self, call: Call) -> Answer:
        """Do what is asked and answer. Refusals are answers, too."""
        try:
            found = self._result(call)
        except WeiboError as error:
            return refusal(call, error)
        if isinstance(found, Answer):
            return found
        code = str(found["code"]) if isinstance(found, dict) and "data" in found else "0"
        return json_answer(found, code="0" if code == "100000" else code)

    def _result(self, call: Call) -> Any:
        if call.name in OAUTH:
            return OAUTH[call.name](call)
        if call.name not in CALLS and call.name not in CLOSED:
            raise WeiboError(10020)
        oauth.token_of(call)
        allowed = call.account.get("ip_allow")
        if allowed is not None and call.request.remote not in allowed:
            raise WeiboError(10004)
        _spend(call)
        if call.name in CLOSED:
            raise WeiboError(10014)
        method, handler = CALLS[call.name]
        if call.request.method != method:
            raise WeiboError(10021)
        return handler(call)

    def forced(self, call: Call, spec: Doc, real: Answer | None) -> Answer:
        """The refusal a fault asks for."""
        del real
        return refusal(
            call, WeiboError(int(spec.get("code", 10001)), str(spec.get("message", "")), **(spec.get("fields") or {}))
        )


def _spend(call: Call) -> None:
    moment = beijing(call.world.clock("quota"))
    hour = f"{moment:%Y-%m-%dT%H}"
    if call.store.bump(f"wb:ip:{call.request.remote}:{hour}") > int(call.switch("ip_per_hour", 15_000)):
        raise WeiboError(10022)
    if call.store.bump(f"wb:calls:{call.id}:{moment.date()}") > int(call.switch("calls_per_day", 100)):
        raise WeiboError(10023)
    if call.name in PUBLIC and call.store.counter(share.posts_bucket(call)) >= int(call.switch("posts_per_hour", 30)):
        raise WeiboError(10024)


def refusal(call: Call, error: WeiboError) -> Answer:
    """`{"error", "error_code", "request"}` with the HTTP status of the code."""
    path = call.request.path.removeprefix("/weibo")
    value: Doc = {"error": error.text, "error_code": error.code, "request": path} | error.fields
    status = http_status(error.code, call.switch("http_status", {}))
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(body, status, "application/json;charset=UTF-8", code=str(error.code))


PLATFORM = Weibo()
