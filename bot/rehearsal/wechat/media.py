"""Pictures and permanent material (wechat.md section 2). The first bytes of a file decide, not its name."""

from __future__ import annotations

import secrets

from .. import pictures
from ..store import Doc
from ..wire import Answer, Upload
from ..world import Call
from .errors import WeChatError

MEGABYTE = 1024 * 1024
IMAGE_KINDS = {"jpeg", "png", "gif", "bmp"}
LIMITS = {"image": 10 * MEGABYTE, "thumb": 64 * 1024, "voice": 2 * MEGABYTE, "video": 10 * MEGABYTE}
MOST = 100_000


def upload_image(call: Call) -> Doc:
    """POST media/uploadimg: an in-article picture, jpg or png, under 1 MB; only its address comes back."""
    upload = _file(call)
    kind = pictures.kind_of(upload.body)
    if kind not in ("jpeg", "png"):
        raise WeChatError(40005)
    if len(upload.body) >= MEGABYTE:
        raise WeChatError(40009)
    return {"url": _keep_picture(call, upload.body, kind), "errcode": 0, "errmsg": "ok"}


def add_material(call: Call) -> Doc:
    """POST material/add_material?type=: permanent; `url` for images only."""
    material_type = call.request.query.get("type") or call.request.form.get("type", "")
    if material_type not in LIMITS:
        raise WeChatError(40004)
    upload = _file(call)
    kind = pictures.kind_of(upload.body)
    if (material_type == "image" and kind not in IMAGE_KINDS) or (material_type == "thumb" and kind != "jpeg"):
        raise WeChatError(40005)
    if len(upload.body) > LIMITS[material_type]:
        raise WeChatError(40009 if material_type == "image" else 45001)
    if len(call.store.all("wx_material", call.id)) >= MOST:
        raise WeChatError(45001)
    return _keep_material(call, upload, material_type, kind)


def _keep_material(call: Call, upload: Upload, material_type: str, kind: str) -> Doc:
    media_id = _media_id()
    material: Doc = {"media_id": media_id, "type": material_type, "name": upload.filename, "at": int(call.world.now())}
    if material_type in ("image", "thumb"):
        material["url"] = _keep_picture(call, upload.body, kind)
    material["hash"] = call.store.keep_bytes(upload.body, f"image/{kind}" if kind else "application/octet-stream")
    call.store.put("wx_material", call.id, media_id, material)
    reply: Doc = {"media_id": media_id, "item": []}
    return reply | ({"url": material["url"]} if material_type == "image" else {})


def upload_temporary(call: Call) -> Doc:
    """POST media/upload?type=: lives 3 days, and is no cover of a draft."""
    material_type = call.request.query.get("type", "")
    if material_type not in LIMITS:
        raise WeChatError(40004)
    upload = _file(call)
    if material_type == "image" and pictures.kind_of(upload.body) not in IMAGE_KINDS:
        raise WeChatError(40005)
    if len(upload.body) > LIMITS[material_type]:
        raise WeChatError(40009)
    return {"type": material_type, "media_id": _media_id(), "created_at": int(call.world.now())}


def get_material(call: Call, body: Doc) -> Answer | Doc:
    """POST material/get_material: the raw bytes of a picture."""
    material = material_of(call, body.get("media_id"))
    kept = call.store.bytes_of(material["hash"])
    if material["type"] == "video":
        return {"title": material["name"], "description": "", "down_url": "http://mp.weixin.qq.com/mp/video"}
    if kept is None:
        raise WeChatError(40007)
    return Answer(kept[1], media_type=kept[0])


def delete_material(call: Call, body: Doc) -> Doc:
    """POST material/del_material: cannot be undone."""
    material = material_of(call, body.get("media_id"))
    call.store.delete("wx_material", call.id, material["media_id"])
    return {"errcode": 0, "errmsg": "ok"}


def count_material(call: Call) -> Doc:
    """GET material/get_materialcount."""
    found = call.store.all("wx_material", call.id)
    kinds = {name: sum(1 for item in found if item["type"] == name) for name in ("voice", "video", "image")}
    return {f"{name}_count": number for name, number in kinds.items()} | {"news_count": 0}


def list_material(call: Call, body: Doc) -> Doc:
    """POST material/batchget_material: newest first, 1 to 20 at a time."""
    offset, count = page_of(body)
    found = [item for item in reversed(call.store.all("wx_material", call.id)) if item["type"] == body.get("type")]
    shown = [
        {"media_id": item["media_id"], "name": item["name"], "update_time": item["at"], "url": item.get("url", "")}
        for item in found[offset : offset + count]
    ]
    return {"item": shown, "total_count": len(found), "item_count": len(shown)}


def material_of(call: Call, media_id: object) -> Doc:
    """A permanent material of this account; 40007 for anything else, 41006 when none is named."""
    if not media_id:
        raise WeChatError(41006)
    found = call.store.get("wx_material", call.id, str(media_id))
    if found is None:
        raise WeChatError(40007)
    return found


def page_of(body: Doc) -> tuple[int, int]:
    """`offset` and `count` (1 to 20) of a list call; 40215 outside."""
    offset, count = body.get("offset", 0), body.get("count", 20)
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or not 1 <= count <= 20:
        raise WeChatError(40215)
    return offset, count


def _file(call: Call) -> Upload:
    files = [upload for upload in call.request.uploads if upload.field == "media"]
    if not files or not files[0].body:
        raise WeChatError(41005)
    return files[0]


def _media_id() -> str:
    return secrets.token_urlsafe(48)


def _keep_picture(call: Call, body: bytes, kind: str) -> str:
    name = call.store.keep_bytes(body, f"image/{kind}")
    code = f"rehearsal{name[:40]}"
    folder = "mmbiz_jpg" if kind == "jpeg" else f"mmbiz_{kind}"
    url = f"http://mmbiz.qpic.cn/{folder}/{code}/0?wx_fmt={kind}"
    call.store.put("wx_picture", "", code, {"hash": name, "url": url})
    return url
