"""What people and platforms do behind the client's back: at once by `/_control/act`, or armed as fault `act`."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import Any

from .store import Doc
from .wechat import comments, drafts, freepublish, mass, tokens
from .wechat.errors import WeChatError
from .weibo import oauth, reads, share
from .weibo.statuses import permalink
from .wire import Request
from .world import Call, World


def perform(world: World, spec: Doc) -> Doc:
    """Do `spec.action` on `spec.platform`/`spec.account` with `spec.args`. KeyError or ValueError for nonsense."""
    action, platform, account_id = (
        str(spec.get("action", "")),
        str(spec.get("platform", "")),
        str(spec.get("account", "")),
    )
    if action not in ACTIONS or ACTIONS[action][0] != platform:
        raise ValueError(f"unknown action {action!r} on {platform!r}")
    with world.store.transaction():
        account = world.store.get("account", platform, account_id)
        if account is None:
            raise KeyError(f"no account {account_id!r} on {platform}")
        call = Call(world, _no_request(), platform, "act", account=account)
        return ACTIONS[action][1](call, spec.get("args") or {}) or {}


def _no_request() -> Request:
    return Request(0.0, "POST", "/", Message(), b"", "127.0.0.1")


def _delete_draft(call: Call, args: Doc) -> None:
    found = call.store.all("wx_draft", call.id)
    for draft in (
        found[-1:] if "media_id" not in args else [one for one in found if one["media_id"] == args["media_id"]]
    ):
        call.store.delete("wx_draft", call.id, draft["media_id"])


def _edit_draft(call: Call, args: Doc) -> None:
    for draft in call.store.all("wx_draft", call.id)[-1:]:
        draft["articles"][int(args.get("index", 0))] |= args["change"]
        call.store.put("wx_draft", call.id, draft["media_id"], draft)


def _supersede(call: Call, args: Doc) -> None:
    tokens.kill_tokens(call, str(args.get("source", "")))


def _expire(call: Call, args: Doc) -> None:
    tokens.kill_tokens(call, str(args.get("source", "")), code="expired")


def _web_send(call: Call, args: Doc) -> Doc | None:
    """A person sends in the console: it uses up the quota, and with `titles` there are articles to see and to count."""
    kind = str(args.get("kind", "mass"))
    if kind == "mass":
        mass.use_quota(call.world, call.account, to_all=True)
    articles = [mass.titled(str(title)) for title in args.get("titles") or ()]
    return mass.in_console(call.world, call.id, kind, articles) if articles else None


def _publish_draft(call: Call, args: Doc) -> Doc:
    """A person opens a draft in the console and makes it public; `kind` "mass" also pushes it and uses up the quota."""
    kind = str(args.get("kind", "publish"))
    try:
        draft = drafts.draft_of(call, args.get("media_id"))
        if kind == "mass":
            mass.check_quota(call.world, call.account, to_all=True)
    except WeChatError as error:
        raise ValueError(f"errcode {error.code}") from None
    if kind == "mass":
        mass.use_quota(call.world, call.account, to_all=True)
    call.store.delete("wx_draft", call.id, draft["media_id"])
    return mass.in_console(call.world, call.id, kind, draft["articles"])


def _decide(call: Call, args: Doc) -> None:
    waiting = [one["id"] for one in call.store.all("wx_job", call.id) if one["stage"] == "waiting"]
    mass.decide(
        call.world, call.account, str(args.get("msg_id") or (waiting or [""])[-1]), str(args.get("outcome", "confirm"))
    )
    call.world.wake.set()


def _remove_article(call: Call, args: Doc) -> None:
    public = [one for one in call.store.all("wx_job", call.id) if one["stage"] == "public"]
    chosen = [one for one in public if one["id"] == str(args["id"])] if "id" in args else public[-1:]
    for job in chosen:
        freepublish.remove(call.world, call.id, job, int(args.get("index", 0)))


def _comment_wechat(call: Call, args: Doc) -> None:
    comments.write(call, int(args["msg_data_id"]), int(args.get("index", 0)), list(args["texts"]))


def _delete_post(call: Call, args: Doc) -> None:
    found = [one for one in call.store.all("wb_status", call.id) if not one["deleted"]]
    for status in [one for one in found if one["id"] == str(args["id"])] if "id" in args else found[-1:]:
        reads.delete_status(call, status)


def _foreign_posts(call: Call, args: Doc) -> Doc:
    made, urls = [], []
    for number in range(int(args.get("count", 6))):
        text = str(args.get("text", "手工发布的微博")) + (f" {number + 1}" if int(args.get("count", 6)) > 1 else "")
        more: dict[str, Any] = {"foreign": True, "source": '<a href="http://weibo.com" rel="nofollow">微博网页版</a>'}
        status = share.make_status(call.world, call.account, text, "", call.world.now(), **more)
        call.store.put("wb_status", call.id, status["id"], status)
        made.append(status["id"])
        urls.append(permalink(status))
    return {"ids": made, "urls": urls}


def _comment_weibo(call: Call, args: Doc) -> None:
    reads.write_comments(call, str(args["id"]), list(args["texts"]))


def _end_token(call: Call, args: Doc) -> None:
    how = str(args.get("how", "revoked"))
    for kept in call.store.all("wb_token", call.id):
        change: Doc = (
            {"expires": call.world.now() - 1}
            if how == "expired"
            else {"revoked": True, "withdrawn": how == "withdrawn"}
        )
        call.store.put("wb_token", call.id, kept["token"], kept | change)


def _new_token(call: Call, args: Doc) -> Doc:
    return {
        "token": oauth.new_token(
            call.world, call.account, kind=str(args.get("kind", "")), token=str(args.get("token", ""))
        )
    }


ACTIONS: dict[str, tuple[str, Callable[[Call, Doc], Doc | None]]] = {
    "delete_draft": ("wechat", _delete_draft),
    "edit_draft": ("wechat", _edit_draft),
    "publish_draft": ("wechat", _publish_draft),
    "supersede_token": ("wechat", _supersede),
    "expire_token": ("wechat", _expire),
    "web_send": ("wechat", _web_send),
    "decide": ("wechat", _decide),
    "remove_article": ("wechat", _remove_article),
    "write_comments": ("wechat", _comment_wechat),
    "delete_post": ("weibo", _delete_post),
    "foreign_posts": ("weibo", _foreign_posts),
    "write_post_comments": ("weibo", _comment_weibo),
    "end_token": ("weibo", _end_token),
    "new_token": ("weibo", _new_token),
}
