"""The platforms as an independent party: started by the test, spoken to over HTTP, asked afterwards what they saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from bot.rehearsal import RehearsalServer

#: Every call by which something becomes public.
PUBLIC = frozenset({"message/mass/sendall", "freepublish/submit", "statuses/share"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A WeChat and a Weibo account as the platforms know them. The ids are nobody's defaults."""

    appid: str
    secret: str
    uid: str
    app_key: str
    token: str

    @property
    def ids(self) -> tuple[str, str]:
        """Both ids."""
        return self.appid, self.uid


class Platform:
    """Control, journal and effects of a rehearsal server. `base` is its address."""

    def __init__(self, base: str) -> None:
        self.base = base

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.base}{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        """GET a page, e.g. `/_view/weibo/<uid>`."""
        return self._ask("GET", path)

    def control(self, name: str, body: Any) -> Any:
        """POST to the control API."""
        return self._ask("POST", f"/_control/{name}", body)

    def switch(self, platform: str, account: str, **switches: Any) -> None:
        """Set switches of an account."""
        self.control("accounts/change", {"platform": platform, "account": account, "switches": switches})

    def arm(self, platform: str, account: str, call: str, fault: str, times: int = 1, **args: Any) -> None:
        """Arm a fault for one account's call."""
        self.control(
            "faults",
            {"platform": platform, "account": account, "call": call, "fault": fault, "times": times, "args": args},
        )

    def journal(self, *accounts: str) -> list[Row]:
        """Every call of these accounts (all if none is named), in order of the first byte."""
        rows: list[Row] = self.get("/_control/journal")["journal"]
        return [row for row in rows if not accounts or row["account"] in accounts]

    def public_calls(self, *accounts: str) -> list[Row]:
        """Calls that make something public."""
        return [row for row in self.journal(*accounts) if row["call"] in PUBLIC]

    def effects(self, *accounts: str) -> list[Row]:
        """What became public, one line per article or post, in order."""
        rows: list[Row] = self.get("/_control/effects")["effects"]
        return [row for row in rows if not accounts or row["account"] in accounts]

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls by platform and name."""
        found: dict[str, dict[str, int]] = self.get("/_control/counts")
        return found

    def make_pair(self, number: int) -> Pair:
        """Open two accounts of which the product knows nothing yet."""
        appid, uid, key = f"wxe2e{number:012d}", str(5_000_000_000 + number), f"e2ekey{number}"
        pair = Pair(appid, f"wx-secret-{number}-7f3a", uid, key, "")
        self.control(
            "accounts",
            {
                "platform": "wechat", "appid": appid, "secret": pair.secret, "name": f"河东测试{number}",
                "gh_id": f"gh_e2e{number:06d}", "type": "subscription", "followers": 1200 + number,
            },
        )  # fmt: skip
        made = self.control(
            "accounts",
            {
                "platform": "weibo", "uid": uid, "screen_name": f"河东测试微博{number}", "app_key": key,
                "app_secret": f"wb-secret-{number}", "safe_domains": ["www.hedong.gov.cn"], "followers": 900 + number,
            },
        )  # fmt: skip
        # Waiting a minute before a repeated key is the platform's habit; it would only make the tests longer.
        self.switch("wechat", appid, clientmsgid_gap=5)
        return Pair(appid, pair.secret, uid, key, str(made["token"]))


class Playing:
    """`with Playing(folder) as platform`: serve from `folder`, which may hold what an earlier server left."""

    def __init__(self, folder: Path, *, defaults: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = RehearsalServer(folder, defaults=defaults)

    def __enter__(self) -> Platform:
        return Platform(self._server.start().base_url)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop()


def epoch(value: str | datetime) -> float:
    """Epoch seconds of an instant as JSON or a database tells it; without a zone it is UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def markers(rows: Sequence[Row]) -> list[str]:
    """The marker in the link of every effect, in order."""
    return [str(row["marker"]).rpartition("tf=")[2][:8] for row in rows]
