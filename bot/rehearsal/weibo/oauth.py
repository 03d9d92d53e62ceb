"""OAuth2 of the rehearsal Weibo (weibo.md section 1): a consent page, codes used once, tokens by kind."""

from __future__ import annotations

import html
import secrets
from urllib.parse import urlencode

from ..store import Doc
from ..wire import Answer
from ..world import Call, World
from .errors import WeiboError

LIFETIMES = {"owner": 157_680_000, "30day": 2_592_000, "1day": 86_400, "expired": -60, "revoked": 2_592_000}
CODE_SECONDS = 300


def authorize(call: Call) -> Answer:
    """GET or POST /oauth2/authorize: GET shows the consent page; the page's POST redirects with code and state."""
    asked = call.request.query | call.request.form
    accounts = [one for one in call.store.all("account", "weibo") if one["app_key"] == asked.get("client_id")]
    if not accounts:
        raise WeiboError(21324, **_described("client_id is unknown"))
    if asked.get("redirect_uri") not in (accounts[0]["redirect_uri"], default_page(call)):
        raise WeiboError(21322, **_described("redirect_uri does not match the registered one"))
    if asked.get("response_type", "code") != "code":
        raise WeiboError(21329, **_described("response_type must be code"))
    if call.request.method == "GET":
        return Answer(_page(asked, accounts).encode(), media_type="text/html; charset=utf-8")
    return _decide(call, asked, accounts)


def default_page(call: Call) -> str:
    """Where an app without a page of its own sends people: they copy `code` from the address bar."""
    return f"{call.world.base_url()}/weibo/oauth2/default.html"


def show_default_page(call: Call) -> Answer:
    """GET /oauth2/default.html."""
    code = html.escape(call.request.query.get("code", ""))
    page = f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>授权完成（演练）</title><p>授权码：<code>{code}</code></p>'
    return Answer(page.encode(), media_type="text/html; charset=utf-8")


def _decide(call: Call, asked: dict[str, str], accounts: list[Doc]) -> Answer:
    state = {"state": asked["state"]} if asked.get("state") else {}
    if asked.get("action") == "deny":
        denied = {"error": "access_denied", "error_code": "21330", "error_description": "user denied your request"}
        return _redirect(asked["redirect_uri"], denied | {"error_uri": "/oauth2/authorize"} | state)
    chosen = next((one for one in accounts if one["id"] == asked.get("uid", accounts[0]["id"])), None)
    if chosen is None:
        raise WeiboError(20003)
    if chosen.get("review") != "approved" and not chosen.get("tester", True):
        raise WeiboError(21321)
    code = secrets.token_hex(16)
    kept = {"uid": chosen["id"], "redirect_uri": asked["redirect_uri"], "expires": call.world.now() + CODE_SECONDS}
    call.store.put("wb_code", "", code, kept)
    return _redirect(asked["redirect_uri"], {"code": code} | state)


def _redirect(uri: str, values: dict[str, str]) -> Answer:
    where = uri + ("&" if "?" in uri else "?") + urlencode(values)
    return Answer(b"", 302, "text/html; charset=utf-8", {"Location": where})


def _page(asked: dict[str, str], accounts: list[Doc]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked.get(name, ""))}">'
        for name in ("client_id", "redirect_uri", "response_type", "state", "scope")
    )
    people = "".join(f'<option value="{one["id"]}">{html.escape(one["screen_name"])}</option>' for one in accounts)
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>微博授权（演练）</title>"
        '<body style="font:16px sans-serif;max-width:26em;margin:3em auto;padding:0 1em">'
        "<h1>微博授权 · 演练</h1><p>这是演练平台，不是真实微博。请选择要授权的账号，让应用代为发布微博。</p>"
        f'<form method="post" action="/weibo/oauth2/authorize">{hidden}'
        f'<p><label>账号 <select name="uid">{people}</select></label></p>'
        '<button name="action" value="allow">授权</button> <button name="action" value="deny">取消</button>'
        "</form></body></html>"
    )


def access_token(call: Call) -> Doc:
    """POST /oauth2/access_token: a code for a token; a code works once (21325)."""
    if call.request.method != "POST":
        raise WeiboError(10021, **_described("POST expected"))
    sent = call.request.query | call.request.form
    apps = [one for one in call.store.all("account", "weibo") if one["app_key"] == sent.get("client_id")]
    if not apps or sent.get("client_secret") != apps[0]["app_secret"]:
        raise WeiboError(21324, **_described("invalid client id or secret"))
    if sent.get("grant_type") != "authorization_code":
        raise WeiboError(21328, **_described("grant_type must be authorization_code"))
    kept = call.store.get("wb_code", "", sent.get("code", ""))
    call.store.delete("wb_code", "", sent.get("code", ""))
    if kept is None or kept["expires"] < call.world.now():
        raise WeiboError(21325, **_described(f"invalid authorization code:{sent.get('code', '')}"))
    if sent.get("redirect_uri") != kept["redirect_uri"]:
        raise WeiboError(21322, **_described("redirect_uri differs from the one authorised"))
    account = call.store.get("account", "weibo", kept["uid"]) or {}
    call.account = account
    token = new_token(call.world, account)
    life = LIFETIMES[account.get("token_kind", "owner")]
    answer = {"access_token": token, "remind_in": str(life), "expires_in": life, "uid": account["id"]}
    return answer | {"isRealName": "true"}


def new_token(world: World, account: Doc, *, kind: str = "", token: str = "") -> str:
    """Make a token of a kind (default: the account's) and remember it."""
    kind = kind or account.get("token_kind", "owner")
    token = token or f"2.00{secrets.token_hex(14)}"
    now = world.now()
    kept = {
        "token": token,
        "kind": kind,
        "created": now,
        "expires": now + LIFETIMES[kind],
        "revoked": kind == "revoked",
    }
    world.store.put("wb_token", account["id"], token, kept)
    return token


def token_info(call: Call) -> Doc:
    """POST /oauth2/get_token_info: note the singular `expire_in`."""
    if call.request.method != "POST":
        raise WeiboError(10021, **_described("POST expected"))
    kept = token_of(call)
    left = max(0, int(kept["expires"] - call.world.now()))
    owner = {"uid": int(call.account["id"]), "appkey": call.account["app_key"], "scope": None}
    return owner | {"create_at": int(kept["created"]), "expire_in": left}


def revoke(call: Call) -> Doc:
    """GET or POST /oauth2/revokeoauth2: withdraws the authorisation."""
    kept = token_of(call)
    call.store.put("wb_token", call.id, kept["token"], kept | {"revoked": True, "withdrawn": True})
    return {"result": "true"}


def sent_token(call: Call) -> str:
    """The token of a request: header, form body or query."""
    header = str(call.request.headers.get("Authorization", ""))
    if header.lower().startswith("oauth2 "):
        return header[7:].strip()
    return call.request.form.get("access_token") or call.request.query.get("access_token", "")


def token_of(call: Call) -> Doc:
    """The living token of a request. 10006 or 21301 missing, 21332 unknown, 21327 run out, 21316/21319 revoked."""
    token = sent_token(call)
    if not token:
        raise WeiboError(21301 if call.request.media_type == "multipart/form-data" else 10006)
    found = call.store.by_key("wb_token", token)
    if found is None:
        raise WeiboError(21332)
    kept = found[1]
    if kept["revoked"]:
        raise WeiboError(21319 if kept.get("withdrawn") else 21316)
    if kept["expires"] <= call.world.now():
        raise WeiboError(int(call.switch("expired_code", 21327)))
    return kept


def _described(text: str) -> Doc:
    return {"error_uri": "/oauth2/access_token", "error_description": text}
