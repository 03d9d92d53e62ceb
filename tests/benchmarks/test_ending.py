"""Who ends a benchmark, and be it twice, leaves nothing of it running."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

RUN = """
import sys
from benchmarks.__main__ import end_once_asked
end_once_asked()
try:
    print("at work", flush=True)
    input()
finally:
    print("ending", flush=True)
    sys.stdin.readline()
    print("ended", flush=True)
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_break_off_the_ending(asked: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "at work\n"
        run.send_signal(asked)
        assert run.stdout.readline() == "ending\n"
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGINT)
        told, _ = run.communicate("go on\n")
    assert told == "ended\n"
    assert run.returncode != 0
