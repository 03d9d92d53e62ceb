"""`tongfa audit`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .output import REFUSED, Reply, command


@click.group("audit")
def audit() -> None:
    """留痕：验证完整性、导出、重建查阅索引。"""


@audit.command("verify")
@command
def verify() -> Reply:
    """验证哈希链：中间任何一条被改、被删、被插入都会发现；末端被截断，连审核、签发或停发也截去的会发现，否则要对照另存的末端值。"""
    from bot.services.audit import verify_chain

    count, head, broken = verify_chain()
    if broken:
        data = {"verified": count, "broken_at": broken.sequence, "message": broken.message}
        return Reply(
            data, [f"留痕不完整：前 {count} 条完好，{broken.message}。请立即报告审计员并封存数据库。"], code=REFUSED
        )
    return Reply({"verified": count, "head": head}, [f"留痕完整：共 {count} 条，链首尾相接，末端 {head[:16]}…"])


@audit.command("index")
@click.option("--anew", is_flag=True, help="整个重建，不只补上缺的。")
@command
def index(anew: bool) -> Reply:
    """把新的留痕编入查阅索引（平时由时钟和页面自动补上）；索引只供查阅，不是证据，重建不改动留痕。"""
    from bot.services import trailindex

    if anew:
        count = trailindex.rebuild()
    else:
        while trailindex.catch_up(trailindex.MOST_OF_A_PAGE):
            pass
        count = trailindex.count()
    if gaps := trailindex.gaps():
        words = f"有 {gaps} 条留痕没有编入查阅索引，页面和导出里看不到。留痕本身不受影响。请运行 tongfa audit index --anew。"
        return Reply({"rows": count, "gaps": gaps}, [words], code=REFUSED)
    return Reply({"rows": count, "gaps": 0}, [f"查阅索引共 {count} 条，已与留痕齐平。"])


@audit.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command
def export(file: Path) -> Reply:
    """导出为 JSON Lines，一行一条，含链值，可独立复核。"""
    from bot.services.audit import lines

    count = 0
    with file.open("w", encoding="utf-8") as handle:
        for event in lines():
            row = {
                "sequence": event.sequence, "at": event.at.isoformat(), "actor": event.actor, "action": event.action,
                "subject": event.subject, "data": event.data, "previous": event.previous, "mac": event.mac, "algorithm": event.algorithm,
            }  # fmt: skip
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return Reply({"file": str(file), "rows": count}, [f"已导出 {count} 条留痕到 {file}。"])
