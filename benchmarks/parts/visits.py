"""`python -m benchmarks.parts.visits DOCUMENTS RELEASES`: fills the home of its environment with an archive and asks for
every list and page of the staff console. Standard output: the figures as JSON.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.test import Client

    from benchmarks.parts.archive import Archive

REQUESTS = 50


@dataclass(frozen=True)
class Visit:
    """One page, by whom, and its address; `{...}` is filled from the archive."""

    name: str
    who: str
    path: str


VISITS = (
    Visit("值班台", "releaser", "/"),
    Visit("文件", "editor", "/documents"),
    Visit("文件：较早的一页", "editor", "/documents?before={cursor}"),
    Visit("文件：搜“低保”", "editor", "/documents?q=低保"),
    Visit("文件：搜一个文号", "editor", "/documents?q=临东政办字〔2017〕{some}号"),
    Visit("文件：待初审", "editor", "/documents?state=submitted"),
    Visit("文件：缺解读的政策", "editor", "/documents?only=unpaired"),
    Visit("一份文件", "editor", "/documents/{released}"),
    Visit("三屏预览", "editor", "/preview/{released}"),
    Visit("版本比较", "editor", "/compare/{released}"),
    Visit("撰稿", "editor", "/edit/of/{draft}"),
    Visit("封面", "editor", "/cover/of/{draft}"),
    Visit("导入", "editor", "/import"),
    Visit("审批箱", "first", "/reviews"),
    Visit("审批箱：第二页", "first", "/reviews?page=2"),
    Visit("审批箱：快过期", "first", "/reviews?tab=late"),
    Visit("审批箱：我提交的", "editor", "/reviews?tab=mine"),
    Visit("审批箱：已退回", "editor", "/reviews?tab=returned"),
    Visit("审核一份", "first", "/reviews/{waiting}"),
    Visit("发布单", "releaser", "/releases"),
    Visit("发布单：搜“低保”", "releaser", "/releases?q=低保"),
    Visit("一张发布单，已发", "releaser", "/releases/{past}"),
    Visit("一张发布单，待发", "releaser", "/releases/{coming}"),
    Visit("编制发布单", "editor", "/releases/new"),
    Visit("编制：挑选“低保”", "editor", "/releases/new/search?q=低保"),
    Visit("日历：月", "releaser", "/calendar"),
    Visit("日历：周", "releaser", "/calendar?view=week"),
    Visit("异常台", "releaser", "/exceptions"),
    Visit("一个异常", "releaser", "/exceptions/{unsolved}"),
    Visit("更正与撤回", "releaser", "/releases/{past}/withdraw"),
    Visit("手工发布", "releaser", "/manual"),
    Visit("数据与报表：本月", "releaser", "/data"),
    Visit("数据与报表：本季", "releaser", "/data?period=quarter"),
    Visit("应急通道", "releaser", "/urgent"),
    Visit("账号与凭据", "system", "/accounts"),
    Visit("一个账号", "system", "/accounts/{account}"),
    Visit("接口令牌", "system", "/accounts/api/tokens"),
    Visit("留痕", "audit", "/trail"),
    Visit("留痕：一个人", "audit", "/trail?actor={editor}"),
    Visit("人员", "security", "/people"),
    Visit("一个人", "security", "/people/person/staff7"),
    Visit("我的", "editor", "/me"),
)


def main() -> None:
    """Fill, measure."""
    from config.env import use_settings

    use_settings()
    import django

    django.setup()
    from benchmarks.parts.archive import fill

    began = time.monotonic()
    archive = fill(*(int(part) for part in sys.argv[1:3]))
    print(f"filled in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(json.dumps(measured(archive)))


def measured(archive: Archive) -> list[dict[str, Any]]:
    """Median, p99 and statements of each page."""
    from django.test import Client

    facts, clients = facts_of(archive), {}
    gc.collect()
    gc.freeze()  # as the web process does once it is loaded (config/wsgi.py); what filled the archive is not its garbage
    rows = []
    for visit in VISITS:
        if visit.who not in clients:
            clients[visit.who] = Client(headers={"host": "127.0.0.1", "accept-encoding": "gzip"})
            clients[visit.who].force_login(archive.pattern.people[visit.who])
        rows.append({"page": visit.name, **_page(clients[visit.who], visit.path.format_map(facts).replace("+", "%2B"))})
    return rows


def facts_of(archive: Archive) -> dict[str, Any]:
    """What the addresses name."""
    from bot.models import Edition, Publication, Release

    middle = archive.documents // 2
    releases = Release.objects.order_by("pk").values_list("pk", flat=True)
    return {
        "some": middle, "released": archive.editions[-1].document.external_id, "draft": "A-601",
        "waiting": Edition.objects.get(document__external_id="A-603").pk,
        "past": releases[0], "coming": releases.last(),
        "unsolved": Publication.objects.filter(state="needs_person").order_by("pk")[0].pk,
        "account": archive.pattern.accounts["wechat"].slug, "editor": archive.pattern.people["editor"].username,
        "cursor": f"{(archive.now - timedelta(minutes=middle)).isoformat()}~1",
    }  # fmt: skip


def _page(client: Client, path: str) -> dict[str, Any]:
    from django.db import connection

    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.headers.get('location', '')}")
    statements: list[str] = []

    def counted(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(counted):
        client.get(path)
    spent = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        client.get(path)
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {
        "median_ms": round(statistics.median(spent), 2), "p99_ms": round(spent[-1], 2), "statements": len(statements),
        "kilobytes": round(len(answer.content) / 1000),
    }  # fmt: skip


if __name__ == "__main__":
    main()
