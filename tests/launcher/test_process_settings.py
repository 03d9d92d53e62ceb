"""What the launcher changes in its process, and that it puts it back; and that every reason has words for staff."""

from __future__ import annotations

import contextlib
import errno
import gc
import resource
import ssl
import sys
import time
from collections.abc import Iterator

import pytest

from bot.launcher import Broken, Launcher, NotSent, Reason, Shot, explain
from bot.launcher.limits import SPARE_FILES, calm, make_room
from bot.launcher.reasons import CAUSES, from_os_error, from_ssl_error

from .conftest import post
from .servers import Peer, Server, answer


@pytest.fixture
def file_limit() -> Iterator[tuple[int, int]]:
    """The soft limit is put back after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_of_open_files_is_raised_as_far_as_needed(file_limit: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, file_limit[1]))
    make_room(500)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (500 + SPARE_FILES, file_limit[1])


def test_the_soft_limit_never_passes_the_hard_one_and_never_sinks(file_limit: tuple[int, int]) -> None:
    make_room(10**9)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (file_limit[1], file_limit[1])
    make_room(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (file_limit[1], file_limit[1])


def test_garbage_collection_rests_while_it_matters_and_comes_back_after_an_error() -> None:
    interval = sys.getswitchinterval()
    with contextlib.suppress(KeyError), calm():
        assert not gc.isenabled()
        assert sys.getswitchinterval() < interval
        raise KeyError
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_every_reason_has_a_chinese_cause_and_says_whether_anything_went_out() -> None:
    assert set(CAUSES) == set(Reason)
    for reason in Reason:
        assert explain(NotSent("k", f"{reason}: detail")).endswith("没有发出任何内容")
        assert "结果不明" in explain(Broken("k", str(reason), True, 0.0))


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.EPIPE, "reset"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EMFILE, "local"),
    ],
)
def test_system_errors_are_sorted_and_their_own_text_is_dropped(number: int, reason: str) -> None:
    fault = from_os_error(OSError(number, "CANARY"))
    assert str(fault).startswith(reason)
    assert "CANARY" not in str(fault)


def test_tls_errors_name_no_host() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate is not valid for 'CANARY'")
    error.verify_code = 62
    assert str(from_ssl_error(error)) == "tls: certificate not accepted, code 62"


def test_leaving_the_loop_early_closes_every_connection_and_writes_nothing_more() -> None:
    ends: list[bytes] = []

    def wait(peer: Peer) -> None:
        peer.request()
        ends.append(peer.sock.recv(1))

    at = time.time() + 0.1
    with Server(wait) as server:
        launcher = Launcher([Shot(str(i), post(server.url())) for i in range(3)], ca_file=None)
        launcher.connect(at)
        events = launcher.fire(at, send_by=at + 5, answer_deadline=at + 10)
        next(events)
        events.close()  # type: ignore[attr-defined]
        patience = time.monotonic() + 5
        while len(ends) < 3 and time.monotonic() < patience:
            time.sleep(0.01)
    assert ends == [b"", b"", b""]
    assert gc.isenabled()


def test_an_interruption_in_the_middle_of_a_write_never_leads_to_a_second_one() -> None:
    """A signal (a soft time limit) may raise right after the kernel took the bytes and before that was noted."""

    class Interrupted(Exception):
        pass

    at = time.time() + 0.5
    with Server(answer()) as server:

        def now() -> float:
            value = time.time()
            if value >= at and server.arrivals:
                raise Interrupted
            return value

        launcher = Launcher([Shot(str(i), post(server.url())) for i in range(50)], ca_file=None, now=now)
        launcher.connect(at - 0.1)
        with pytest.raises(Interrupted):
            list(launcher.fire(at, send_by=at + 5, answer_deadline=at + 5))
        with pytest.raises(RuntimeError):
            launcher.fire(at, send_by=at + 5, answer_deadline=at + 5)
        assert 1 <= len(server.arrivals) <= 50
        assert server.accepted <= 50  # nobody dialled again
    assert gc.isenabled()
