"""`make test`: the whole suite on SQLite, the suites of the records once more on PostgreSQL, real processes and pages beside.

What computes goes one after the other, three processes at a time: some of it waits, too. What waits more than it computes
runs beside it all the while: neither would keep two cores busy alone. Arguments go to pytest; where they name files, only
these run (on SQLite). The last line counts both runs together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
ON_BOTH = ("tests/models", "tests/services")
ONCE = (
    "tests/services/test_accountdesk.py",
    "tests/services/test_attachments.py",
    "tests/services/test_canary.py",
    "tests/services/test_cases.py",
    "tests/services/test_delivery_after_a_refusal.py",
    "tests/services/test_delivery_callbacks.py",
    "tests/services/test_delivery_clocksafety.py",
    "tests/services/test_delivery_confirming.py",
    "tests/services/test_delivery_console_first.py",
    "tests/services/test_delivery_doubt.py",
    "tests/services/test_delivery_far_clock.py",
    "tests/services/test_delivery_fault_matrix.py",
    "tests/services/test_delivery_machine_bites.py",
    "tests/services/test_delivery_measuring.py",
    "tests/services/test_delivery_rehearsal_others.py",
    "tests/services/test_delivery_rehearsal_wechat.py",
    "tests/services/test_delivery_settling.py",
    "tests/services/test_delivery_stopping.py",
    "tests/services/test_delivery_voiding.py",
    "tests/services/test_editorial.py",
    "tests/services/test_gating.py",
    "tests/services/test_gating_people.py",
    "tests/services/test_lanes_after_trouble.py",
    "tests/services/test_manualtasks.py",
    "tests/services/test_moving.py",
    "tests/services/test_pairs.py",
    "tests/services/test_people.py",
    "tests/services/test_rights.py",
    "tests/services/test_story.py",
    "tests/services/test_trail_words.py",
    "tests/services/test_urgent_by_hand.py",
    "tests/services/test_urgent_sending.py",
    "tests/services/test_watch_alarms.py",
    "tests/services/test_watch_preflights.py",
    "tests/services/test_watch_telling.py",
    "tests/services/test_withdrawing.py",
    "tests/services/test_withdrawing_rehearsal.py",
)
"""Of those, what the database has no part in: what platforms and pages answer and what follows from it, whether the state
machine bites, what people are told. The same statements are played on PostgreSQL by random histories, the n-th fault,
outages and the other files (of 521 different ones of the files about stopping, moving, rights and manual tasks, others play
483; 2026-11-29); `EVERYTHING_TWICE=1` leaves nothing out."""

SPARSER = {
    "NTH_FAULT_STRIDE": os.environ.get("NTH_FAULT_STRIDE", "160"),
    "NTH_FAULT_WAYS": os.environ.get("NTH_FAULT_WAYS", "weibo"),
    "STATEFUL_USUAL": os.environ.get("STATEFUL_USUAL", "8"),
    "ONE_CASE_EACH": os.environ.get("ONE_CASE_EACH", "1"),
}
"""Every commit, call and write of a push to 微博, of which nothing may be tried twice, fails on both databases; of the plain
statements fewer, the second time, and the two ways of 微信 once: a statement of theirs is no other for the database. So it is
with the cases of one test of a service: the first stands for their statements (tests/services/conftest.py)."""

WHOLE = ("tests/browser", "tests/crash", "tests/e2e", "tests/outages")
"""Real processes and real pages: they wait more than they compute, so three batches run side by side beside the rest."""

BATCH = 4
"""Short files in one pytest: to start it, and a browser with it, takes as long as many a test."""

LONGEST_FIRST = (
    "tests/crash/test_crash_points.py",
    "tests/e2e/test_kill.py",
    "tests/e2e/test_postgres.py",
    "tests/outages/test_crowd.py",
    "tests/outages/test_broker_outages.py",
    "tests/outages/test_time_zones.py",
    "tests/e2e/test_broker.py",
    "tests/e2e/test_gate.py",
    "tests/e2e/test_commands.py",
    "tests/browser/test_day.py",
    "tests/outages/test_disk_and_lock.py",
    "tests/e2e/test_benchmark.py",
    "tests/browser/test_access.py",
    "tests/browser/test_release_live.py",
    "tests/e2e/test_demo.py",
)
"""Of those, what must not be the last to begin: from five minutes down to one and a half."""

AT_A_TIME = ("-n", "3")
SIDE_BY_SIDE = 3
NO_TESTS = 5  # pytest's exit status
STOPS = (2, 3, 4)
"""Interrupted, internal error, usage error: the rest would tell no more."""

sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Count:
    """What a run came to. An error in a fixture or while collecting counts as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    status: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.status or other.status,
        )

    def line(self) -> str:
        """The closing line."""
        skips = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skips}"


def main(arguments: Sequence[str]) -> int:
    """Run all parts, print the closing line, return the worst status."""
    if names_files(arguments):
        total = run([], arguments, {"DATABASE_URL": ""})
    else:
        total = everything(arguments)
    print(total.line(), flush=True)
    return total.status


def everything(arguments: Sequence[str]) -> Count:
    """All parts. Where one of them is interrupted or cannot even begin, no further file is begun."""
    quick = [folder for folder in folders() if folder not in WHOLE]
    over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        print(f"· whole processes and pages, beside the rest: {' '.join(WHOLE)}", flush=True)
        waiting = beside.submit(side_by_side, batches(), arguments, over)
        try:
            print("· tests on SQLite", flush=True)
            total = run(quick, [*AT_A_TIME, *arguments], {"DATABASE_URL": ""})
            if total.status not in STOPS:
                total += on_postgresql([folder for folder in ON_BOTH if folder in quick], arguments)
            if total.status in STOPS:
                over.set()
        except BaseException:
            over.set()
            raise
        return total + waiting.result()


def folders() -> list[str]:
    """The suites, one folder each."""
    return sorted(f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py")))


def files() -> list[str]:
    """Files of whole processes, the longest first."""
    found = [str(path.relative_to(ROOT)) for folder in WHOLE for path in sorted((ROOT / folder).glob("test_*.py"))]
    return sorted(found, key=lambda path: LONGEST_FIRST.index(path) if path in LONGEST_FIRST else len(LONGEST_FIRST))


def batches() -> list[list[str]]:
    """Those files, some short ones of a folder at a time, which together take long; then long ones alone."""
    short = [path for path in files() if path not in LONGEST_FIRST]
    together: list[list[str]] = []
    for folder in WHOLE:
        mine = [path for path in short if path.startswith(f"{folder}/")]
        together += [mine[start : start + BATCH] for start in range(0, len(mine), BATCH)]
    return together + [[path] for path in files() if path in LONGEST_FIRST]


def side_by_side(
    parts: Sequence[Sequence[str]], arguments: Sequence[str], over: threading.Event | None = None
) -> Count:
    """Each batch in a pytest of its own, whose output comes when it ends: whoever is free takes the next in order.

    Once it is `over`, no further one is begun.

    (pytest-xdist gives each worker two files ahead, so that the longest may wait behind another.)
    """

    def one(paths: Sequence[str]) -> Count:
        if over is not None and over.is_set():
            return Count()
        count = run(paths, arguments, {"DATABASE_URL": ""}, aloud=False)
        return Count() if arguments and count.status == NO_TESTS else count

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return sum(pool.map(one, parts), Count())


def on_postgresql(folders: Sequence[str], arguments: Sequence[str]) -> Count:
    """The suites in `folders` against a server of their own. A filter that leaves nothing of them is no failure."""
    from tests.support.postgres import embedded_postgres

    print(f"· tests on PostgreSQL: {' '.join(folders)}", flush=True)
    with embedded_postgres() as url:
        whole = bool(os.environ.get("EVERYTHING_TWICE"))
        once = [] if whole else [f"--ignore={path}" for path in ONCE]
        count = run(folders, [*AT_A_TIME, *once, *arguments], {**({} if whole else SPARSER), "DATABASE_URL": url})
    return Count() if arguments and count.status == NO_TESTS else count


def run(folders: Sequence[str], arguments: Sequence[str], environment: dict[str, str], *, aloud: bool = True) -> Count:
    """One pytest in a process of its own. Not `aloud`, its output is shown in one piece at the end.

    Behind it stands what processor it took, with all that it started and waited for: where a suite grows slow, look there.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", *folders, f"--junitxml={report}", *arguments]
        out = None if aloud else subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, env={**compiled_once(), **environment}, stdout=out, stderr=out and subprocess.STDOUT
        ) as process:
            said = process.stdout.read().decode(errors="replace").rstrip() if process.stdout else ""
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        took = f"{used.ru_utime + used.ru_stime:.0f} s of processor"
        print(f"{said} ({' '.join(folders)}: {took})" if said else f"· {took}", flush=True)
        return counted(report, process.returncode)


def compiled_once() -> dict[str, str]:
    """The environment, in which each module is compiled once and kept, whatever it was told elsewhere.

    Otherwise every one of hundreds of processes compiles the product anew, and each pytest all tests as well.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def counted(report: Path, status: int) -> Count:
    """Read pytest's report; without one (a crash, a usage error) there is the status alone."""
    if not report.exists():
        return Count(failed=1, status=status or 1)
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    numbers = [
        {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")} for suite in suites
    ]
    total = {name: sum(number[name] for number in numbers) for name in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    passed = max(0, total["tests"] - failed - total["skipped"])
    return Count(passed, failed, total["skipped"], status or (1 if failed else 0))


def names_files(arguments: Sequence[str]) -> bool:
    """Whether an argument is a test file, folder or node id."""
    return any((ROOT / argument.partition("::")[0]).exists() for argument in arguments if argument[:1] not in {"", "-"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
