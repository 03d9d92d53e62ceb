"""`tongfa backup` and `tongfa restore`."""

from __future__ import annotations

from pathlib import Path

import click

from .common import now, secret_from
from .output import Reply, command

_FILE = click.Path(dir_okay=False, path_type=Path)
_passphrase_file = click.option("--passphrase-file", metavar="FILE", help="从文件取密钥的口令。")
_passphrase_env = click.option("--passphrase-env", metavar="VAR", help="从环境变量取密钥的口令。")


@click.command("backup")
@click.argument("file", type=_FILE)
@click.option("--with-keys", is_flag=True, help="连同密钥一起备份，以口令加密。不写则不含密钥，须另存 keys 目录。")
@_passphrase_file
@_passphrase_env
@command
def backup(file: Path, with_keys: bool, passphrase_file: str | None, passphrase_env: str | None) -> Reply:
    """备份全部记录、图片和环境设置到一个新文件，运行中即可；已有的文件不会覆盖。"""
    from bot.services import backing_up

    given = secret_from(file=passphrase_file, variable=passphrase_env)
    if with_keys and not given:
        raise click.UsageError("--with-keys 须用 --passphrase-file 或 --passphrase-env 给出口令。")
    if given and not with_keys:
        raise click.UsageError("给了口令却没有写 --with-keys。要连同密钥备份，请加上 --with-keys。")
    made = backing_up.make(file, passphrase=given or "", now=now())
    data = {
        "file": str(made.file), "bytes": made.size, "sha256": made.sha256, "rows": made.rows,
        "audit_lines": made.lines, "audit_head": made.head, "keys": made.keys, "attachments": made.files,
        "attachments_lost": list(made.lost),
    }  # fmt: skip
    lines = [
        f"已备份到 {made.file}：{made.rows} 条记录，{made.size} 字节，SHA-256 {made.sha256}。",
        f"留痕 {made.lines} 条，末端 {made.head[:16]}…。请把末端值和 SHA-256 抄存在别处。",
        "密钥在内，以口令加密：没有口令谁也解不开，请把口令另行保管。"
        if made.keys
        else "不含密钥：只凭这个文件解不开凭据，也不能恢复。请另存 keys 目录，与备份分开存放。",
    ]
    if made.lost:
        lines.append(
            f"注意：{len(made.lost)} 个附件的文件已丢失或损坏，备份里没有它们。请用更早的备份取回：tongfa doctor 会逐个列出。"
        )
    return Reply(data, lines)


@click.command("restore")
@click.argument("file", type=_FILE)
@click.option("--as", "username", required=True, metavar="USER", help="备份里的一位系统管理员（登录名），记入留痕。")
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="另存的 keys 目录（备份不含密钥时）。")
@_passphrase_file
@_passphrase_env
@command
def restore(
    file: Path, username: str, keys: Path | None, passphrase_file: str | None, passphrase_env: str | None
) -> Reply:
    """把备份恢复到空的环境和空的数据库。恢复后全部停发，先向平台核对，由人看过再放行。"""
    from bot.services import restoring

    given = secret_from(file=passphrase_file, variable=passphrase_env)
    done = restoring.restore(file, username=username, passphrase=given or "", keys=keys, now=now())
    found = done.reconciled
    data = {
        "made_at": done.made_at.isoformat(), "rows": done.rows, "audit_lines": done.lines, "audit_head": done.head,
        "live": done.live, "units_frozen": found.units, "looked_up": found.looked_up, "held": found.held,
        "for_a_person": found.for_a_person, "attachments": done.files, "attachments_lost": done.lost,
    }  # fmt: skip
    lines = [
        f"已恢复：{done.rows} 条记录，附件 {done.files} 个逐个核对无误{f'（另有 {done.lost} 个在备份之前就已丢失）' if done.lost else ''}，留痕 {done.lines} 条完整，末端 {done.head[:16]}…。",
        f"{found.units} 个单位已停发，没有发出任何内容。{found.message}",
        "下一步：tongfa up，再 tongfa doctor。原来的环境若还在，请先停掉：两个环境不能同时对着同一批账号。",
    ]
    return Reply(data, lines)
