"""The scripts behind make: the count of two runs, skips in CI, the way to a browser, the lock files."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.support.skips import strict

ROOT = Path(__file__).resolve().parents[2]
CLOSING = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small_suite(tmp_path, monkeypatch) -> ModuleType:
    """run_tests.py over a project of its own: one test that passes, one that fails, one that is skipped."""
    (tmp_path / "tests" / "models").mkdir(parents=True)
    (tmp_path / "tests" / "test_x.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert False\n@pytest.mark.skip\ndef test_c(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:django -p no:cacheprovider\n")
    module = script("run_tests")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_the_closing_line_counts_what_ran(small_suite):
    count = small_suite.run([], [], {})
    assert count == small_suite.Count(passed=1, failed=1, skipped=1, status=1)
    assert count.line() == "1 passed, 1 failed, 1 skipped"
    assert CLOSING.fullmatch(count.line())


def test_a_run_that_passes_is_counted_as_such(small_suite):
    assert small_suite.run([], ["-k", "test_a"], {}) == small_suite.Count(passed=1)


def test_a_run_that_crashes_counts_as_failed_even_without_a_report(small_suite):
    assert small_suite.run([], ["--no-such-option"], {}).failed == 1


def test_each_module_is_compiled_once_even_where_the_environment_forbids_to_keep_it(small_suite, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    small_suite.run([], ["-k", "test_a"], {})
    assert list((tmp_path / "tests" / "__pycache__").glob("test_x.*.pyc"))


def test_two_runs_add_up_and_the_first_failure_decides_the_status(small_suite):
    count = small_suite.Count
    assert count(3, 0) + count(2, 1, 0, 1) == count(5, 1, 0, 1)


def test_arguments_that_name_files_are_told_from_filters(small_suite):
    assert small_suite.names_files(["tests/test_x.py::test_a"])
    assert not small_suite.names_files(["-k", "wechat", "--maxfail=1"])


def test_files_of_whole_processes_run_side_by_side_the_longest_first(small_suite, tmp_path, monkeypatch, capfd):
    for name in ("long", "short", "also"):
        (tmp_path / "tests" / "models" / f"test_{name}.py").write_text(f"def test_{name}(): pass\n")
    monkeypatch.setattr(small_suite, "WHOLE", ("tests/models",))
    monkeypatch.setattr(small_suite, "LONGEST_FIRST", ("tests/models/test_long.py",))
    parts = small_suite.batches()
    assert [[name.rpartition("_")[2] for name in part] for part in parts] == [["also.py", "short.py"], ["long.py"]]
    assert small_suite.side_by_side(parts, []) == small_suite.Count(passed=3)
    assert "(tests/models/test_long.py: " in capfd.readouterr().out
    assert small_suite.side_by_side(parts, ["-k", "long"]) == small_suite.Count(passed=1)


def test_once_it_is_over_no_further_file_is_begun(small_suite, tmp_path):
    (tmp_path / "tests" / "models" / "test_more.py").write_text("def test_more(): pass\n")
    over = small_suite.threading.Event()
    over.set()
    assert small_suite.side_by_side([["tests/models/test_more.py"]], [], over) == small_suite.Count()


def test_all_parts_are_run_and_counted_together(small_suite, tmp_path, monkeypatch, capfd):
    for folder in ("quick", "models", "whole"):
        (tmp_path / "tests" / folder).mkdir(exist_ok=True)
        (tmp_path / "tests" / folder / f"test_{folder}.py").write_text(f"def test_{folder}(): pass\n")
    monkeypatch.setattr(small_suite, "WHOLE", ("tests/whole",))
    monkeypatch.setattr(small_suite, "AT_A_TIME", ())
    monkeypatch.setattr(small_suite, "on_postgresql", lambda folders, arguments: small_suite.Count(passed=100))
    assert small_suite.everything([]) == small_suite.Count(passed=103)
    assert "(tests/whole/test_whole.py: " in capfd.readouterr().out


def test_what_is_named_as_long_is_there():
    module = script("run_tests")
    assert set(module.LONGEST_FIRST) <= set(module.files())


def report(outcome: str, **more: object) -> SimpleNamespace:
    longrepr = ("file.py", 3, "Skipped: no browser")
    return SimpleNamespace(outcome=outcome, skipped=outcome == "skipped", longrepr=longrepr, **more)


def test_in_ci_a_skipped_test_fails_and_says_why(monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = strict(report("skipped"))
    assert result.outcome == "failed"
    assert "no browser" in result.longrepr


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_at_home_a_skip_stays_a_skip(monkeypatch, value):
    monkeypatch.setenv("CI", value)
    assert strict(report("skipped")).outcome == "skipped"


def test_an_expected_failure_is_no_skip(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert strict(report("skipped", wasxfail="known")).outcome == "skipped"


def test_the_hooks_are_in_place(tmp_path):
    """The whole way: pytest with our conftest, CI=true, a module that skips itself."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_m.py").write_text("import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass\n")
    (tmp_path / "test_s.py").write_text("import pytest\n@pytest.mark.skip(reason='lazy')\ndef test_a(): pass\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    env = {"CI": "true", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert answer.returncode != 0
    assert "skipped in CI" in answer.stdout
    assert "lazy" in answer.stdout or "1 error" in answer.stdout


@pytest.fixture
def browser(monkeypatch) -> ModuleType:
    """ensure_browser.py on a machine with nothing."""
    module = script("ensure_browser")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(module, "has_chinese_font", lambda: True)
    for way in ("on_path", "by_apt", "by_playwright"):
        monkeypatch.setattr(module, way, lambda: None)
    return module


def test_a_browser_that_is_named_wins(browser, monkeypatch, capsys):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    monkeypatch.setattr(browser, "on_path", lambda: "/usr/bin/chromium")
    assert browser.main() == 0
    assert capsys.readouterr().out.strip() == sys.executable


@pytest.mark.parametrize(
    ("have", "expected"),
    [
        ({"on_path": "/a", "by_apt": "/b", "by_playwright": "/c"}, "/a"),
        ({"by_apt": "/b", "by_playwright": "/c"}, "/b"),
        ({"by_playwright": "/c"}, "/c"),
    ],
)
def test_then_the_path_then_apt_then_playwright(browser, monkeypatch, capsys, have, expected):
    for way, path in have.items():
        monkeypatch.setattr(browser, way, lambda path=path: path)
    assert browser.main() == 0
    assert capsys.readouterr().out.strip() == expected


def test_without_any_browser_it_says_what_to_do(browser, capsys):
    assert browser.main() == 1
    assert "CHROMIUM" in capsys.readouterr().err


def test_a_font_is_brought_along_where_apt_can(browser, monkeypatch, capsys):
    fonts = iter([False, True])
    asked = []
    monkeypatch.setattr(browser, "on_path", lambda: "/a")
    monkeypatch.setattr(browser, "has_chinese_font", lambda: next(fonts))
    monkeypatch.setattr(browser, "can_apt", lambda: True)
    monkeypatch.setattr(browser, "apt", lambda *packages: asked.append(packages))
    assert browser.main() == 0
    assert asked == [("fonts-noto-cjk",)]


@pytest.mark.parametrize("name", ["base", "dev"])
def test_every_locked_package_has_a_version_and_hashes_and_no_host_or_path(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\],-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text
    assert not re.search(r"(^|\s)/\w", text)


@pytest.mark.parametrize("name", ["base", "dev"])
def test_everything_that_is_asked_for_is_locked(name):
    asked = [
        line for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines() if line and line[0].isalnum()
    ]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / f"{name}.txt").read_text(), re.M))
    for line in asked:
        wanted = re.split(r"[\[<>=;\s]", line)[0].lower().replace("_", "-").replace(".", "-")
        assert wanted in locked, f"{line} is not locked: make lock"


def test_tests_run_with_the_versions_that_are_shipped():
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M))

    base, dev = versions("base"), versions("dev")
    assert {name: dev[name] for name in base} == base


@pytest.fixture
def bootstrap(tmp_path, monkeypatch) -> ModuleType:
    """bootstrap.py over a checkout of its own; commands are noted instead of run."""
    module = script("bootstrap")
    (tmp_path / "requirements").mkdir()
    for name in ("base", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    (tmp_path / "pyproject.toml").write_text('[project]\n[project.scripts]\ntongfa = "bot.cli.main:main"\n')
    venv = tmp_path / "it's .venv"
    (venv / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (venv / "bin").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "PYTHON", venv / "bin" / "python")
    module.commands = []

    def note(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        module.commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module, "quietly", note)
    return module


def test_packages_are_installed_by_hash_and_only_once(bootstrap):
    bootstrap.install("base")
    bootstrap.install("base")
    (command,) = bootstrap.commands
    assert "--require-hashes" in command
    assert command[-1].endswith("requirements/base.txt")


def test_what_tests_need_holds_what_the_demo_needs(bootstrap):
    bootstrap.install("dev")
    bootstrap.install("base")
    assert len(bootstrap.commands) == 1


@pytest.mark.parametrize("changed", ["base", "dev"])
def test_a_changed_lock_installs_again(bootstrap, changed):
    bootstrap.install("dev")
    (bootstrap.ROOT / "requirements" / f"{changed}.txt").write_text("other==2\n")
    bootstrap.install("dev")
    assert len(bootstrap.commands) == 2


def test_an_install_that_fails_leaves_no_stamp(bootstrap, monkeypatch):
    def fail(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, command, output="no matching hash")

    monkeypatch.setattr(bootstrap, "quietly", fail)
    with pytest.raises(subprocess.CalledProcessError):
        bootstrap.install("base")
    assert not bootstrap.stamp("base").exists()


def test_without_ensurepip_the_message_names_the_package_to_install(bootstrap, monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, "ensurepip is not available", "")
    monkeypatch.setattr(bootstrap, "quietly", lambda command, check=True: failed)
    with pytest.raises(SystemExit) as caught:
        bootstrap.make_venv()
    assert caught.value.code == 1
    assert re.search(r"apt install python3\.\d+-venv", capsys.readouterr().err)


def test_the_command_works_from_a_folder_with_a_space_and_a_quote_in_its_name(bootstrap):
    bootstrap.link()
    bootstrap.PYTHON.symlink_to(sys.executable)
    (bootstrap.ROOT / "bot" / "cli").mkdir(parents=True)
    (bootstrap.ROOT / "bot" / "cli" / "main.py").write_text(
        "import sys\ndef main():\n    print(sys.argv[1:])\n    return 3\n"
    )
    command = bootstrap.VENV / "bin" / "tongfa"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(bootstrap.ROOT)}
    answer = subprocess.run([command, "a b", "c"], capture_output=True, text=True, check=False, env=env)
    assert (answer.stdout, answer.returncode) == ("['a b', 'c']\n", 3), answer.stderr
