"""A datetime without a zone is refused by every public function of the services, before anything else is done.

Guessing a zone could publish eight hours early. The functions are found by themselves, a new one included; they get
nothing but the naive instant to work with, so that whoever did not refuse it first would stumble over the rest.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from bot import services
from bot.domain.instants import NaiveInstantError

NAIVE = datetime(2026, 11, 23, 9, 0)
AWARE = NAIVE.replace(tzinfo=UTC)
Function = Callable[..., Any]


def functions(package: ModuleType = services) -> Iterator[tuple[str, Function]]:
    """Every public function of the package that takes an instant, or a way to ask for one."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, one in vars(module).items():
            if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{found.name.removeprefix(package.__name__)[1:]}.{name}", one


def instants(function: Function) -> list[str]:
    """The names of its parameters that are instants."""
    parts = inspect.signature(function).parameters.values()
    return [part.name for part in parts if "datetime" in str(part.annotation)]


CASES = [(name, one, part) for name, one in functions() for part in instants(one)]


def arguments(function: Function, naive: str) -> dict[str, Any]:
    """Nothing for everything, aware instants, and one that is not."""
    given = {}
    for part in inspect.signature(function).parameters.values():
        value: object = None
        if "datetime" in str(part.annotation):
            value = NAIVE if part.name == naive else AWARE
            if "Callable" in str(part.annotation):
                value = lambda told=value: told  # noqa: E731 - a clock that tells it
        if part.kind is not inspect.Parameter.VAR_KEYWORD:
            given[part.name] = value
    return given


def called(function: Function, naive: str) -> None:
    """Call it; what answers piece by piece is asked for its first."""
    answer = function(**arguments(function, naive))
    if inspect.isgenerator(answer):
        next(answer)


def test_there_are_functions_to_ask():
    assert len(CASES) > 60


@pytest.mark.parametrize(("function", "part"), [case[1:] for case in CASES], ids=[f"{n}-{p}" for n, _, p in CASES])
def test_a_naive_instant_is_refused_before_anything_else(function: Function, part: str) -> None:
    with pytest.raises(NaiveInstantError):
        called(function, part)
