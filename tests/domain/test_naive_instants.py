"""A datetime without a zone is refused by every public function of the domain, as by those of the services."""

from __future__ import annotations

import inspect

import pytest

from bot import domain
from bot.domain import timeline
from bot.domain.instants import NaiveInstantError
from tests.services.test_naive_instants import AWARE, NAIVE, Function, called, functions, instants

SEVERAL = ("Iterable", "Callable[[")  # several at once, or what tells the instant of a thing: tried below


def _is_one(function: Function, part: str) -> bool:
    annotation = str(inspect.signature(function).parameters[part].annotation)
    return not any(word in annotation for word in SEVERAL) and part != "values"


CASES = [
    (name, one, part) for name, one in functions(domain) for part in instants(one) if _is_one(one, part)
]  # fmt: skip


def test_there_are_functions_to_ask() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize(("function", "part"), [case[1:] for case in CASES], ids=[f"{n}-{p}" for n, _, p in CASES])
def test_a_naive_instant_is_refused_before_anything_else(function: Function, part: str) -> None:
    with pytest.raises(NaiveInstantError):
        called(function, part)


def test_one_naive_instant_among_several_is_refused() -> None:
    with pytest.raises(NaiveInstantError):
        timeline.out_of_the_way(AWARE, [NAIVE])
