"""The door of the rehearsal WeChat: which call it is, who may make it, and how answers and refusals look."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from ..store import Doc
from ..wire import Answer, Request, json_answer
from ..world import Call
from . import comments, datacube, drafts, events, freepublish, mass, media, menu, quota, tokens
from .errors import WeChatError

Handler = Callable[[Call, Doc], "Doc | Answer"]
OK = {"errcode": 0, "errmsg": "ok"}
ESCAPE = re.compile(rb"(\\\\)|\\u(?=[0-9a-fA-F]{4})")


def _bare(handler: Callable[[Call], Doc]) -> Handler:
    return lambda call, _: handler(call)


def _addresses(call: Call, _: Doc) -> Doc:
    return {"ip_list": ["127.0.0.1"]}


def _check_callback(call: Call, _: Doc) -> Doc:
    dns = [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}]
    return {
        "dns": dns,
        "ping": [{"ip": "127.0.0.1", "from_operator": "DEFAULT", "package_loss": "0%", "time": "1.0ms"}],
    }


def _quota(call: Call, body: Doc) -> Doc:
    return quota.show(call, body, set(ROUTES) | {"token", "stable_token"})


# call -> (method, who may: "" any account, "verified"; handler)
ROUTES: dict[str, tuple[str, str, Handler]] = {
    "media/uploadimg": ("POST", "", _bare(media.upload_image)),
    "media/upload": ("POST", "", _bare(media.upload_temporary)),
    "material/add_material": ("POST", "", _bare(media.add_material)),
    "material/get_material": ("POST", "", media.get_material),
    "material/del_material": ("POST", "", media.delete_material),
    "material/get_materialcount": ("GET", "", _bare(media.count_material)),
    "material/batchget_material": ("POST", "", media.list_material),
    "draft/add": ("POST", "", drafts.add_draft),
    "draft/get": ("POST", "", drafts.get_draft),
    "draft/update": ("POST", "", drafts.update_draft),
    "draft/delete": ("POST", "", drafts.delete_draft),
    "draft/count": ("GET", "", _bare(drafts.count_drafts)),
    "draft/batchget": ("POST", "", drafts.list_drafts),
    "freepublish/submit": ("POST", "verified", freepublish.submit),
    "freepublish/get": ("POST", "verified", freepublish.get),
    "freepublish/delete": ("POST", "verified", freepublish.delete),
    "freepublish/getarticle": ("POST", "verified", freepublish.get_article),
    "freepublish/batchget": ("POST", "verified", freepublish.list_published),
    "message/mass/sendall": ("POST", "verified", mass.send_all),
    "message/mass/send": ("POST", "verified", mass.send_to),
    "message/mass/get": ("POST", "verified", mass.get),
    "message/mass/delete": ("POST", "verified", mass.delete),
    "message/mass/preview": ("POST", "verified", mass.preview),
    "message/mass/speed/get": ("POST", "verified", mass.speed),
    "message/mass/speed/set": ("POST", "verified", mass.speed),
    "menu/create": ("POST", "verified", menu.create),
    "menu/get": ("GET", "", _bare(menu.get)),
    "menu/delete": ("GET", "verified", _bare(menu.delete)),
    "openapi/quota/get": ("POST", "", _quota),
    "openapi/quota/clear": ("POST", "", quota.clear),
    "openapi/rid/get": ("POST", "", quota.explain_rid),
    "clear_quota": ("POST", "", quota.clear),
    "getcallbackip": ("GET", "", _addresses),
    "get_api_domain_ip": ("GET", "", _addresses),
    "callback/check": ("POST", "", _check_callback),
}
for _name in datacube.SPANS.keys() | datacube.OFFLINE:
    ROUTES[f"datacube/{_name}"] = ("POST", "verified", datacube.answer)
for _name in ("open", "close", "list", "markelect", "unmarkelect", "delete", "reply/add", "reply/delete"):
    ROUTES[f"comment/{_name}"] = ("POST", "verified", comments.answer)


class WeChat:
    """What the application asks of a platform."""

    def call_name(self, request: Request) -> str:
        """ "draft/add" for /wechat/cgi-bin/draft/add, "datacube/getbizsummary" for /wechat/datacube/..."""
        return request.path.removeprefix("/wechat/").removeprefix("cgi-bin/")

    def account_of(self, call: Call) -> Doc | None:
        """The account that a request is about, by its token or its appid; None if it names none we know."""
        query, appid = call.request.query, call.request.query.get("appid")
        if query.get("access_token"):
            found = call.store.by_key("wx_token", query["access_token"])
            appid = found[0] if found else None
        elif call.name in ("stable_token", "clear_quota/v2"):
            try:
                appid = json.loads(call.request.body).get("appid")
            except (ValueError, AttributeError):
                appid = None
        return call.store.get("account", "wechat", str(appid)) if appid else None

    def execute(self, call: Call) -> Answer:
        """Do what is asked and answer. Refusals are answers, too."""
        events.settle_due(call.world)
        try:
            found = self._result(call)
        except WeChatError as error:
            return refusal(error)
        if isinstance(found, Answer):
            return found
        return json_answer(found)

    def _result(self, call: Call) -> Doc | Answer:
        if call.name == "token":
            return tokens.issue_token(call)
        if call.name == "stable_token":
            _method(call, "POST")
            return tokens.issue_stable_token(call, body_of(call))
        if call.name == "clear_quota/v2":
            return self._clear_without_token(call)
        if call.name not in ROUTES:
            raise WeChatError(40066)
        method, who, handler = ROUTES[call.name]
        _method(call, method)
        tokens.authenticate(call)
        if who == "verified" and not call.account.get("verified"):
            raise WeChatError(48001)
        quota.spend(call)
        return handler(
            call, body_of(call) if method == "POST" and not call.request.media_type.startswith("multipart") else {}
        )

    def _clear_without_token(self, call: Call) -> Doc:
        body = call.request.query | call.request.form | (body_of(call) if call.request.body[:1] == b"{" else {})
        if not call.account:
            raise WeChatError(40013)
        if body.get("appsecret") != call.account["secret"]:
            raise WeChatError(40125)
        return quota.clear(call, body)

    def forced(self, call: Call, spec: Doc, real: Answer | None) -> Answer:
        """The refusal a fault asks for. 45065 after a real send carries its msg_id, as the platform's does."""
        fields = dict(spec.get("fields") or {})
        if real is not None and int(spec.get("code", -1)) == 45065:
            fields |= {name: value for name, value in json.loads(real.body).items() if name == "msg_id"}
        return refusal(WeChatError(int(spec.get("code", -1)), str(spec.get("message", "")), **fields))


def refusal(error: WeChatError) -> Answer:
    """HTTP 200 with errcode and an errmsg that ends in a rid."""
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    value = {"errcode": error.code, "errmsg": f"{error.text} rid: {rid}"} | error.fields
    answer = json_answer(value, code=str(error.code))
    answer.rid = rid
    return answer


def _method(call: Call, method: str) -> None:
    if call.request.method != method and not (method == "GET" and call.request.method == "POST"):
        raise WeChatError(43002 if method == "POST" else 43001)


def body_of(call: Call) -> Doc:
    r"""The JSON body; 47001 for anything else.

    `\uXXXX` escapes are not understood: they stay as six characters each, in lengths and in what is stored.
    """
    raw = call.request.body
    if not raw.strip():
        return {}
    literal = ESCAPE.sub(lambda found: found.group(1) or rb"\\u", raw)
    try:
        value: Any = json.loads(literal.decode("utf-8"))
    except ValueError as error:
        raise WeChatError(47001) from error
    if not isinstance(value, dict):
        raise WeChatError(47001)
    return value


PLATFORM = WeChat()
