"""Who may call what: tokens, rights, roles, and the wall between units."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bot.api import security
from bot.domain.rights import Right
from bot.models import AuditEvent
from bot.services import apitokens, people
from tests.console.world import ARTICLES, District, now

from .machine import NOTICE, PLACE, Machine, problem, told
from .test_releases import wish

CALLS: list[tuple[str, str, Any, Right]] = [
    ("GET", "/documents", None, Right.DOCUMENTS_READ),
    ("GET", "/documents/HD-1", None, Right.DOCUMENTS_READ),
    ("GET", "/findings?document=HD-1", None, Right.DOCUMENTS_READ),
    ("PUT", "/documents/HD-1", NOTICE, Right.DOCUMENTS_WRITE),
    ("POST", "/submissions", {"document": "HD-1"}, Right.DOCUMENTS_WRITE),
    ("GET", "/releases", None, Right.RELEASES_READ),
    ("GET", "/releases/1", None, Right.RELEASES_READ),
    ("POST", "/releases", wish(), Right.RELEASES_PLAN),
    ("GET", "/releases/1/metrics", None, Right.METRICS_READ),
    ("GET", "/metrics?from=2026-11-01&to=2026-11-30", None, Right.METRICS_READ),
    ("GET", "/metrics/by-hand?from=2026-11-01&to=2026-11-30", None, Right.METRICS_READ),
    ("GET", "/health", None, Right.HEALTH_READ),
]


def send(machine: Machine, method: str, path: str, body: Any) -> Any:
    return machine._send(method, path, body, None if body is None else "")


@pytest.mark.parametrize(("method", "path", "body", "right"), CALLS)
def test_each_operation_opens_with_its_right_and_with_no_other(
    district: District, method: str, path: str, body: Any, right: Right
) -> None:
    others = Machine.of(district, *(set(Right) - {right}), name="别的")
    found = problem(send(others, method, path, body), 403, "right")
    assert right in found["detail"]
    assert send(Machine.of(district, right), method, path, body).status_code not in {401, 403}


@pytest.mark.parametrize(("method", "path", "body", "right"), CALLS)
def test_without_a_token_that_holds_there_is_nothing(
    machine: Machine, method: str, path: str, body: Any, right: Right
) -> None:
    anonymous = Client().generic(method, f"{PLACE}{path}", "", content_type="application/json")
    problem(anonymous, 401, "token")
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    apitokens.revoke_token(machine.token.pk, actor="test", now=now())
    problem(send(machine, method, path, body), 401, "token")


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp4", "Bearer " + "x" * 5000, "Bearer 令牌"]
)
def test_what_is_no_token_is_401(district: District, given: str) -> None:
    answer = Client().get(f"{PLACE}/health", headers={"Authorization": given})
    problem(answer, 401, "token")


def test_a_session_of_the_pages_opens_nothing_here(district: District) -> None:
    browser = Client()
    browser.force_login(district.people["editor"])
    problem(browser.get(f"{PLACE}/documents"), 401, "token")


def test_a_token_opens_no_page(machine: Machine) -> None:
    answer = machine.client.get("/", headers={"Authorization": f"Bearer {machine.secret}"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


def test_whoever_left_takes_the_token_along(machine: Machine) -> None:
    told(machine.get("/health"))
    people.disable_person("editor", actor="test", now=now())
    problem(machine.get("/health"), 401, "token")


@pytest.mark.parametrize("path", ["/documents", "/documents/HD-1", "/findings?document=HD-1", "/releases"])
def test_through_the_token_of_an_administrator_nobody_reads_what_the_administrator_may_not(
    district: District, path: str
) -> None:
    district.document()
    machine = Machine.of(district, *Right, person="admin")
    problem(send(machine, "GET", path, None), 403, "role")
    told(machine.get("/health"))


def test_a_token_is_no_more_than_its_person(district: District) -> None:
    """The right opens the door; behind it the role decides."""
    duty = Machine.of(district, *Right, person="duty")
    district.document()
    problem(duty.put("/documents/HD-1", NOTICE), 403, "role")
    problem(duty.post("/submissions", {"document": "HD-1"}), 403, "role")


def test_another_unit_is_not_there(machine: Machine, district: District) -> None:
    other = District.make("tangtou", "汤头街道办事处")
    release, document = other.planned(ARTICLES[0]), "HD-1"
    for answer in (
        machine.get(f"/documents/{document}"),
        machine.get("/findings", document=document),
        machine.post("/submissions", {"document": document}),
        machine.get(f"/releases/{release.pk}"),
        machine.get(f"/releases/{release.pk}/metrics"),
        machine.post("/releases", wish(document)),
    ):
        problem(answer, 404, "not_found")
    district.approved(ARTICLES[1])
    problem(machine.post("/releases", wish("HD-2", accounts=["tangtou-wx"])), 404, "not_found")
    assert [one["id"] for one in told(machine.get("/documents"))["documents"]] == ["HD-2"]
    assert told(machine.get("/releases"))["releases"] == []
    assert {one["account"] for one in told(machine.get("/health"))["accounts"]} == {"wx", "wb"}


def test_the_same_id_in_two_units_is_two_documents(machine: Machine, district: District) -> None:
    other = District.make("tangtou", "汤头街道办事处")
    other.document(ARTICLES[0])
    assert told(machine.put("/documents/HD-1", NOTICE), 201)["document"]["result"] == "created"
    assert other.document(ARTICLES[0]).editions.count() == 1


def test_whoever_tries_many_tokens_is_slowed_and_locks_nobody_out(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "WRONG_PER_MINUTE", 3)
    statuses = [
        Client().get(f"{PLACE}/health", headers={"Authorization": f"Bearer x{n}"}).status_code for n in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    told(machine.get("/health"))


def test_no_secret_is_in_the_trail(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE), 201)
    assert not any(machine.secret in str(event.data) for event in AuditEvent.objects.all())
