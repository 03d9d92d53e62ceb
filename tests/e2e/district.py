"""A district office made ready by commands: people, accounts, documents, approvals. What every journey starts from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.support import schema

from .home import Home
from .platform import Pair, Platform
from .processes import patient

PEOPLE = {
    "chen": ("陈拟稿", ("editor",)),
    "lin": ("林初审", ("first",)),
    "guo": ("郭复审", ("second",)),
    "xu": ("许终审", ("final",)),
    "he": ("何签发", ("releaser", "duty")),
}
COLUMNS = (
    "id", "kind", "title", "document_number", "issuing_unit", "publish_date", "formed_date", "category", "subcategory",
    "source_url", "linked_document", "summary", "index_number",
)  # fmt: skip


def notice(number: int, **changes: str) -> dict[str, str]:
    """One plain notice, a row of the import file."""
    row = {
        "id": f"E2E-{number:03d}", "kind": "notice", "title": f"关于开展第{number}次便民服务进社区活动的通知",
        "issuing_unit": "河东区人民政府办公室", "publish_date": "2017-06-13", "formed_date": "2017-06-12",
        "category": "便民服务", "subcategory": "活动", "summary": "活动面向全区居民，请携带有效证件到所在社区服务大厅参加。",
        "source_url": f"http://www.hedong.gov.cn/info/9100/2017{number:03d}.htm", "document_number": "",
        "linked_document": "", "index_number": f"hedongquhd0901/2017-{number:07d}",
    }  # fmt: skip
    return row | changes


def write_csv(file: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """An import file as the portal would export it."""
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return file


def add_people() -> list[list[str]]:
    """Commands that add everybody."""
    return [
        ["user", "add", username, "--name", name, *(part for role in roles for part in ("--role", role))]
        for username, (name, roles) in PEOPLE.items()
    ]


def add_accounts(
    pair: Pair, platform: Platform, folder: Path, *, mode: str = "mass", suffix: str = ""
) -> list[list[str]]:
    """Commands that add both accounts of a pair: `gzh<suffix>` and `wb<suffix>`; secrets from files."""
    files = {}
    for name, value in (("wechat", pair.secret), ("weibo", pair.token)):
        files[name] = folder / f"{name}{suffix}.secret"
        files[name].write_text(f"{value}\n", "utf-8")
    wechat = [
        "account", "add", f"gzh{suffix}", "--channel", "wechat", "--name", f"河东测试公众号{suffix}", "--mode", mode,
        "--api-base", f"{platform.base}/wechat", "--set", f"app_id={pair.appid}", "--set", "account_type=subscription",
        "--secret-file", f"app_secret={files['wechat']}",
    ]  # fmt: skip
    weibo = [
        "account", "add", f"wb{suffix}", "--channel", "weibo", "--name", f"河东测试微博{suffix}", "--mode", "share",
        "--api-base", f"{platform.base}/weibo", "--set", f"app_key={pair.app_key}", "--set", f"uid={pair.uid}",
        "--set", "safe_domain=www.hedong.gov.cn", "--set", "rip=203.0.113.9",
        "--secret-file", f"access_token={files['weibo']}",
    ]  # fmt: skip
    return [wechat, weibo]


def make_ready(home: Home, platform: Platform, pairs: Mapping[str, Pair], *, items: int, mode: str = "mass") -> None:
    """A live home with people, the accounts of `pairs` (by suffix) and `items` approved notices E2E-001..."""
    if "DATABASE_URL" not in home.env:
        schema.place(home.path)
    home.tongfa("init", "--live")
    file = write_csv(home.logs / "items.csv", [notice(number) for number in range(1, items + 1)])
    ids = [f"E2E-{number:03d}" for number in range(1, items + 1)]
    accounts = [
        command
        for suffix, pair in pairs.items()
        for command in add_accounts(pair, platform, home.logs, mode=mode, suffix=suffix)
    ]
    home.many(
        *add_people(), *accounts, ["import", str(file), "--as", "chen"], ["submit", *ids, "--as", "chen"],
        *(["review", *ids, "--as", reviewer, "--pass"] for reviewer in ("lin", "guo", "xu")),
    )  # fmt: skip


def plan_and_sign(
    home: Home, *, lead: float = 0, at: float = 0, items: Sequence[str], accounts: Sequence[str] = ()
) -> int:
    """Plan a release `lead` seconds ahead (more on a busy machine), or for the epoch second `at`, and sign it; its number."""
    instant = datetime.fromtimestamp(at, UTC).isoformat() if at else f"+{patient(lead):.0f}s"
    chosen = [part for item in items for part in ("--item", item)]
    named = [part for account in accounts for part in ("--account", account)]
    number = int(home.rows("SELECT COALESCE(MAX(id), 0) AS newest FROM bot_release")[0]["newest"]) + 1
    home.many(
        ["release", "plan", "--as", "he", "--at", instant, *chosen, *named],
        ["release", "sign", str(number), "--as", "he"],
    )
    return number
