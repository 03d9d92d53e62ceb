"""docker-compose.yml, the Dockerfile and the code say the same; no Docker engine is needed to know it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.runtime.processes import NAMES, QUEUES
from config.env import read
from config.variables import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("tongfa:")}
LIVE = {name: service for name, service in OURS.items() if "profiles" not in service}
KNOWN = {variable.name for variable in VARIABLES}
REFERENCE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def filled(text: str, **values: str) -> str:
    """`text` as compose would fill it in."""
    return REFERENCE.sub(lambda match: values.get(match[1]) or (match[3] if match[2] == "-" else ""), str(text))


def test_the_whole_product_is_there():
    assert set(SERVICES) == {"web", "clock", "worker-publish", "worker", "rehearsal", "redis", "postgres"}
    assert [name for name, service in SERVICES.items() if service.get("profiles")] == ["rehearsal"]


def test_every_image_is_pinned_by_a_tag_and_ours_is_one_image():
    for name, service in SERVICES.items():
        assert re.search(r":[0-9]", service["image"]), f"{name} floats"
        assert not service["image"].endswith(":latest")
    assert len({service["image"] for service in OURS.values()}) == 1
    from bot import __version__

    assert {service["image"] for service in OURS.values()} == {f"tongfa:{__version__}"}
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) == [re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)[0]] * 2


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_and_comes_back_after_a_crash(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", LIVE)
def test_ours_wait_for_healthy_stores_and_can_write_only_their_home(name):
    service = LIVE[name]
    assert service["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["home:/var/lib/tongfa"]
    assert "home" in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_config_env_knows(name):
    assert set(OURS[name]["environment"]) <= KNOWN


def test_the_rehearsal_is_walled_apart_from_the_live_stores(tmp_path):
    """Its own home, its own database and broker in it, no password of the live ones, its own address."""
    service = OURS["rehearsal"]
    env = read(service["environment"])
    assert service["volumes"] == ["rehearsal:/var/lib/tongfa"]
    assert env.database_url.reveal() == "sqlite:////var/lib/tongfa/tongfa.sqlite3"
    assert env.embedded_broker
    assert "${" not in str(service)
    assert not set(service["ports"]) & set(OURS["web"]["ports"])


@pytest.mark.parametrize("name", LIVE)
def test_the_filled_in_environment_is_accepted_at_start(name, tmp_path):
    passwords = {"TONGFA_DB_PASSWORD": "dbpass", "TONGFA_REDIS_PASSWORD": "redispass"}
    values = {key: filled(value, **passwords) for key, value in OURS[name]["environment"].items()}
    env = read(values)
    assert env.database_url.reveal() == "postgresql://tongfa:dbpass@postgres:5432/tongfa"
    assert env.broker_url.reveal() == "redis://:redispass@redis:6379/0"
    assert not env.embedded_broker
    assert str(env.home.path) == re.search(r"TONGFA_HOME=(\S+)", DOCKERFILE)[1]


def test_what_must_be_given_is_named_in_the_head_of_the_file():
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    head = text.partition("name: tongfa")[0]
    for name, *_ in REFERENCE.findall(text):
        assert name in head, f"{name} is not explained"


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_the_tongfa_command_line(name):
    """Asked of the command line itself: `--help` after the words of the command must be answered."""
    words = OURS[name]["command"]
    first = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
    called, options = words[:first], words[first:]
    assert called == ["up"] or (called[0] == "run" and called[1] in NAMES)
    command = [sys.executable, "-m", "bot.cli.main", *called, "--help"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    for option in (option for option in options if option.startswith("--")):
        assert option in answer.stdout, f"tongfa {' '.join(called)} has no {option}"


def test_both_queues_have_a_worker():
    queues = [service["command"][-1] for service in OURS.values() if service["command"][1] == "worker"]
    assert sorted(queues) == sorted(QUEUES)


def test_health_checks_ask_for_processes_by_the_name_under_which_they_report():
    asked = {
        name: service["healthcheck"]["test"][-1]
        for name, service in OURS.items()
        if "config.health" in service["healthcheck"]["test"]
    }
    assert asked == {"clock": "clock", "worker-publish": "worker-publish", "worker": "worker-work"}


def test_a_worker_gets_longer_to_stop_than_its_running_tasks_are_given():
    from config.celery_app import CONF

    for name in ("worker", "worker-publish"):
        assert int(SERVICES[name]["stop_grace_period"].rstrip("s")) > CONF["worker_soft_shutdown_timeout"]


def test_the_image_runs_unprivileged_with_the_locked_packages():
    assert "--require-hashes -r requirements/base.txt" in DOCKERFILE
    assert re.search(r"^USER tongfa$", DOCKERFILE, re.M)
    assert "DEBUG" not in DOCKERFILE


def test_everything_that_the_image_copies_exists_and_is_let_through():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        shlex.split(line)[1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.rstrip("/") in allowed, source


def test_the_default_command_is_the_web_page():
    assert 'ENTRYPOINT ["tongfa"]' in DOCKERFILE
    assert 'CMD ["run", "web", "--host", "0.0.0.0", "--port", "8000"]' in DOCKERFILE
