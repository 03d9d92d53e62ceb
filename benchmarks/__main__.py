"""`python -m benchmarks NAME [--short | --long] [--json FILE]`; `--help` lists the names."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from . import tables
from .parts import machine

#: Each module has `options(parser)` and `run(chosen) -> dict`.
BENCHMARKS = ("release", "province", "due", "idle", "calls", "launcher", "peers", "console")


def parser() -> argparse.ArgumentParser:
    """All benchmarks and their options."""
    whole = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = whole.add_subparsers(dest="name", required=True)
    for name in BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        raw = argparse.RawDescriptionHelpFormatter
        one = names.add_parser(name, description=module.__doc__, formatter_class=raw)
        size = one.add_mutually_exclusive_group()
        size.add_argument("--short", action="store_true", help="minutes (the default)")
        size.add_argument("--long", action="store_true", help="the figures of the documentation")
        one.add_argument("--json", type=Path, help="keep the raw figures there")
        module.options(one)
        one.set_defaults(run=module.run)
    return whole


def main() -> int:
    """Run one benchmark; print its tables."""
    chosen = parser().parse_args()
    end_once_asked()
    facts, stolen = machine.facts(), machine.Stolen()
    measured = chosen.run(chosen)
    facts["stolen_percent"] = stolen.percent()
    result = {"command": command(sys.argv[1:]), "machine": facts, **measured}
    if chosen.json:
        chosen.json.write_text(json.dumps(result, ensure_ascii=False, indent=1, default=str) + "\n", "utf-8")
    print(f"\n{tables.render(result)}\n")
    return 0


def end_once_asked() -> None:
    """What was started is ended, whoever asks us to end; asked once more meanwhile, the ending goes on undisturbed."""

    def end(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, end)


def command(arguments: list[str]) -> str:
    """What anybody can type to repeat it: without the file that the figures went to."""
    before = ["", *arguments]
    kept = [one for last, one in zip(before, arguments, strict=False) if "--json" not in (last, one)]
    return " ".join(["python -m benchmarks", *kept])


if __name__ == "__main__":
    sys.exit(main())
