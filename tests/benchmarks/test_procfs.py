"""What a process costs is told whole: its threads, those that have ended, and the children that it has seen end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from benchmarks.parts import procfs

WORK = 0.1  # seconds of processor


def burn() -> None:
    until = time.thread_time() + WORK
    while time.thread_time() < until:
        pass


def test_what_an_ended_thread_took_counts_at_once() -> None:
    before = procfs.alone(os.getpid()).cpu
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()
    assert procfs.alone(os.getpid()).cpu - before >= WORK - 1 / procfs.TICKS


def test_what_an_ended_child_took_counts_with_its_parent() -> None:
    before = procfs.alone(os.getpid()).cpu
    code = f"import time\nwhile time.process_time() < {WORK}: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert procfs.alone(os.getpid()).cpu - before >= WORK - 1 / procfs.TICKS


def test_a_process_that_has_ended_is_told_apart() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    with pytest.raises(OSError):
        procfs.alone(child.pid)


def test_a_session_is_counted_with_all_its_processes() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, start_new_session=True) as leader:
        while len(procfs.session(leader.pid)) < 2:
            assert leader.poll() is None
        assert procfs.usage(leader.pid).processes == 2
        leader.communicate(b"\n")
