"""The judge acquits what really happened, and convicts it when a single fact is changed."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import judge

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> dict[str, judge.Case]:
    """What unharmed runs of both scenes left behind."""
    folder = tmp_path_factory.mktemp("judge")
    scenes = ("both", "urgent")
    chosen = [part for scene in scenes for part in ("--scene", scene)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--export", str(folder), *chosen],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return {scene: pickle.loads((folder / scene).read_bytes()) for scene in scenes}


@pytest.fixture(scope="module")
def happened(evidence: dict[str, judge.Case]) -> judge.Case:
    """The evidence of a release on both accounts: two articles by mass send, two Weibo posts in a lane."""
    return evidence["both"]


@pytest.fixture(scope="module")
def urgently(evidence: dict[str, judge.Case]) -> judge.Case:
    """The evidence of an urgent notice on both accounts, on two people's words."""
    return evidence["urgent"]


def call(case: judge.Case, name: str) -> judge.Row:
    return next(line for line in case.journal if line["call"] == name)


def published_twice(case: judge.Case) -> None:
    case.effects.append({**case.effects[0], "object": "another"})


def asked_early(case: judge.Case) -> None:
    call(case, "statuses/share")["at"] -= 60


def public_early(case: judge.Case) -> None:
    case.effects[0]["at"] -= 60


def one_review_fewer(case: judge.Case) -> None:
    passes = [row for row in case.records.review if row["edition_id"] == case.records.review[0]["edition_id"]]
    for row in passes[1:]:
        case.records.review.remove(row)


def reviewed_by_its_author(case: judge.Case) -> None:
    edition = case.records.edition[0]
    next(row for row in case.records.review if row["edition_id"] == edition["id"])["person_id"] = edition["author_id"]


def signed_afterwards(case: judge.Case) -> None:
    case.records.release[0]["signed_at"] += timedelta(hours=1)


def another_text_arrived(case: judge.Case) -> None:
    call(case, "statuses/share")["params"]["status"] += "。"


def another_article_arrived(case: judge.Case) -> None:
    call(case, "draft/add")["params"]["articles"][1]["content"] += "<p>又及</p>"


def another_cover_arrived(case: judge.Case) -> None:
    call(case, "material/add_material")["params"]["media"]["sha256"] = "0" * 64


def the_articles_changed_places(case: judge.Case) -> None:
    call(case, "draft/add")["params"]["articles"].reverse()


def the_signed_bytes_changed(case: judge.Case) -> None:
    case.records.item[0]["payload"]["title"] = "另一个标题"


def a_call_without_an_attempt(case: judge.Case) -> None:
    case.records.attempt.pop()


def a_call_after_its_attempt_was_closed(case: judge.Case) -> None:
    case.records.attempt[0]["answered_at"] = case.records.attempt[0]["intent_at"]


def two_attempts_at_once(case: judge.Case) -> None:
    case.records.attempt.append({**case.records.attempt[0], "number": 2, "id": 99})


def not_to_be_seen(case: judge.Case) -> None:
    case.effects.pop()


def another_id_was_noted(case: judge.Case) -> None:
    case.records.item[0]["platform_id"] = "1_1"


def said_not_to_be_sent(case: judge.Case) -> None:
    case.records.publication[0]["state"] = "missed"


def left_on_the_way(case: judge.Case) -> None:
    case.records.publication[0]["state"] = "confirming"


def before_a_person_without_a_reason(case: judge.Case) -> None:
    case.records.publication[0].update(state="needs_person", reason="")


def a_batch_was_forgotten(case: judge.Case) -> None:
    case.records.batch[0]["state"] = "claimed"


def the_trail_was_touched(case: judge.Case) -> None:
    case.records.auditevent[3]["actor"] = "别人"


def a_move_without_its_line(case: judge.Case) -> None:
    case.records.auditevent.remove(next(row for row in case.records.auditevent if row["action"] == "publication.moved"))


def a_secret_was_kept(case: judge.Case) -> None:
    case.records.attempt[0]["answer"] = f"token={case.secrets[-1]}"


CHANGES: list[tuple[Callable[[judge.Case], None], str]] = [
    (published_twice, "never twice"),
    (asked_early, "never early"),
    (public_early, "never early"),
    (one_review_fewer, "never unapproved"),
    (reviewed_by_its_author, "never unapproved"),
    (signed_afterwards, "never unapproved"),
    (another_text_arrived, "never altered"),
    (another_article_arrived, "never altered"),
    (another_cover_arrived, "never altered"),
    (the_articles_changed_places, "never altered"),
    (the_signed_bytes_changed, "never altered"),
    (a_call_without_an_attempt, "intent before effect"),
    (a_call_after_its_attempt_was_closed, "intent before effect"),
    (two_attempts_at_once, "single flight"),
    (not_to_be_seen, "honest states"),
    (another_id_was_noted, "honest states"),
    (said_not_to_be_sent, "honest states"),
    (left_on_the_way, "never lost"),
    (before_a_person_without_a_reason, "never silent"),
    (a_batch_was_forgotten, "never lost"),
    (the_trail_was_touched, "provable"),
    (a_move_without_its_line, "provable"),
    (a_secret_was_kept, "no leak"),
]


def test_what_really_happened_is_acquitted(happened):
    assert judge.at_rest(happened) == []
    assert len(judge.public_calls(happened)) == 3
    assert len(happened.effects) == 4
    assert all(late >= 0 for late in judge.seconds_late(happened))


@pytest.mark.parametrize(("change", "promise"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_one_changed_fact_is_enough_for_a_conviction(happened, change, promise):
    case = copy.deepcopy(happened)
    change(case)
    assert any(sentence.startswith(promise) for sentence in judge.at_rest(case))


def one_word_fewer(case: judge.Case) -> None:
    case.records.urgentword.pop()


def one_person_gave_both_words(case: judge.Case) -> None:
    case.records.urgentword[1]["person_id"] = case.records.urgentword[0]["person_id"]


def nobody_who_gave_a_word_decides(case: judge.Case) -> None:
    for row in case.records.urgentword:
        row["decides"] = False


def the_second_word_was_on_something_else(case: judge.Case) -> None:
    case.records.urgentword[1]["manifest_hash"] = "0" * 64


def a_word_came_after_the_call(case: judge.Case) -> None:
    case.records.urgentword[1]["at"] += timedelta(hours=2)


def the_text_is_not_the_one_they_saw(case: judge.Case) -> None:
    case.records.urgency[0]["content_hash"] = "0" * 64


def its_author_gave_the_second_word(case: judge.Case) -> None:
    case.records.urgentword[1]["person_id"] = case.records.edition[0]["author_id"]
    case.records.urgentword[0]["person_id"] += 100


def somebody_had_returned_it(case: judge.Case) -> None:
    edition, at = case.records.urgency[0]["edition_id"], case.records.urgentword[1]["at"]
    case.records.review.append(
        {"edition_id": edition, "verdict": "return", "at": at, "person_id": 99, "content_hash": ""}
    )


def test_an_urgent_notice_on_two_words_is_acquitted(urgently):
    assert judge.at_rest(urgently) == []
    assert len(judge.public_calls(urgently)) == 2
    assert not urgently.records.review


@pytest.mark.parametrize(
    "change",
    [
        one_word_fewer, one_person_gave_both_words, nobody_who_gave_a_word_decides, the_second_word_was_on_something_else,
        a_word_came_after_the_call, the_text_is_not_the_one_they_saw, its_author_gave_the_second_word,
        somebody_had_returned_it,
    ],
    ids=lambda value: value.__name__,
)  # fmt: skip
def test_what_the_two_words_do_not_carry_is_convicted(urgently, change):
    case = copy.deepcopy(urgently)
    change(case)
    assert any(sentence.startswith("never unapproved") for sentence in judge.at_rest(case))


def test_what_is_held_in_doubt_is_not_said_to_be_unsent(happened):
    case = copy.deepcopy(happened)
    held = case.records.publication[0]
    held.update(state="held", reason="是否已发出不明。", doubt=True)
    for row in case.records.attempt:
        row["outcome"] = "refused" if row["publication_id"] == held["id"] else row["outcome"]
    assert not [sentence for sentence in judge.at_rest(case) if sentence.startswith("honest states")]


@pytest.mark.parametrize("kind", ["secrets", "words"])
def test_neither_a_secret_nor_a_word_of_a_post_may_stand_in_a_log(happened, kind):
    case = replace(happened, logs=f"...{getattr(happened, kind)[0]}...")
    assert [sentence for sentence in judge.at_rest(case) if sentence.startswith("no leak")]
