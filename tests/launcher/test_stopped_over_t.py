"""A process that was stopped over T (SIGSTOP, a suspended machine) looks again before it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .servers import OK, Peer, Server

ROOT = Path(__file__).resolve().parents[2]
SENDER = """
import sys, time
from pathlib import Path
from bot.domain.channel import WireRequest
from bot.launcher import Launcher, Shot
url, at, freeze = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
look = lambda: ["1"] if freeze.exists() else []
with Launcher([Shot("1", WireRequest("POST", url, (), b"x"))], ca_file=None) as launcher:
    launcher.connect(deadline=at - 0.5)
    time.sleep(max(0, at - 0.1 - time.time()))
    launcher.strike(look())
    for event in launcher.fire(at, send_by=at + 5, answer_deadline=at + 15, recheck=look):
        print(type(event).__name__, getattr(event, "reason", ""), flush=True)
"""


def test_what_was_frozen_meanwhile_is_not_written(tmp_path: Path) -> None:
    def serve(peer: Peer) -> None:
        if peer.request():
            peer.say(OK)

    at, freeze = time.time() + 3.0, tmp_path / "freeze"
    with Server(serve) as server:
        argv = [sys.executable, "-c", SENDER, server.url(), str(at), str(freeze)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            time.sleep(max(0.0, at - 0.05 - time.time()))
            child.send_signal(signal.SIGSTOP)
            time.sleep(max(0.0, at + 0.5 - time.time()))
            freeze.touch()
            child.send_signal(signal.SIGCONT)
            said = child.communicate(timeout=30)[0]
        finally:
            child.kill()
        assert said.split() == ["NotSent", "struck"]
        assert not any(server.requests)
