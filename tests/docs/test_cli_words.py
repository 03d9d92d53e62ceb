"""What the command line says of itself is Chinese, whatever the locale, and says what to do."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import words
from bot.cli.main import main
from scripts import generate_docs

ENGLISH = re.compile(r"\b(Error|Usage|Try|Missing|Invalid|No such|not|does|requires|unexpected|Show|Options|default)\b")
WRONG = {
    ("rlease",): "没有“rlease”这个命令",
    ("release", "settel"): "是不是 'settle'",
    ("release", "show", "abc", "--as", "zhou"): "“abc”不是数字，请填数字",
    ("release", "sign", "3"): "缺少必填的选项 '--as'",
    ("release", "sign", "--as", "zhou"): "缺少必填的内容",
    ("release", "sign", "3", "--as"): "后面要带一个值",
    ("release", "sign", "3", "4", "--as", "zhou"): "多写了内容（4），请删去",
    ("release", "show", "3", "--ass", "zhou"): "没有“--ass”这个选项",
    ("release", "show", "3", "--json=1", "--as", "zhou"): "不能带值",
    ("release", "plan", "--as", "z", "--at", "+3m", "--item", "1", "--then", "x"): "“x”不可选，可选的有",
    ("import", "/nowhere/今日.xlsx", "--as", "wang"): "文件“/nowhere/今日.xlsx”不存在，请核对路径",
}


@pytest.mark.parametrize("arguments", sorted(WRONG))
def test_a_usage_error_says_in_chinese_what_is_wrong_and_that_nothing_was_done(arguments: tuple[str, ...]) -> None:
    answer = CliRunner(env={"LANG": "C"}).invoke(main, arguments, prog_name="tongfa")
    assert answer.exit_code == 2
    assert WRONG[arguments] in answer.output
    assert "没有办理" in answer.output
    assert not ENGLISH.search(answer.output), answer.output


@pytest.mark.parametrize("arguments", [("--help",), ("release", "--help"), ("release", "plan", "--help")])
def test_help_has_chinese_headings(arguments: tuple[str, ...]) -> None:
    answer = CliRunner(env={"LANG": "C"}).invoke(main, arguments, prog_name="tongfa")
    assert answer.exit_code == 0
    assert not ENGLISH.search(answer.output), answer.output


@pytest.mark.parametrize("name", ["tongfa", "tongfa release", *generate_docs.commands()])
def test_help_names_what_to_fill_in_in_chinese_and_keeps_to_the_width_of_the_terminal(name: str) -> None:
    asked = [*name.split()[1:], "--help"]
    usage, *lines = CliRunner().invoke(main, asked, prog_name="tongfa", terminal_width=80).output.splitlines()
    assert not re.search(r"\b[A-Z]{2,}\b", usage)
    for line in lines:
        assert words.width(line) <= 80, line
        assert not re.match(r"\s+(-\w, )?--[\w-]+ [A-Z]", line), line
    beginnings = [re.match(r"  -\S.*?\S  +(?=\S)", line) for line in lines]
    assert len({words.width(one[0]) for one in beginnings if one}) == 1


@given(st.text(alphabet="政策，。“”（）发布 ab-—…1、\u3000"))
def test_no_character_is_lost_between_two_lines(text: str) -> None:
    assert "".join(words.Wrapper()._split(text)) == text
