"""`make shots`: a seeded district in rehearsal, every screen in both widths and both themes, and the handbook's pictures.

    python -m tests.shots [NAME…] [--look phone-dark] [--handbook] [--quick] [--axe]

NAME: only screens whose names begin so. `--look`: only that width and theme, repeatable. `--handbook`: only the handbook's
pictures, in the look in which it shows them.
`--quick`: without the release that goes out for real (it takes a minute). `--axe`: each page is judged by axe as well, and
has its line in docs/proof/axe.csv. The console runs in this process, on a home of its own that is
thrown away; the clock of the process shows a Tuesday morning, so that the pictures come out alike.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import home as _home  # noqa: F401 - a home of our own, before Django reads its settings

if TYPE_CHECKING:
    from .camera import Taken
    from .screens import Screen

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "artifacts" / "shots"
HANDBOOK = ROOT / "docs" / "images" / "handbook"
REPORT = ROOT / "docs" / "proof" / "axe.csv"
LOOKS = tuple((size, scheme) for size in ("desk", "phone") for scheme in ("light", "dark"))


def main(arguments: Sequence[str]) -> int:
    """Take them; 1 if a page did not answer as it should, or sticks out."""
    parser = argparse.ArgumentParser(prog="python -m tests.shots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--look", action="append", choices=[f"{size}-{scheme}" for size, scheme in LOOKS])
    parser.add_argument("--handbook", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--axe", action="store_true")
    given = parser.parse_args(arguments)
    os.environ.update(DJANGO_SETTINGS_MODULE="config.settings", DJANGO_ALLOW_ASYNC_UNSAFE="true")
    import django

    django.setup()
    from .screens import SCREENS

    named = [one for one in SCREENS if one.name.startswith(tuple(given.names)) or not given.names]
    looks = [look for look in LOOKS if "-".join(look) in (given.look or ["-".join(look)])]
    order = [(one, look) for look in looks for one in named]
    if given.handbook:
        order = [(one, (one.handbook, "light")) for one in named if one.handbook]
    with tempfile.TemporaryDirectory(prefix="tongfa-shots-") as folder:
        taken = _take(order, Path(folder), quick=given.quick, axe=given.axe)
    total = _into_the_handbook([one for one, look in order if look == (one.handbook, "light")])
    if given.axe:
        _report(taken, SCREENS)
    wrong = sum(bool(one.complaints) for one in taken)
    print(f"· {len(order)} pictures, {wrong} pages with something wrong{', axe included' if given.axe else ''}")
    print(f"· pictures in artifacts/shots/; the handbook's in docs/images/handbook/ ({total // 1024} kB)")
    return 1 if wrong else 0


def _take(order: Sequence[tuple[Screen, tuple[str, str]]], folder: Path, *, quick: bool, axe: bool) -> list[Taken]:
    from playwright.sync_api import sync_playwright

    from .camera import Camera
    from .running import console, engine, records
    from .story import MORNING, out, tell, the_time

    found = []
    with ExitStack() as stack:
        api = stack.enter_context(records(folder))
        print("· a week in Hedong", flush=True)
        story = tell(api, send=out if quick else engine)
        stack.enter_context(the_time(MORNING))
        base = stack.enter_context(console())
        playwright = stack.enter_context(sync_playwright())
        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(
            executable_path=path, env={**os.environ, "LANGUAGE": "zh_CN"}, args=["--no-sandbox", "--lang=zh-CN"]
        )
        stack.callback(browser.close)
        for taken in Camera(browser, base, story, SHOTS, axe=axe).take(order):
            found.append(taken)
            print(f"  {taken.path.name}{''.join(f'  ! {one}' for one in taken.complaints)}", flush=True)
    return found


def _report(taken: Sequence[Taken], screens: Sequence[Screen]) -> None:
    """What axe made of each page; a post as the platform draws it, in which nothing runs, is not judged. What was not
    looked at this time keeps its line."""
    lines = {}
    if REPORT.exists():
        with REPORT.open(encoding="utf-8", newline="") as file:
            lines = {(line[0], line[1]): line for line in list(csv.reader(file))[1:]}
    for one in taken:
        if one.judged is not None:
            name, look = one.screen.name, f"{one.size}-{one.scheme}"
            counts = (one.judged.rules, one.judged.elements, len(one.judged.violations))
            lines[name, look] = [name, look, *map(str, counts)]
    places = [(screen.name, "-".join(look)) for screen in screens for look in LOOKS]
    with REPORT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["screen", "look", "rules_passed", "elements_passed", "violations"])
        writer.writerows(lines[place] for place in places if place in lines)


def _into_the_handbook(taken: Sequence[Screen]) -> int:
    from .pictures import shrink

    HANDBOOK.mkdir(parents=True, exist_ok=True)
    for one in taken:
        shrink(SHOTS / f"{one.name}-handbook.png", HANDBOOK / f"{one.name}.webp", one.handbook)
    return sum(path.stat().st_size for path in HANDBOOK.glob("*.webp"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
