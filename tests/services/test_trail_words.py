"""Every kind of line of the trail is a sentence in Chinese and belongs to a sort; none is left as a code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.domain.trail import BY_PREFIX, Sort
from bot.models import AuditEvent
from bot.services import audit, story, trail, trailcheck
from bot.services.audit import Part

from .factories import NOW, Office

BOT = Path(__file__).resolve().parents[2] / "bot"
KIND = re.compile(r"[a-z]+\.[a-z_]+")
NO_KIND = re.compile(r".*\.(html|json|toml|key|lock|csv|mac|sock|path)")


@cache
def kinds() -> frozenset[str]:
    """Every kind of line that is written anywhere: what is handed to the chain's writers, and every constant that looks
    like a kind of a known family and is no name of a log event or of a file."""
    found: set[str] = set()
    for path in sorted(BOT.rglob("*.py")):
        if "migrations" in path.parts or path.name == "trail.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        logged = {id(node) for node in _logged(tree)}
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in logged
            and KIND.fullmatch(node.value) and not NO_KIND.fullmatch(node.value)
            and node.value.partition(".")[0] in BY_PREFIX
        }  # fmt: skip
        found |= set(_written(tree))
    constants = {trail.LOOKED, trail.GLANCED, trail.TOLD, trail.MOVED, trail.ANSWERED, *trail.FREEZES}
    return frozenset(found | constants)


def _logged(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _name(node.func.value) == "log":
            yield from node.args


def _written(tree: ast.AST) -> Iterator[str]:
    """The second argument of `audit.append` and `Entry`, whatever family it is of."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and _called(node) in {"audit.append", "audit.Entry", "Entry"}
            and len(node.args) > 1
        ):
            kind = node.args[1]
            if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and "." in kind.value:
                yield kind.value


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return f"{_name(node.func.value)}.{node.func.attr}"
    return _name(node.func)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_the_kinds_are_found() -> None:
    assert {"release.signed", "login.tried", "login.opened", "alarm.told", "rules.tampered", "gate.moved"} <= kinds()
    assert len(kinds()) > 85


def test_every_kind_that_is_written_anywhere_has_a_sentence() -> None:
    assert sorted(kinds() - set(trail.TELLERS)) == []


def test_every_kind_belongs_to_a_sort() -> None:
    assert sorted(kind for kind in kinds() if kind.partition(".")[0] not in BY_PREFIX) == []
    assert Sort.of("unit.created") is Sort.PEOPLE
    assert Sort.of("unit.frozen") is Sort.RELEASE
    assert Sort.of("never.heard") is Sort.HOUSE


@pytest.mark.parametrize(
    ("action", "data", "words", "detail"),
    [
        ("documents.imported", {"created": 2, "updated": 0, "unchanged": 1, "rejected": 3},
         "导入文件：新增 2、更新 0、不变 1、拒收 3", ""),
        ("unit.created", {"name": "九曲街道", "steps": ["first", "final"]}, "添加单位“九曲街道”", "审核步骤：初审、终审"),
        ("unit.opened", {"name": "九曲街道", "code": "jiuqu", "manager": "冯安", "username": "feng"},
         "新建单位“九曲街道”（jiuqu）", "安全管理员：冯安（feng）"),
        ("login.tried", {"who": "ab12"}, "尝试登录", "登录名的指纹 ab12（不保存所输入的登录名）"),
        ("login.failed", {"who": "ab12", "what": "code"}, "登录不成功：验证码不对", "登录名的指纹 ab12"),
        ("login.failed", {"who": "ab12", "what": "password"}, "登录不成功：登录名或密码不对", "登录名的指纹 ab12"),
        ("login.opened", {"who": "ab12"}, "登录：密码核对通过", ""),
        ("rules.installed", {"fingerprint": "0123456789abcdef"}, "安装数据库规则", "规则指纹尾号 89abcdef"),
        ("rules.tampered", {"rules": ["a", "b"], "found": "x"}, "发现数据库规则缺少或被改动", "涉及 2 条：a、b"),
        ("callback.received", {"name": "群发结果", "ids": {"msg_id": "7"}}, "本项：收到平台的结果通知", "msg_id 7"),
        ("alarm.told", {"target": "值班群", "how": "wecom", "ring": 1}, "第 1 级警报通知已送达“值班群”（企业微信群机器人）", ""),
        ("notify.tested", {"reached": ["群"], "all": ["群", "邮箱"]}, "测试警报通知：1 个送达", "没有送达：邮箱"),
        ("trail.verified", {"ok": True, "lines": 9, "head": "ff"}, "核验留痕：第 1 至 9 条完整", "末端值 ff"),
        ("trail.verified", {"ok": False, "lines": 9, "message": "第 10 条缺失"}, "核验留痕：不完整，前 9 条完好", "第 10 条缺失"),
        ("trail.exported", {"form": "csv", "filters": "人员 editor"}, "导出留痕（表格 CSV）", "人员 editor"),
    ],
)  # fmt: skip
def test_what_had_no_sentence_reads_as_one(action: str, data: dict[str, object], words: str, detail: str) -> None:
    assert trail._words(action, data, "本项") == (words, detail)


@pytest.mark.django_db
def test_an_account_and_a_command_are_called_by_what_staff_call_them(office: Office) -> None:
    account = office.wechat
    audit.append("系统", "preflight.done", "release:1", {"account": account.slug, "kind": "minute"}, now=NOW)
    audit.append("tongfa backup", "home.backed_up", "home", {"file": "a.zip"}, now=NOW)
    checked, backed_up = trail.tell({"release:1": "发布单", "home": "本机"})
    assert f"账号“{account.name}”" in checked.what
    assert account.slug not in checked.what
    assert (backed_up.who, backed_up.actor) == ("备份", "tongfa backup")


@pytest.mark.django_db
def test_a_line_that_nobody_understands_hides_no_other(office: Office) -> None:
    audit.append("系统", "publication.moved", "publication:1", {"from": "nowhere", "to": "planned"}, now=NOW)
    audit.append("系统", "edition.reviewed", "publication:1", {}, now=NOW)
    first, second = trail.tell({"publication:1": "公众号"})
    assert first.detail == second.detail == trail.UNREADABLE


@pytest.mark.django_db
def test_a_release_from_the_first_line_to_the_last_is_told_without_a_code(office: Office) -> None:
    office.signed()
    trailcheck.check_on(Part(), person=_auditor(office), now=NOW)
    events = list(AuditEvent.objects.order_by("sequence"))
    for line in trail.in_words(events, {event.subject: "本项" for event in events}):
        assert line.action not in line.what, line
        assert line.detail != trail.UNREADABLE, line


def _auditor(office: Office) -> object:
    from bot.services import people

    return people.add_person(
        "auditor", name="郑审", unit=office.unit, roles=["auditor"], password=None, actor="test", now=NOW
    )


def test_a_secret_and_a_platforms_event_are_named_for_staff(office: Office) -> None:
    """Not `callback_aes_key` and not MASSSENDJOBFINISH."""
    subject = "account:zghd"
    audit.append("root", "credential.set", subject, {"name": "callback_aes_key"}, now=NOW)
    audit.append(
        "平台回调", "callback.received", subject, {"name": "MASSSENDJOBFINISH", "ids": {"msg_id": "7"}}, now=NOW
    )
    audit.append("root", "credential.set", subject, {"name": "of_a_channel_that_is_gone"}, now=NOW)
    first, second, third = [one.what for one in trail.tell({subject: "账号 wx"})][-3:]
    assert first == "账号 wx：更换凭据“消息加解密密钥（EncodingAESKey）”"
    assert second == "账号 wx：收到平台的结果通知"
    assert third == "账号 wx：更换凭据“其他”"


@pytest.mark.parametrize(
    ("code", "shown"), [("45028", "45028"), ("-1", "-1"), ("no_answer", ""), ("crash", ""), ("", "")]
)
def test_only_a_platforms_number_is_shown_as_a_code(code: str, shown: str) -> None:
    assert story.platform_code(code) == shown
