"""Lines that import-linter cannot draw: who reads the environment, who reads the clock, vendors kept apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [path for top in ("bot", "config", "tasks") for path in sorted((ROOT / top).rglob("*.py"))]
VENDOR_HOMES = ("bot/channels", "bot/rehearsal", "bot/intake", "bot/notifying")
CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "localtime",
    "gmtime",
}


def trees(paths: list[Path]) -> Iterator[tuple[str, ast.Module]]:
    for path in paths:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def test_only_config_env_reads_the_environment():
    readers = set()
    for name, tree in trees(PRODUCT):
        for node in ast.walk(tree):
            dotted = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
            imported = (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and {a.name for a in node.names} & {"environ", "getenv"}
            )
            if dotted or imported:
                readers.add(name)
    assert readers == {"config/env.py"}


def test_the_domain_never_reads_a_clock():
    """Whoever asks the domain brings the time along; so every decision can be replayed."""
    found = []
    for name, tree in trees([path for path in PRODUCT if path.is_relative_to(ROOT / "bot" / "domain")]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                owner = ast.unparse(node.func.value)
                if owner.rpartition(".")[2] in {"datetime", "date", "time"}:
                    found.append(f"{name}:{node.lineno} {owner}.{node.func.attr}()")
            if isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names):
                found.append(f"{name}:{node.lineno} import time")
    assert not found


@pytest.mark.parametrize("home", VENDOR_HOMES)
def test_folders_of_vendors_and_sources_never_import_each_other(home):
    """A channel or a source can be added, or dropped, without looking at the others."""
    folders = {path.name for path in (ROOT / home).iterdir() if (path / "__init__.py").exists()}
    assert folders, f"{home} has no folders: was it moved?"
    crossing = []
    for folder in folders:
        for name, tree in trees(sorted((ROOT / home / folder).rglob("*.py"))):
            others = imported_siblings(tree, Path(name), home) & (folders - {folder})
            crossing += [f"{name} -> {other}" for other in others]
    assert not crossing


def imported_siblings(tree: ast.Module, path: Path, home: str) -> set[str]:
    """First part below `home` of everything that the module imports."""
    prefix = home.replace("/", ".") + "."
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(path.parts[: len(path.parts) - node.level]) + "." if node.level else ""
            module = f"{base}{node.module or ''}".rstrip(".")
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.removeprefix(prefix).partition(".")[0] for name in names if name.startswith(prefix)}
    return found


def test_no_celery_task_is_given_a_time_to_wait():
    """ETA and countdown in the broker duplicate or lose work (visibility timeout); the rows hold the schedule."""
    forbidden = {"eta", "countdown"}
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees(PRODUCT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"apply_async", "send_task", "retry", "signature", "s"}
        and forbidden & {keyword.arg for keyword in node.keywords}
    ]
    assert not found
