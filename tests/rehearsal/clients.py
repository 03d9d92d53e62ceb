"""An independent client of the rehearsal platforms: plain requests, no code of the product."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import requests
from PIL import Image

APPID, SECRET, UID = "wxrehearsal0000001", "rehearsal-secret", "2017000001"
TOKEN = "2.00rehearsal0linyihedong0000001"
LINK = "https://www.hedong.gov.cn/a/1.html?tf=k3f9"


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind)
    return out.getvalue()


def eventually(probe: Callable[[], Any], seconds: float = 8.0) -> Any:
    """The first truthy value of `probe`; for things that other threads do."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("did not happen in time")


class Control:
    def __init__(self, base: str) -> None:
        self.base, self.http = base + "/_control/", requests.Session()

    def get(self, name: str, **query: Any) -> Any:
        return self.http.get(self.base + name, params=query, timeout=10).json()

    def post(self, name: str, body: Any) -> Any:
        answer = self.http.post(self.base + name, json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wechat(self, **fields: Any) -> Any:
        return self.post("accounts/change", {"platform": "wechat", "account": APPID, "set": fields})

    def switch(self, platform: str = "wechat", **switches: Any) -> Any:
        account = APPID if platform == "wechat" else UID
        return self.post("accounts/change", {"platform": platform, "account": account, "switches": switches})

    def arm(self, platform: str, call: str, fault: str, times: int = 1, **args: Any) -> Any:
        return self.post("faults", {"platform": platform, "call": call, "fault": fault, "times": times, "args": args})

    def act(self, platform: str, action: str, **args: Any) -> Any:
        account = APPID if platform == "wechat" else UID
        return self.post("act", {"platform": platform, "account": account, "action": action, "args": args})

    def journal(self, call: str = "") -> list[dict[str, Any]]:
        return [row for row in self.get("journal")["journal"] if call in ("", row["call"])]

    def effects(self) -> list[dict[str, Any]]:
        return list(self.get("effects")["effects"])


class WeChat:
    def __init__(self, base: str) -> None:
        self.base, self.http, self.token = base + "/wechat", requests.Session(), ""

    def login(self, appid: str = APPID, secret: str = SECRET) -> WeChat:
        self.token = self.stable(appid=appid, secret=secret)["access_token"]
        return self

    def stable(self, **fields: Any) -> Any:
        body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET} | fields
        return self.http.post(f"{self.base}/cgi-bin/stable_token", json=body, timeout=10).json()

    def plain_token(self, **fields: Any) -> Any:
        query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET} | fields
        return self.http.get(f"{self.base}/cgi-bin/token", params=query, timeout=10).json()

    def raw(self, name: str, body: Any = None, method: str = "POST", **more: Any) -> requests.Response:
        root = self.base if name.startswith("datacube/") else f"{self.base}/cgi-bin"
        data = json.dumps(body if body is not None else {}, ensure_ascii=False).encode() if method == "POST" else None
        more = {"data": data, "timeout": 10} | more
        query = {"access_token": self.token} | more.pop("params", {})
        return self.http.request(method, f"{root}/{name}", params=query, **more)

    def call(self, name: str, body: Any = None, method: str = "POST", **more: Any) -> Any:
        return self.raw(name, body, method, **more).json()

    def upload(self, name: str, body: bytes, **query: str) -> Any:
        files = {"media": ("a.png", body, "image/png")}
        return self.raw(name, params=query, data=None, files=files).json()

    def cover(self) -> str:
        return str(self.upload("material/add_material", picture(), type="image")["media_id"])

    def article(self, **fields: Any) -> dict[str, Any]:
        base = {"title": "河东区政策解读", "author": "河东发布", "digest": "要点", "content": "<p>正文</p>"}
        cover = {} if "thumb_media_id" in fields else {"thumb_media_id": self.cover()}
        return base | {"content_source_url": LINK} | cover | fields

    def draft(self, *articles: dict[str, Any]) -> str:
        return str(self.call("draft/add", {"articles": list(articles) or [self.article()]})["media_id"])

    def submit(self, media_id: str) -> Any:
        return self.call("freepublish/submit", {"media_id": media_id})

    def send(self, media_id: str, key: str = "k1", **more: Any) -> Any:
        body = {"filter": {"is_to_all": True}, "msgtype": "mpnews", "mpnews": {"media_id": media_id}}
        return self.call("message/mass/sendall", body | {"send_ignore_reprint": 0, "clientmsgid": key} | more)


class Weibo:
    def __init__(self, base: str, token: str = TOKEN) -> None:
        self.root, self.base, self.http, self.token = base, base + "/weibo", requests.Session(), token

    @property
    def head(self) -> dict[str, str]:
        return {"Authorization": f"OAuth2 {self.token}"}

    def share(self, text: str, rip: str = "203.0.113.7", **more: Any) -> requests.Response:
        data = {"status": text, "rip": rip}
        url = f"{self.base}/2/statuses/share.json"
        return self.http.post(url, data=data, headers=self.head, timeout=10, **more)

    def get(self, name: str, **query: Any) -> requests.Response:
        return self.http.get(f"{self.base}/2/{name}.json", params=query, headers=self.head, timeout=10)

    def timeline(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.get("statuses/user_timeline", **query).json()["statuses"])
