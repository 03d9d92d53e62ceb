"""Entry point of `tongfa`: groups are imported only when they are called, so `--help` stays quick."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from . import words
from .output import REFUSED

words.install()
COMMANDS = {
    "init": "bot.cli.home:init",
    "up": "bot.cli.processes:up",
    "run": "bot.cli.processes:run",
    "demo": "bot.cli.demo:demo",
    "user": "bot.cli.people:user",
    "account": "bot.cli.accounts:account",
    "token": "bot.cli.tokens:token",
    "import": "bot.cli.documents:import_file",
    "check": "bot.cli.documents:check",
    "submit": "bot.cli.documents:submit",
    "review": "bot.cli.documents:review",
    "document": "bot.cli.documents:document",
    "release": "bot.cli.releases:release",
    "withdraw": "bot.cli.withdraw:withdraw",
    "alarm": "bot.cli.alarms:alarm",
    "notify": "bot.cli.alarms:notify",
    "metrics": "bot.cli.metrics:metrics",
    "report": "bot.cli.report:report",
    "audit": "bot.cli.audit:audit",
    "doctor": "bot.cli.doctor:doctor",
    "backup": "bot.cli.backup:backup",
    "restore": "bot.cli.backup:restore",
}


class LazyGroup(click.Group):
    """Finds a command by name and imports only that one."""

    def invoke(self, ctx: click.Context) -> Any:
        """Commands that stay (up, demo, run) have no reply to print: where the database is away they say so here."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if "django.db" not in sys.modules:
                raise
            from . import outage

            if not outage.is_outage(error):
                raise
            click.echo(f"未办理：{outage.sentence(error)}", err=True)
            ctx.exit(REFUSED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return words.place(found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one line each, without importing anything."""
        with formatter.section("命令"):
            formatter.write_dl([(name, HELP[name]) for name in COMMANDS])


HELP = {
    "init": "初始化一个环境（默认演练，--live 为正式），建库、建密钥、建首位管理员",
    "up": "在本机启动全部进程",
    "run": "单独运行一个进程：clock、worker、web、rehearsal",
    "demo": "演示：从导入到发布到指标，全程走一遍",
    "user": "人员：add、list、disable、enable",
    "account": "账号：add、set、list、check、quota、authorize、credential、disable、enable",
    "token": "接口令牌：add、list、revoke",
    "import": "导入文件（csv、xlsx、json、docx、md、html）",
    "check": "检查一份文件或一个待导入的文件",
    "submit": "提交送审",
    "review": "审核：通过或退回",
    "document": "文件：list、show、policy",
    "release": "发布单：plan、reschedule、sign、show、list、check、hold、resume、cancel、freeze、gate、settle",
    "withdraw": "更正与撤回：show、draft、ask、confirm、drop、list、state、done、look、again、leave、correct",
    "alarm": "警报：list、read",
    "notify": "通知：test",
    "metrics": "指标：pull、show、export",
    "report": "报表：show、export",
    "audit": "留痕：verify、export",
    "doctor": "体检：看有什么会妨碍今明两天的发布",
    "backup": "备份：运行中即可，得到一个文件",
    "restore": "恢复：把备份恢复到空的环境，先核对，不自动发送",
}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name=None, version="0.1.0", prog_name="tongfa")
def main() -> None:
    """Tongfa 同发：一次审核、一次签发，微信公众号与微博同一时刻发布，只发一次，全程留痕。

    退出码：0 完成，1 拒绝办理（附理由），2 用法有误，3 部分完成。
    """


words.place(main)

if __name__ == "__main__":
    sys.exit(main())
