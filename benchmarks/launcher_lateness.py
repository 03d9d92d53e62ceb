"""How late the first byte of each shot arrives after T: the launcher, and beside it bare sockets as the floor.

    python benchmarks/launcher_lateness.py [--ns 2,50,500,2000] [--rounds 5]

A stub with epoll, in its own process, stamps the first bytes of each connection with the wall clock and answers
when all is quiet. Launcher and floor take turns, so that a noisy machine hurts both. The floor holds N connected
sockets, spins to T and calls send N times: nothing written in Python can be earlier. Each cell is the median over
the rounds.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.domain.channel import WireRequest
from bot.launcher import Answered, Launcher, Shot
from bot.launcher.limits import calm, make_room

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
BODY = b'{"filter":{"is_to_all":true},"msgtype":"mpnews"}'


def stub() -> None:
    """Stamp, and answer when it is quiet, so that answering delays no stamp; a line on stdin asks for the stamps."""
    make_room(20_000)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    epoll, peers, stamps = select.epoll(), dict[int, socket.socket](), list[float]()
    epoll.register(listener, select.EPOLLIN)
    epoll.register(sys.stdin, select.EPOLLIN)
    print(listener.getsockname()[1], flush=True)
    heard: list[socket.socket] = []
    while True:
        ready = epoll.poll(0.02 if heard else -1)
        for number, _ in ready:
            if number == listener.fileno():
                peer, _ = listener.accept()
                peers[peer.fileno()] = peer
                epoll.register(peer, select.EPOLLIN)
            elif number == sys.stdin.fileno():
                if not sys.stdin.readline():
                    return
                print(json.dumps(stamps), flush=True)
                stamps.clear()
            elif peers[number].recv(65536):
                stamps.append(time.time())
                heard.append(peers[number])
            else:
                peers.pop(number).close()
        while heard and not ready:
            heard.pop().send(ANSWER)


class Stub:
    """The stub's process."""

    def __enter__(self) -> Stub:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, __file__, "--stub"], stdin=pipe, stdout=pipe, text=True)
        self.port = int(self._line())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def stamps(self) -> list[float]:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return list(json.loads(self._line()))

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def next_instant(ahead: float) -> float:
    """A whole second, at least `ahead` seconds from now."""
    return float(int(time.time() + ahead) + 1)


def by_launcher(port: int, count: int) -> float:
    request = WireRequest("POST", f"http://127.0.0.1:{port}/send", (("Content-Type", "application/json"),), BODY)
    with Launcher([Shot(str(i), request) for i in range(count)], ca_file=None) as launcher:
        at = next_instant(0.5 + count / 2000)
        assert launcher.connect(at - 0.3) == {}
        launcher.refresh()
        events = list(launcher.fire(at, send_by=at + 5, answer_deadline=at + 15))
    assert sum(isinstance(event, Answered) for event in events) == count
    return at


def by_bare_sockets(port: int, count: int) -> float:
    head = f"POST /send HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    payload = head.encode() + BODY
    make_room(count)
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    sends = [one.send for one in sockets]
    at = next_instant(0.5)
    with calm():
        time.sleep(at - time.time() - 0.003)
        while time.time() < at:
            continue
        for send in sends:
            send(payload)
    for one in sockets:
        one.recv(65536)
        one.close()
    return at


def lateness(stamps: list[float], at: float) -> tuple[float, float, float, float]:
    """min, median, p99 and max in milliseconds."""
    late = sorted((stamp - at) * 1000 for stamp in stamps)
    return late[0], statistics.median(late), late[min(len(late) - 1, int(len(late) * 0.99))], late[-1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ns", default="2,50,500")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--stub", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.stub:
        stub()
        return
    print(f"{'N':>6}  {'':14}{'min':>9}{'median':>9}{'p99':>9}{'max':>9}   ms after T, early")
    with Stub() as peer:
        for count in map(int, chosen.ns.split(",")):
            measure(peer, count, chosen.rounds)


def measure(peer: Stub, count: int, rounds: int) -> None:
    """Take turns; print one line each."""
    ways = {"launcher": by_launcher, "bare sockets": by_bare_sockets}
    figures: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            at = way(peer.port, count)
            stamps = peer.stamps()
            assert len(stamps) == count, (name, len(stamps))
            figures[name].append(lateness(stamps, at))
    for name, rows in figures.items():
        cells = "".join(f"{statistics.median(column):9.2f}" for column in zip(*rows, strict=True))
        print(f"{count:>6}  {name:14}{cells}   {sum(row[0] < 0 for row in rows)}", flush=True)


if __name__ == "__main__":
    main()
