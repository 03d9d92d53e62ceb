"""Every error under /api/ is a problem of RFC 9457, never a page."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.test import Client, override_settings

from bot.api import documents as operations
from bot.models import Document
from bot.runtime.paths import Home

from .machine import NOTICE, PLACE, Machine, fresh_key, problem, told


@pytest.mark.parametrize("path", ["/nowhere", "/documents/", "/", "/releases/1/nothing", "/docs"])
def test_an_unknown_address(machine: Machine, path: str) -> None:
    problem(machine.get(path), 404, "not_found")


def test_an_unknown_address_beside_the_interface() -> None:
    problem(Client().get("/api/v0/documents"), 404, "not_found")


def test_a_thing_that_is_not_there_is_named(machine: Machine) -> None:
    assert "HD-9" in problem(machine.get("/documents/HD-9"), 404, "not_found")["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/documents", {"GET"}), ("DELETE", "/documents/HD-1", {"GET", "PUT"}), ("PATCH", "/releases", {"GET", "POST"})],
)  # fmt: skip
def test_a_method_that_is_not_there(machine: Machine, method: str, path: str, allowed: set[str]) -> None:
    answer = machine._send(method, path)
    problem(answer, 405, "method")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("body", ["{", "", '{"title": NaN}', b"\xff\xfe\x00", "[" * 100_000])
def test_a_body_that_is_no_json(machine: Machine, body: Any) -> None:
    answer = machine.put("/documents/HD-1", body)
    assert answer.status_code in {400, 422}
    problem(answer, answer.status_code, {400: "unreadable", 422: "schema"}[answer.status_code])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_that_says_it_is_something_else(machine: Machine, kind: str) -> None:
    headers = {"Authorization": f"Bearer {machine.secret}", "Idempotency-Key": fresh_key()}
    answer = Client().generic("PUT", f"{PLACE}/documents/HD-1", "{}", content_type=kind, headers=headers)
    problem(answer, 415, "media_type")


def test_a_body_that_is_too_large(machine: Machine) -> None:
    problem(machine.put("/documents/HD-1", {**NOTICE, "summary": "长" * 3_000_000}), 413, "too_large")


def test_characters_that_no_text_holds_are_no_fault(machine: Machine) -> None:
    problem(machine.put("/documents/HD-1", '{"title": "\\ud800", "\\ud800": 1}'), 422, "schema")
    problem(machine.get("/documents/HD%00"), 422, "schema")
    problem(machine.get("/findings", document="\x00"), 422, "schema")


@pytest.mark.parametrize("number", ["99999999999999999999999", "0", "-1", "x", "1.5"])
def test_a_number_that_is_none(machine: Machine, number: str) -> None:
    problem(machine.get(f"/releases/{number}"), 422, "schema")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=-1", "kind=secret", "state=superseded_"])
def test_a_parameter_that_does_not_fit(machine: Machine, query: str) -> None:
    found = problem(machine._send("GET", f"/documents?{query}"), 422, "schema")
    assert found["errors"][0]["where"] == f"query.{query.partition('=')[0]}"


@pytest.mark.parametrize("path", ["/metrics", "/metrics/by-hand"])
def test_days_in_the_wrong_order_are_no_empty_list(machine: Machine, path: str) -> None:
    found = problem(machine.get(path, **{"from": "2026-01-01", "to": "2025-01-01"}), 409, "days")
    assert "止日 to（2025-01-01）不能早于起日 from（2026-01-01）" in found["detail"]


def test_a_fault_of_the_program_tells_nothing_of_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(operations, "find_document", breaks)
    answer = machine.get("/documents/HD-1")
    problem(answer, 500, "error")
    assert b"secret" not in answer.content


def test_a_database_that_does_not_answer_is_503(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(operations, "find_document", gone)
    answer = machine.get("/documents/HD-1")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_before_there_is_a_home_the_answer_is_a_problem_too(tmp_path: Path) -> None:
    changed = dataclasses.replace(django_settings.TONGFA, home=Home(tmp_path / "none"))
    with override_settings(TONGFA=changed):
        problem(Client().get(f"{PLACE}/health"), 503, "not_ready")
        assert Client().get("/").headers["Content-Type"].startswith("text/html")


def test_a_foreign_host_gets_a_problem(machine: Machine) -> None:
    answer = machine.client.get(f"{PLACE}/health", headers={"Host": "evil.example"})
    problem(answer, 400, "unreadable")


@pytest.mark.parametrize("key", [None, "short", "x" * 65, "with space here", "键键键键键键键键"])
def test_a_writing_call_needs_its_key(machine: Machine, key: str | None) -> None:
    found = problem(machine.put("/documents/HD-1", NOTICE, key=key), 422, "schema")
    assert "Idempotency-Key" in found["errors"][0]["where"]
    assert not Document.objects.exists()


def test_answers_are_kept_by_no_cache(machine: Machine) -> None:
    for answer in (machine.get("/health"), machine.get("/nowhere"), machine.put("/documents/HD-1", NOTICE)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not answer.cookies
    told(machine.get("/documents/HD-1"))
