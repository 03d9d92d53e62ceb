"""bot.runtime: processes are started in order, kept alive, and all gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis

from bot.runtime import alive, pids, processes, supervisor, valkey
from bot.runtime.locks import AlreadyRunningError, only_one
from bot.runtime.output import RotatingFile
from bot.runtime.paths import LONGEST_SOCKET_PATH, Home, UnsafeFolderError
from bot.runtime.program import Program
from bot.runtime.supervisor import NotReadyError, Supervisor, ended_in_order

FOREVER = (sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def gone(pid: int) -> bool:
    return pids.birth(pid) == ""


def wait_until(question, seconds: float = 10.0) -> None:
    """Ask until the answer is yes; the pause is an Event's, so that nothing sleeps longer than it must."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if question():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen in time")


def pid_of(supervisor: Supervisor, name: str) -> int:
    state = next(state for state in supervisor.states() if state.name == name)
    assert state.pid is not None
    return state.pid


def test_programs_start_in_order_each_after_the_one_before_is_ready_and_stop_in_reverse(home, tmp_path):
    trail = tmp_path / "trail"
    code = (
        "import signal, sys, pathlib\n"
        "name, trail = sys.argv[1], open(sys.argv[2], 'a', buffering=1)\n"
        "signal.signal(signal.SIGTERM, lambda *_: (trail.write(f'stop {name}\\n'), sys.exit()))\n"
        "trail.write(f'start {name}\\n')\n"
        "while True: signal.pause()"
    )
    trail.touch()
    names = ("one", "two", "three")
    programs = [
        Program(
            name,
            (sys.executable, "-c", code, name, str(trail)),
            ready=lambda name=name: f"start {name}" in trail.read_text(),
        )
        for name in names
    ]
    with Supervisor(home, programs):
        assert trail.read_text().split("\n")[:3] == [f"start {name}" for name in names]
    assert trail.read_text().splitlines()[3:] == [f"stop {name}" for name in reversed(names)]


def test_programs_of_one_wave_start_together_and_the_slow_one_is_waited_for(home, tmp_path):
    code = "import pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    notes = [tmp_path / "a", tmp_path / "b"]
    both = lambda: all(note.exists() for note in notes)  # noqa: E731 - each is ready only when the other runs too
    programs = [Program(note.name, (sys.executable, "-c", code, str(note)), ready=both, wave="w") for note in notes]
    with Supervisor(home, programs) as running:
        assert both()
        assert all(state.pid for state in running.states())


@pytest.mark.parametrize("kernel_tells", [True, False], ids=["the kernel tells of a death", "deaths are looked for"])
def test_a_program_that_dies_is_started_again_and_the_caller_is_told(home, monkeypatch, kernel_tells):
    if not kernel_tells:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    deaths = []
    with Supervisor(home, [Program("p", FOREVER)], told=lambda name, status: deaths.append((name, status))) as running:
        first = pid_of(running, "p")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: running.states()[0].pid not in {None, first})
        assert running.states()[0].restarts == 1
    assert deaths == [("p", -signal.SIGKILL)]


GOES_ROUND = """
import os, pathlib, signal, sys, time
for _ in range(int(sys.argv[2])):
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(0.05)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def goes_round(home, turns):
    file = alive.sign(home, alive.TURNS)
    return Program("clock", (sys.executable, "-c", GOES_ROUND, str(file), str(turns)), turns=file)


def test_a_program_that_goes_round_no_more_is_replaced(home, monkeypatch):
    """It hangs, or somebody stopped it: it exists, and does nothing."""
    monkeypatch.setattr(supervisor, "STANDS_STILL", 1.0)
    deaths = []
    with Supervisor(home, [goes_round(home, 5)], told=lambda name, status: deaths.append((name, status))) as running:
        first = pid_of(running, "clock")
        wait_until(lambda: running.states()[0].pid not in {None, first})
    assert deaths[0] == ("clock", -signal.SIGKILL)


@pytest.mark.parametrize(
    ("turns", "writable"), [(10_000, True), (0, True), (5, False)],
    ids=["it goes round", "it has not begun to", "nobody can write there"],
)  # fmt: skip
def test_one_that_only_seems_to_is_left_alone(home, monkeypatch, turns, writable):
    still = 4.0 if turns > 5 else 1.0  # on a machine that is busy with other tests it may not go round for a while
    monkeypatch.setattr(supervisor, "STANDS_STILL", still)
    if not writable:
        monkeypatch.setattr(supervisor.Child, "_could_tell", lambda child: False)
    with Supervisor(home, [goes_round(home, turns)]) as running:
        first, until = pid_of(running, "clock"), time.monotonic() + still + 1.5
        wait_until(lambda: time.monotonic() > until)
        assert pid_of(running, "clock") == first


def test_a_program_that_cannot_start_stops_the_rest_and_names_its_log(home):
    programs = [Program("good", FOREVER), Program("bad", ("/no/such/program",), ready=lambda: False)]
    with pytest.raises(NotReadyError, match=r"bad.*bad\.log"), Supervisor(home, programs):
        pytest.fail("it must not be entered")
    assert not list(home.run.glob("*.pid"))
    assert "无法启动" in (home.logs / "bad.log").read_text()


def test_a_program_that_ignores_sigterm_is_killed_with_its_own_children_after_its_grace(home, tmp_path):
    note = tmp_path / "grandchild"
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid: open(sys.argv[1] + '.tmp', 'w').write(str(pid)); os.rename(sys.argv[1] + '.tmp', sys.argv[1])\n"
        "while True: signal.pause()"
    )
    stubborn = Program("stubborn", (sys.executable, "-c", code, str(note)), grace=0.2, ready=note.exists)
    with Supervisor(home, [stubborn]) as running:
        pid, grandchild = pid_of(running, "stubborn"), int(note.read_text())
    assert gone(pid)
    wait_until(lambda: gone(grandchild))


def test_a_second_supervisor_on_the_same_home_is_refused_with_the_pid_of_the_first(home):
    with (
        Supervisor(home, []),
        pytest.raises(AlreadyRunningError, match="同发已在此目录运行") as caught,
        Supervisor(home, []),
    ):
        pytest.fail("it must not be entered")
    assert caught.value.pid == os.getpid()


def test_the_lock_is_free_again_once_its_holder_has_ended(home):
    home.make()
    for _ in range(2):
        with only_one(home.run / "up.lock", home.path):
            pass


def test_a_killed_supervisor_leaves_no_orphans(home):
    """The kernel ends the children (Linux); elsewhere the next start does, see below."""
    code = (
        "import sys, pathlib\n"
        "from bot.runtime.paths import Home\n"
        "from bot.runtime.program import Program\n"
        "from bot.runtime.supervisor import Supervisor\n"
        "program = Program('p', (sys.executable, '-c', 'import signal; signal.pause()'))\n"
        "with Supervisor(Home(pathlib.Path(sys.argv[1])), [program]) as s:\n"
        "    print(s.states()[0].pid, flush=True); s.wait()"
    )
    command = [sys.executable, "-c", code, str(home.path)]
    with subprocess.Popen(command, cwd=processes.ROOT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert not gone(child)
        supervisor.kill()
    wait_until(lambda: gone(child))


def test_what_a_killed_supervisor_left_is_ended_by_the_next_one(home):
    home.make()
    with subprocess.Popen(FOREVER, stdout=subprocess.PIPE, start_new_session=True) as leftover:
        assert leftover.stdout is not None
        leftover.stdout.readline()
        pids.write(home.run / "p.pid", leftover.pid)
        assert pids.end_leftovers(home.run) == [leftover.pid]
    assert leftover.returncode == -signal.SIGTERM


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(home):
    home.make()
    (home.run / "p.pid").write_text(f"{os.getpid()} 12345\n")
    assert pids.end_leftovers(home.run) == []
    assert not (home.run / "p.pid").exists()


def test_output_goes_to_a_log_of_its_own_and_to_whoever_listens(home):
    heard = []
    program = Program("talker", FOREVER)
    with Supervisor(home, [program], echo=lambda name, line: heard.append((name, line))):
        wait_until(lambda: heard)
    assert heard == [("talker", "up")]
    assert (home.logs / "talker.log").read_text() == "up\n"


def test_logs_are_rotated_and_only_so_many_kept(tmp_path):
    log = RotatingFile(tmp_path / "x.log", max_bytes=20, keep=2)
    for number in range(10):
        log.write(b"line number %d\n" % number)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
    assert (tmp_path / "x.log").read_bytes() == b"line number 9\n"
    assert (tmp_path / "x.log.2").read_bytes() == b"line number 7\n"


def test_the_home_and_the_keys_are_for_their_owner_alone(home):
    home.make()
    assert home.path.stat().st_mode & 0o077 == 0
    assert home.keys.stat().st_mode & 0o077 == 0


def test_a_deep_home_gets_a_short_socket_path_and_every_process_finds_the_same(tmp_path, monkeypatch):
    deep = Home(tmp_path / ("深" * 40) / "home")
    path = deep.claim_broker_socket()
    assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/elsewhere")
    assert deep.broker_socket() == path
    path.parent.rmdir()


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path):
    deep = Home(tmp_path / ("深" * 40) / "home")
    folder = deep.broker_socket().parent
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    with pytest.raises(UnsafeFolderError, match="不是本用户独有的"):
        deep.claim_broker_socket()
    folder.rmdir()


def test_the_embedded_broker_answers_on_its_socket_and_opens_no_port(valkey):
    client = redis.Redis(unix_socket_path=str(valkey.socket))
    assert client.ping()
    assert client.config_get("port") == {"port": "0"}
    assert client.config_get("save") == {"save": ""}
    assert valkey.socket.stat().st_mode & 0o077 == 0
    client.close()


def test_a_socket_left_by_a_killed_broker_is_cleared_away(tmp_path):
    path = tmp_path / "valkey.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    valkey.clear_stale_socket(path)
    assert not path.exists()


def test_without_the_wheel_a_redis_server_on_the_path_does(tmp_path, monkeypatch):
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(valkey, "_packaged_binary", lambda: None)
    assert valkey.server_binary() == str(server)


def test_without_any_server_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(valkey, "_packaged_binary", lambda: None)
    with pytest.raises(valkey.NoBrokerError, match="redis-server"):
        valkey.server_binary()


def test_tongfa_up_runs_these_and_sending_has_a_worker_of_its_own(home):
    env = {"PATH": os.defpath}
    programs = processes.programs(home, env, host="127.0.0.1", port=8000, embedded_broker=True, rehearsal=True)
    assert [program.name for program in programs] == ["valkey", "rehearsal", "worker-publish", "worker", "clock", "web"]
    queues = {program.name: program.argv[program.argv.index("-Q") + 1] for program in programs if "-Q" in program.argv}
    assert queues == {"worker-publish": "publish", "worker": "work"}
    assert all(program.env["PYTHONPATH"].startswith(str(processes.ROOT)) for program in programs[1:])


def test_signs_of_an_earlier_run_do_not_make_the_next_one_look_ready(home):
    alive.touch(home, "clock")
    with Supervisor(home, []):
        assert not alive.is_fresh(home, "clock")


def test_with_a_broker_elsewhere_and_no_rehearsal_only_ours_run(home):
    programs = processes.programs(home, {}, host="127.0.0.1", port=1, embedded_broker=False, rehearsal=False)
    assert [program.name for program in programs] == ["worker-publish", "worker", "clock", "web"]


def test_the_worker_of_an_unknown_queue_is_refused():
    with pytest.raises(ValueError, match="no such queue"):
        processes.worker_argv("publsh")


def test_a_sign_of_life_is_fresh_only_for_a_while(home):
    assert not alive.is_fresh(home, "clock")
    alive.touch(home, "clock")
    assert alive.is_fresh(home, "clock")
    past = Path(alive.sign(home, "clock"))
    os.utime(past, (past.stat().st_atime, past.stat().st_mtime - alive.FRESH - 1))
    assert not alive.is_fresh(home, "clock")


def test_a_process_that_has_just_died_is_not_taken_for_running_by_its_last_sign(home):
    program = Program("clock", FOREVER)
    with Supervisor(home, [program]) as supervisor:
        alive.touch(home, "clock")
        assert alive.runs(home, "clock")
        (state,) = supervisor.states()
        assert not ended_in_order(home)
        (home.run / "clock.pid").write_text(f"{state.pid} another birth\n", "ascii")
        assert alive.is_fresh(home, "clock")
        assert not alive.runs(home, "clock")
    assert ended_in_order(home)
    assert not alive.is_fresh(home, "clock")
