"""Another system with its token, and what it sends."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from bot.models import ApiToken
from bot.services import apitokens
from tests.console.world import District, now

PLACE = "/api/v1"
PROBLEM = "application/problem+json"
_NUMBERS = itertools.count(1)

NOTICE: dict[str, Any] = {
    "kind": "notice",
    "title": "关于调整城区公交线路的通知",
    "summary": "自12月1日起，3路、8路公交车调整部分站点。",
    "body_html": "<p>自12月1日起调整，请市民留意站牌。</p>",
    "document_number": "临东政办字〔2017〕41号",
    "unit": "河东区人民政府办公室",
    "category": "通知公告",
    "source_url": "https://www.hedong.gov.cn/a/1.html",
    "published_on": "2017-05-02",
}
INTERPRETATION: dict[str, Any] = {
    "id": "HD-51",
    "title": "《河东区公共租赁住房管理办法》政策解读",
    "summary": "哪些人可以申请、怎样申请、什么情况要退出，一文读懂。",
    "body_html": "<p>符合条件的家庭可以申请。</p>",
    "unit": "河东区人民政府办公室",
    "category": "政策解读",
    "source_url": "https://www.hedong.gov.cn/a/51.html",
}
POLICY: dict[str, Any] = {
    "kind": "disclosure",
    "title": "河东区人民政府关于印发河东区公共租赁住房管理办法的通知",
    "summary": "为规范公共租赁住房的分配、使用和退出，制定本办法。",
    "body_html": "<p>为规范公共租赁住房的分配、使用和退出，制定本办法。</p>",
    "document_number": "临东政发〔2017〕12号",
    "unit": "河东区人民政府办公室",
    "category": "政策文件",
    "source_url": "https://www.hedong.gov.cn/a/50.html",
    "formed_on": "2017-05-02",
}
PAIR = {**POLICY, "interpretation": INTERPRETATION}


def fresh_key() -> str:
    return f"key-{next(_NUMBERS):08}"


@dataclass
class Machine:
    secret: str
    token: ApiToken
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    @classmethod
    def of(cls, district: District, *rights: str, person: str = "editor", name: str = "门户网站") -> Machine:
        token, secret = apitokens.add_token(
            name, person=district.people[person], rights=list(rights), life=timedelta(days=30), actor="test", now=now()
        )
        return cls(secret.reveal(), token)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._send("GET", path, query_params=query)

    def put(self, path: str, body: Any, *, key: str | None = "") -> HttpResponse:
        return self._send("PUT", path, body, key)

    def post(self, path: str, body: Any, *, key: str | None = "") -> HttpResponse:
        return self._send("POST", path, body, key)

    def _send(self, method: str, path: str, body: Any = None, key: str | None = None, **more: Any) -> HttpResponse:
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key is not None:
            headers["Idempotency-Key"] = key or fresh_key()
        text = "" if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        answer: Any = self.client.generic(
            method, f"{PLACE}{path}", text, content_type="application/json", headers=headers, **more
        )
        return answer


def problem(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The problem that an answer is; nothing else is accepted."""
    assert answer.status_code == status, answer.content.decode()
    assert answer.headers["Content-Type"] == PROBLEM
    found: dict[str, Any] = json.loads(answer.content)
    assert set(found) == {"type", "title", "status", "detail", "code", "details", "errors"}
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"urn:tongfa:problem:{code}"
    assert any("\u4e00" <= char <= "\u9fff" for char in found["detail"])
    return found


def told(answer: HttpResponse, status: int = 200) -> dict[str, Any]:
    """The answer of what was done."""
    assert answer.status_code == status, answer.content.decode()
    assert answer.headers["Content-Type"].startswith("application/json")
    found: dict[str, Any] = json.loads(answer.content)
    return found
