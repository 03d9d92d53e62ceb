"""What the processes of `tongfa up`, `demo` and `run web` are told of the address of the pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.test import override_settings

from bot.cli import processes
from bot.cli.main import main
from bot.runtime import processes as programs
from bot.runtime.locks import only_one
from bot.runtime.paths import Home
from bot.services import wall
from config.env import load, read

OWN = "https://tongfa.example.gov.cn"


def told(monkeypatch: pytest.MonkeyPatch, *words: str) -> Mapping[str, str]:
    """The environment that the process would have been given."""
    given: dict[str, str] = {}
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setattr(os, "execvpe", lambda file, argv, env: given.update(env))
    assert CliRunner().invoke(main, list(words), catch_exceptions=False).exit_code == 0
    return given


def public_url(**more: str) -> Any:
    """Settings as they are read where the variable is set so, or not at all."""
    inherited = {name: value for name, value in settings.TONGFA.inherited.items() if name != "TONGFA_PUBLIC_URL"}
    return override_settings(TONGFA=read({**inherited, **more}))


def test_links_lead_to_the_port_of_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGFA_PUBLIC_URL", raising=False)
    assert told(monkeypatch, "run", "web", "--port", "8410")["TONGFA_PUBLIC_URL"] == "http://127.0.0.1:8410"


def test_an_address_that_was_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGFA_PUBLIC_URL", OWN)
    assert told(monkeypatch, "run", "web", "--port", "8410")["TONGFA_PUBLIC_URL"] == OWN


@pytest.mark.parametrize(("given", "address"), [({}, "http://127.0.0.1:8410"), ({"TONGFA_PUBLIC_URL": OWN}, OWN)])
def test_every_process_of_one_machine_is_told_the_same(
    tongfa_home: None, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], address: str
) -> None:
    """The clock and the workers write the notices, not the pages."""
    found: list[dict[str, str]] = []

    def noted(home: Any, env: dict[str, str], **more: Any) -> list[Any]:
        found.append(env)
        return []

    monkeypatch.setattr(programs, "programs", noted)
    home = settings.TONGFA.home
    with public_url(TONGFA_HOME=str(home.path), **given):
        processes.supervise("127.0.0.1", 8410, settings.TONGFA, live=False, rehearsal_port=1)
    assert [read(env).public_url for env in found] == [address]


def test_a_worker_is_started_so_that_it_may_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command in a container of its own as under `tongfa up`."""
    became: list[tuple[str, ...]] = []
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setattr(os, "execvpe", lambda file, argv, env: became.append(argv))
    env = load()
    for seconds in ("300", "0"):
        monkeypatch.setenv("TONGFA_REST_AFTER", seconds)
        CliRunner().invoke(main, ["run", "worker", "--queue", "publish"], catch_exceptions=False)
    assert became == [programs.resting_argv(env.home, 300.0, "publish"), programs.worker_argv("publish")]


def test_what_up_loads_to_prepare_a_start_does_not_stay_in_memory() -> None:
    """The launcher stays as long as the installation runs, and only looks after processes."""
    names = "import sys, bot.cli.processes, bot.runtime.supervisor, config.env; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True, cwd=programs.ROOT)
    assert not {"django", "celery", "redis", "structlog", "requests"} & set(done.stdout.split())


# --- somebody ends it while it prepares -------------------------------------------------------------------------------

PREPARES = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.3)
    print("put right", flush=True)
    sys.exit(1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_prepares_is_told_of_the_end_once_and_waited_for(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Killed outright, it would leave a database whose rules have stepped aside for a migration."""
    with subprocess.Popen([sys.executable, "-c", PREPARES], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        with pytest.raises(SystemExit, match="1"):  # noqa: PT012, SIM117 - the block is what is asked to end
            with processes._handed_on(process):
                os.kill(os.getpid(), number)
                os.kill(os.getpid(), number)
                assert process.stdout.read() == b"put right\n"
                process.wait(30)
    assert "已中止，没有启动任何进程" in capfd.readouterr().err


def test_what_prepares_puts_right_what_it_has_begun_when_it_is_told_of_the_end(
    tongfa_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_right = list[str]()

    def migrating(**_: Any) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        finally:
            put_right.append("yes")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(wall, "bring_up_to_date", migrating)
    try:
        assert CliRunner().invoke(main, ["run", "prepare"]).exit_code == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    assert put_right == ["yes"]


def test_two_do_not_prepare_one_home_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    home.make()
    monkeypatch.setenv("TONGFA_HOME", str(home.path))
    with only_one(home.run / "up.lock", home.path):
        told = CliRunner().invoke(main, ["up", "--port", "0"], catch_exceptions=False)
    assert told.exit_code == 1
    assert "已在此目录运行" in told.output


def test_nothing_is_made_in_a_folder_that_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGFA_HOME", str(tmp_path / "nowhere"))
    assert CliRunner().invoke(main, ["up", "--port", "0"], catch_exceptions=False).exit_code == 1
    assert not (tmp_path / "nowhere").exists()
