"""A writing call has its effect once, however often and from however many sides it is made."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bot.domain.rights import Right
from bot.models import ApiCall, AuditEvent, Document, Edition, Release
from bot.services import apicalls, people
from tests.console.world import District, now

from .machine import NOTICE, Machine, problem, told
from .test_releases import wish

KEY = "cms-2026-11-26-0001"


def test_the_same_call_gets_the_first_answer_again(machine: Machine) -> None:
    first = machine.put("/documents/HD-1", NOTICE, key=KEY)
    again = machine.put("/documents/HD-1", NOTICE, key=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Edition.objects.count() == 1
    assert AuditEvent.objects.filter(action="api.written").count() == 1


def test_the_order_of_members_says_nothing(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    turned = dict(reversed(NOTICE.items()))
    assert machine.put("/documents/HD-1", turned, key=KEY).headers["Idempotency-Replayed"] == "true"


def test_a_key_that_stood_for_something_else_is_refused(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    problem(machine.put("/documents/HD-1", {**NOTICE, "summary": "另一个摘要。"}, key=KEY), 422, "key_reused")
    problem(machine.put("/documents/HD-2", NOTICE, key=KEY), 422, "key_reused")
    problem(machine.post("/submissions", {"document": "HD-1"}, key=KEY), 422, "key_reused")
    assert Edition.objects.count() == 1


def test_keys_of_two_tokens_have_nothing_to_do_with_each_other(machine: Machine, district: District) -> None:
    other = Machine.of(district, Right.DOCUMENTS_WRITE, name="另一个系统")
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    assert told(other.put("/documents/HD-1", NOTICE, key=KEY))["document"]["result"] == "unchanged"


def test_a_release_is_composed_once(machine: Machine, district: District) -> None:
    district.approved()
    asked = wish()
    first = told(machine.post("/releases", asked, key=KEY), 201)
    assert told(machine.post("/releases", asked, key=KEY), 201) == first
    assert Release.objects.count() == 1


def test_a_submission_is_made_once(machine: Machine, district: District) -> None:
    district.document()
    first = told(machine.post("/submissions", {"document": "HD-1"}, key=KEY))
    assert told(machine.post("/submissions", {"document": "HD-1"}, key=KEY)) == first
    assert Edition.objects.get().marker == first["marker"]


def test_what_was_refused_may_be_asked_again_with_the_same_key(machine: Machine, district: District) -> None:
    problem(machine.post("/releases", wish(), key=KEY), 404, "not_found")
    assert not ApiCall.objects.exists()
    district.approved()
    told(machine.post("/releases", wish(), key=KEY), 201)


def test_a_call_under_way_is_told_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second comes while the first is at work."""
    seen: list[Any] = []
    from bot.services import pushing

    saves = pushing.save_article

    def meanwhile(*args: Any, **kwargs: Any) -> str:
        seen.append(machine.put("/documents/HD-1", NOTICE, key=KEY))
        return saves(*args, **kwargs)

    monkeypatch.setattr(pushing, "save_article", meanwhile)
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    problem(seen[0], 409, "running")
    assert Edition.objects.count() == 1


class Died(BaseException):
    """A process that is no more says no goodbye."""


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tidied up after a death."""
    monkeypatch.setattr(apicalls, "suppress", lambda *_: _Dead())


class _Dead:
    def __enter__(self) -> None:
        raise Died

    def __exit__(self, *_: object) -> None: ...


def killed_before_the_commit(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.services import pushing

    with monkeypatch.context() as patch:
        patch.setattr(pushing, "link", lambda *_, **__: (_ for _ in ()).throw(Died))
        with pytest.raises(Died):
            machine.put("/documents/HD-1", NOTICE, key=KEY)


def test_a_process_that_died_before_the_commit_has_written_nothing_and_another_takes_it_up(
    machine: Machine, dies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_commit(machine, monkeypatch)
    assert (Document.objects.count(), ApiCall.objects.get().status) == (0, None)
    problem(machine.put("/documents/HD-1", NOTICE, key=KEY), 409, "running")
    ApiCall.objects.update(lease_until=now() - timedelta(seconds=1))
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    assert machine.put("/documents/HD-1", NOTICE, key=KEY).headers["Idempotency-Replayed"] == "true"


def test_who_comes_back_from_the_dead_writes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slept over its lease, and another took the call up meanwhile."""
    from bot.services import pushing

    saves = pushing.save_article

    def slept(*args: Any, **kwargs: Any) -> str:
        ApiCall.objects.update(fence=7, lease_until=now() + timedelta(minutes=1))
        return saves(*args, **kwargs)

    monkeypatch.setattr(pushing, "save_article", slept)
    problem(machine.put("/documents/HD-1", NOTICE, key=KEY), 409, "running")
    assert not Document.objects.exists()


def test_old_calls_are_tidied_away(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    ApiCall.objects.update(created_at=now() - apicalls.KEPT - timedelta(hours=1))
    told(machine.put("/documents/HD-2", NOTICE), 201)
    assert not ApiCall.objects.filter(key=KEY).exists()


def test_a_person_who_lost_the_role_gets_the_kept_answer_but_no_new_effect(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    person = people.find_person("editor")
    type(person).objects.filter(pk=person.pk).update(roles=["duty"])
    told(machine.put("/documents/HD-1", NOTICE, key=KEY), 201)
    problem(machine.put("/documents/HD-2", NOTICE), 403, "role")


# --- from several sides at once --------------------------------------------------------------------------------


def at_once(count: int, send: Any) -> list[Any]:
    gate, answers = threading.Barrier(count), []

    def one() -> None:
        try:
            gate.wait(10)
            answers.append(send())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_of_calls_that_race_one_has_its_effect(committed_district: District) -> None:
    machine = Machine.of(committed_district, *Right)
    answers = at_once(6, lambda: machine.put("/documents/HD-1", NOTICE, key=KEY))
    assert len(answers) == 6
    done = [answer for answer in answers if answer.status_code == 201]
    assert done
    assert len({answer.content for answer in done}) == 1
    for answer in answers:
        if answer not in done:
            problem(answer, 409, "running")
    assert (Edition.objects.count(), ApiCall.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="api.written").count() == 1


def test_of_releases_that_race_under_different_keys_one_is_composed(committed_district: District) -> None:
    """The rule that an edition goes to an account once holds for machines too."""
    machine = Machine.of(committed_district, *Right)
    committed_district.approved()
    asked = wish()
    answers = at_once(4, lambda: machine.post("/releases", asked))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert Release.objects.count() == 1
