"""The account's menu (wechat.md section 5): replaced as a whole, read, deleted."""

from __future__ import annotations

from typing import Any

from ..store import Doc
from ..world import Call
from .errors import WeChatError

NEEDS = {"click": "key", "view": "url", "media_id": "media_id", "article_id": "article_id", "miniprogram": "url"}
TYPES = set(NEEDS) | {
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
    "article_view_limited",
}


def create(call: Call, body: Doc) -> Doc:
    """POST menu/create `{button: [...]}`: 1 to 3, each with up to 5 below it."""
    buttons = body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise WeChatError(40016)
    for button in buttons:
        _check(button, 16)
        below = button.get("sub_button")
        if below is not None and (not isinstance(below, list) or len(below) > 5):
            raise WeChatError(40023)
        for one in below or []:
            _check(one, 60)
    call.store.put("wx_menu", call.id, "menu", {"button": buttons})
    return {"errcode": 0, "errmsg": "ok"}


def _check(button: Any, most: int) -> None:
    if not isinstance(button, dict) or not button.get("name"):
        raise WeChatError(40018)
    if "\\u" in str(button["name"]):
        raise WeChatError(40033)
    if len(str(button["name"]).encode()) > most:
        raise WeChatError(40018)
    if button.get("sub_button"):
        return
    kind = str(button.get("type"))
    if kind not in TYPES or (kind in NEEDS and not button.get(NEEDS[kind])):
        raise WeChatError(40017)
    if len(str(button.get("key", "")).encode()) > 128:
        raise WeChatError(40019)
    if len(str(button.get("url", "")).encode()) > 1024:
        raise WeChatError(40020)


def get(call: Call) -> Doc:
    """GET menu/get; 46003 when there is none."""
    menu = call.store.get("wx_menu", call.id, "menu")
    if menu is None:
        raise WeChatError(46003)
    return {"menu": menu}


def delete(call: Call) -> Doc:
    """GET menu/delete."""
    call.store.delete("wx_menu", call.id)
    return {"errcode": 0, "errmsg": "ok"}
