"""What the command line itself says (usage errors, headings of `--help`) in Chinese, in one place.

click asks gettext for these sentences. A catalogue for gettext is a binary file and is only read under a Chinese locale,
which a server often lacks; so click's modules are given this table instead. What is not in it stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

import click._textwrap
import click.core
import click.decorators
import click.exceptions
import click.formatting
import click.parser
import click.termui
import click.types

CHINESE = {
    # usage errors
    "Error: {message}": "用法有误，没有办理：{message}",
    "Try '{command} {option}' for help.": "用法说明：{command} {option}",
    "Missing command.": "没有写明办什么，请写上命令名。",
    "No such command {name!r}.": "没有“{name}”这个命令，请核对拼写。",
    "No such option {name!r}.": "没有“{name}”这个选项，请核对拼写。",
    "Did you mean {possibility}?": "是不是 {possibility}？",
    "(Did you mean one of: {possibilities}?)": "是不是其中之一：{possibilities}？",
    "Missing argument": "缺少必填的内容",
    "Missing option": "缺少必填的选项",
    "Missing parameter": "缺少必填的内容",
    "Missing {param_type}": "缺少必填的内容",
    "Missing parameter: {param_name}": "缺少必填的内容：{param_name}",
    "Choose from:\n\t{choices}": "可选：\n\t{choices}",
    "Invalid value: {message}": "填写有误：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} 填写有误：{message}",
    "Got unexpected extra argument ({args})": "多写了内容（{args}），请删去；带空格的内容要加引号。",
    "Got unexpected extra arguments ({args})": "多写了内容（{args}），请删去；带空格的内容要加引号。",
    "Takes {nargs} values but 1 was given.": "应填 {nargs} 个值，只填了 1 个。",
    "Takes {nargs} values but {len} were given.": "应填 {nargs} 个值，填了 {len} 个。",
    "Argument {name!r} takes {nargs} values.": "“{name}”应填 {nargs} 个值。",
    "Option {name!r} does not take a value.": "选项“{name}”后面不能带值。",
    "Option {name!r} requires an argument.": "选项“{name}”后面要带一个值。",
    "Option {name!r} requires {nargs} arguments.": "选项“{name}”后面要带 {nargs} 个值。",
    "{value!r} is not {choice}.": "“{value}”不可选，只能是 {choice}。",
    "{value!r} is not one of {choices}.": "“{value}”不可选，可选的有 {choices}。",
    "{value!r} is not a valid {number_type}.": "“{value}”不是数字，请填数字。",
    "{value} is not in the range {range}.": "{value} 超出范围，应在 {range} 之内。",
    "{value!r} is not a valid boolean. Recognized values: {states}": "“{value}”不是“是/否”，可填：{states}",
    "{name} {filename!r} does not exist.": "{name}“{filename}”不存在，请核对路径。",
    "{name} {filename!r} is a file.": "“{filename}”是文件，这里要目录。",
    "{name} {filename!r} is a directory.": "“{filename}”是目录，这里要文件。",
    "{name} {filename!r} is not readable.": "{name}“{filename}”没有读取权限，请系统管理员放开。",
    "{name} {filename!r} is not writable.": "{name}“{filename}”没有写入权限，请系统管理员放开。",
    "{name} {filename!r} is not executable.": "{name}“{filename}”不能执行。",
    "Could not open file {filename!r}: {message}": "打不开文件“{filename}”：{message}",
    "Aborted!": "已中止。",
    # help
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "内容",
    "Show this message and exit.": "显示这段说明。",
    "Show the version and exit.": "显示版本。",
    "%(prog)s, version %(version)s": "%(prog)s，版本 %(version)s",
    "default: {default}": "默认 {default}",
    "required": "必填",
    "file": "文件",
    "directory": "目录",
    "path": "路径",
}
PLACES = {
    "USER": "登录名", "REASON": "原因", "URL": "网址", "ID": "编号", "DATE": "日期", "FILE": "文件", "VAR": "环境变量",
    "TITLE": "标题", "INSTANT": "时刻", "SPAN": "时长", "NAME=URL": "名称=网址", "NAME=VALUE": "名称=值",
    "NAME=VAR": "名称=环境变量", "NAME=FILE": "名称=文件", "FIELD=VALUE": "字段=值", "ACCOUNT=MODE": "账号=方式",
    "RULE=REASON": "规则=理由", "TEXT": "文字", "INTEGER": "整数", "PATH": "路径", "DIRECTORY": "目录", "FLOAT": "数",
    "INTEGER RANGE": "整数",
    "SLUG": "账号代号", "IDS": "文件编号", "EXTERNAL_ID": "文件编号", "USERNAME": "登录名", "PUBLICATION": "推送编号",
    "SUBJECT": "编号", "NAME": "名称", "ALSO": "编号", "TARGET": "对象", "TARGETS": "对象", "JOB": "任务",
    "TAKEDOWN": "撤回项编号", "MONTH": "月份", "QUARTER": "季度",
}  # fmt: skip
"""What stands for a value in a line of usage."""

_MODULES = (
    click.core, click.decorators, click.exceptions, click.formatting, click.parser, click.termui, click.types,
)  # fmt: skip


def _one(message: str) -> str:
    return CHINESE.get(message, message)


def _one_or_many(singular: str, plural: str, count: int) -> str:
    return _one(singular if count == 1 else plural)


def install() -> None:
    """From now on click speaks Chinese, in whatever locale, and lines it up as a terminal shows it."""
    for module in _MODULES:
        for name, words in (("_", _one), ("ngettext", _one_or_many)):
            if hasattr(module, name):
                setattr(module, name, words)
    for module in (click.formatting, click._textwrap):
        module.term_len = width  # type: ignore[attr-defined]
    click._textwrap.TextWrapper = Wrapper  # type: ignore[misc]


class Wrapper(click._textwrap.TextWrapper):
    """Breaks Chinese between any two characters, but never before closing or after opening punctuation."""

    _CHUNKS = re.compile(
        r"\s+|[“‘（《【]*(?:[⺀-鿿＀-￯]|[^\s⺀-鿿＀-￯“‘（《【”’）》】，。、；：！？…]+)?[”’）》】，。、；：！？…]*"
    )

    def _split(self, text: str) -> list[str]:
        return [chunk for chunk in self._CHUNKS.findall(text) if chunk]


def width(text: str) -> int:
    """Columns that a terminal needs for it: two for each Chinese character."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in click.unstyle(text))


def place(command: click.Command) -> click.Command:
    """Give a command, and all below it, Chinese names for what is to be filled in. Returns the command."""
    command.options_metavar = "[选项]"
    if isinstance(command, click.Group):
        command.subcommand_metavar = "命令 [内容]…"
        for one in command.commands.values():
            place(one)
    context = click.Context(command)
    for param in command.params:
        shown = param.make_metavar(context)
        word = shown.strip("[].<>")
        if word in PLACES:
            param.metavar = shown.replace(word, PLACES[word]).replace("...", "…")
    return command
