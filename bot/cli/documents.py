"""`tongfa import`, `check`, `submit`, `review`, `document`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bot.domain.typography import quoted

from .common import acting, as_option, chosen, now, pairs
from .output import IN_PART, REFUSED, Reply, command, shorten, table

SHOWN = 20


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_option
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="FIELD=VALUE",
    help="文件里没有的字段，如 kind=notice source_url=https://… external_id=…。",
)
@command
def import_file(file: Path, username: str, defaults: tuple[str, ...]) -> Reply:
    """导入文件：逐行报告新增、更新、未变、拒收及原因；一行有错不影响其余。"""
    from bot import intake
    from bot.services import documents
    from bot.services.errors import Refused

    person = acting(username)
    try:
        source = intake.open_source(file, defaults=pairs(defaults, "default"))
        with click.progressbar(
            length=max(source.total or 0, 1), label="导入", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            report = documents.import_rows(source, person=person, now=now(), each=lambda _: bar.update(1))
    except intake.SourceError as error:
        raise Refused("file", f"{file.name}：{error.message}") from None
    return import_reply(file.name, report, source.unread)


def import_reply(name: str, report: Any, unread: Sequence[str] = ()) -> Reply:
    """The report as JSON and as lines."""
    from bot.services import documents

    rejected = [row for row in report.rows if row.result == "rejected"]
    cleaned = [row for row in report.rows if row.result != "rejected"]
    lines = [
        f"{name}：新增 {report.created}，更新 {report.updated}，未变 {report.unchanged}，拒收 {report.rejected}；关联解读 {report.linked} 份。"
    ]
    lines += filter(None, [documents.empty_words(report, name), documents.unread_words(unread)])
    lines += [f"  {_refusal_line(row)}" for row in rejected[:SHOWN]]
    lines += [f"  第 {row.number} 行 {row.external_id}：已清理（{'；'.join(row.notes)}）" for row in cleaned[:SHOWN]]
    hidden = max(0, len(rejected) - SHOWN) + max(0, len(cleaned) - SHOWN)
    if hidden:
        lines.append(f"  另有 {hidden} 条未列出，完整清单请加 --json。")
    counts = {key: getattr(report, key) for key in ("created", "updated", "unchanged", "rejected", "linked")}
    code = 0 if not report.rejected else (IN_PART if report.total > report.rejected else REFUSED)
    rows = [asdict(row) for row in report.rows]
    return Reply({"file": name, **counts, "unread": list(unread), "rows": rows}, lines, code=code)


def _refusal_line(row: Any) -> str:
    return (
        f"第 {row.number} 行 {_id(row)}：{_field(row.field)}“{shorten(str(row.value), 60)}”——{row.reason}{row.remedy}"
    )


def _id(row: Any) -> str:
    return row.external_id or "（无编号）"


def _field(name: str) -> str:
    """By the words of the form, and by the name that `--default` and the JSON use."""
    from bot.intake.columns import LABELS

    return f"{LABELS[name]}（{name}）" if name in LABELS else name


def finding_lines(findings: Iterable[Any]) -> list[str]:
    """Findings for people."""
    return [f"【{f.level.label}】{f.message}" + (f" 建议：{f.suggestion}" if f.suggestion else "") for f in findings]


@click.command("check")
@click.argument("targets", nargs=-1, required=True)
@as_option
@command
def check(targets: tuple[str, ...], username: str) -> Reply:
    """检查已导入的文件（编号，按送审时的查法，含各账号的限制），或还没有导入的文件（路径，只查内容）。有必须修改的问题时退出码为 1。"""
    person = acting(username)
    if len(targets) == 1:
        return _check(targets[0], person)
    replies = [_check_or_say(target, person) for target in targets]
    code = REFUSED if any(reply.code for reply in replies) else 0
    return Reply({"checked": [reply.data for reply in replies]}, [line for r in replies for line in r.lines], code=code)


def _check_or_say(target: str, person: Any) -> Reply:
    """One that cannot be checked does not stop the others."""
    from bot.services.errors import Refused

    try:
        return _check(target, person)
    except Refused as refusal:
        data = {"id": target, "code": refusal.code, "message": refusal.message}
        return Reply(data, [f"✗ {target}：{refusal.message}"], code=REFUSED)


def _check(target: str, person: Any) -> Reply:
    """As the page of a draft shows it: what handing in would find, with what every account's platform refuses."""
    from bot.domain.findings import blocking
    from bot.services import accounts, documents, drafting, releases
    from bot.services.waivers import Waived

    if Path(target).is_file():
        return _check_file(Path(target))
    document = documents.find_document(target, unit=person.unit)
    whose = [one for one in releases.accounts_named((), unit=person.unit) if accounts.known(one)]
    findings = list(dict.fromkeys(drafting.judge_edition(document.current, accounts=whose, now=now()).findings))
    waived = Waived(document)
    lines = [f"{quoted(document.current.title)}：{len(findings)} 条检查结果"]
    lines += [
        line + ("（已写明理由，放行）" if finding in waived else "")
        for finding, line in zip(findings, finding_lines(findings), strict=True)
    ]
    stops = [finding for finding in blocking(findings) if finding not in waived]
    return Reply({"id": target, "findings": [asdict(f) for f in findings]}, lines, code=REFUSED if stops else 0)


def _check_file(path: Path) -> Reply:
    """Pairs are looked for within the file: first all rows are read for their ids, then each is checked."""
    from bot import intake
    from bot.services import documents, editorial
    from bot.services.errors import Refused

    lines: list[str] = []
    data: list[dict[str, Any]] = []
    blocked = False
    try:
        source = intake.open_source(path)
        articles = {row.article.external_id: row.article for row in source if isinstance(row, intake.Taken)}
        for row in source:
            if isinstance(row, intake.Rejected):
                faults = (row, *row.others)
                lines += [_refusal_line(one) for one in faults]
                data += [
                    {"row": one.number, "id": one.external_id, "rejected": one.reason, "field": one.field}
                    for one in faults
                ]
                blocked = True
                continue
            findings = editorial.check_article(row.article, editorial.pair_within(row.article, articles), now=now())
            blocked = blocked or editorial.blocks(findings)
            data.append({"row": row.number, "id": row.article.external_id, "findings": [asdict(f) for f in findings]})
            if findings:
                lines += [
                    f"第 {row.number} 行 {row.article.external_id}：",
                    *(f"  {line}" for line in finding_lines(findings)),
                ]
    except intake.SourceError as error:
        raise Refused("file", f"{path.name}：{error.message}") from None
    lines = [*(lines or ["没有发现问题。"]), *filter(None, [documents.unread_words(source.unread)])]
    return Reply(
        {"file": path.name, "unread": list(source.unread), "rows": data}, lines, code=REFUSED if blocked else 0
    )


def each_document(
    ids: Iterable[str], act: Callable[[str], str], left: Callable[[str], Sequence[Any]] = lambda _: ()
) -> Reply:
    """Do one thing to several documents; a refusal of one does not stop the others. `left`: findings to be told of one."""
    from bot.services.errors import Refused

    results, lines = [], []
    for external_id in ids:
        try:
            state = act(external_id)
        except Refused as refusal:
            results.append(
                {
                    "id": external_id,
                    "ok": False,
                    "code": refusal.code,
                    "message": refusal.message,
                    "details": list(refusal.details),
                }
            )
            lines += [f"✗ {external_id}：{refusal.message}", *(f"    - {detail}" for detail in refusal.details)]
        else:
            findings = left(external_id)
            told = {"findings": [asdict(finding) for finding in findings]} if findings else {}
            results.append({"id": external_id, "ok": True, "state": state, **told})
            lines += [f"✓ {external_id}：{state}", *(f"    {line}" for line in finding_lines(findings))]
    failed = sum(1 for result in results if not result["ok"])
    code = 0 if not failed else (REFUSED if failed == len(results) else IN_PART)
    return Reply({"documents": results}, lines, code=code)


@click.command("submit")
@click.argument("ids", nargs=-1, required=True)
@as_option
@click.option(
    "--waive", "waivers", multiple=True, metavar="RULE=REASON", help="忽略一条检查结果并说明理由，如 pairing=…。"
)
@command
def submit(ids: tuple[str, ...], username: str, waivers: tuple[str, ...]) -> Reply:
    """提交送审：过检查、为各账号生成渠道稿并冻结；留下的检查结果逐条列出。"""
    from bot.services import accounts, documents, drafting, editorial, waiving
    from bot.services.waivers import Waived

    person = acting(username)
    accounts.require_programs(person.unit)
    waived = pairs(waivers, "waive")
    hints: list[str] = []

    def act(external_id: str) -> str:
        document = documents.find_document(external_id, unit=person.unit)
        for rule, reason in waived.items():
            waiving.waive(document, rule, reason, person=person, now=now())
        label = editorial.submit(document, person=person, now=now()).status.label
        if draft := drafting.unsaved(document):
            hints.append(f"提示：{external_id} 送审的是已保存的版本，不含{draft.editor.name}还没有保存成版本的草稿。")
        return label

    def left(external_id: str) -> list[Any]:
        document = documents.find_document(external_id, unit=person.unit)
        kept = dict.fromkeys(row.finding for row in document.current.findings.order_by("pk"))
        waived = Waived(document)
        return [finding for finding in kept if finding not in waived]

    reply = each_document(ids, act, left)
    return Reply(reply.data, [*reply.lines, *hints], code=reply.code)


@click.command("review")
@click.argument("ids", nargs=-1, required=True)
@as_option
@click.option("--pass", "passed", is_flag=True, help="通过。")
@click.option("--return", "returned", metavar="REASON", help="退回，须写原因。")
@click.option("--comment", default="", help="审核意见。")
@command
def review(ids: tuple[str, ...], username: str, passed: bool, returned: str | None, comment: str) -> Reply:
    """办理到期的那一级审核：通过或退回。"""
    from bot.domain.workflow import Verdict
    from bot.services import documents, editorial

    if passed == (returned is not None):
        raise click.UsageError("请在 --pass 与 --return 原因 之中选一个。")
    person = acting(username)
    verdict = Verdict.PASS if passed else Verdict.RETURN

    def act(external_id: str) -> str:
        document = documents.find_document(external_id, unit=person.unit)
        return editorial.review(
            document, person=person, verdict=verdict, comment=returned or comment, now=now()
        ).status.label

    return each_document(ids, act)


@click.group("document")
def document() -> None:
    """文件：列出、查看、设定是否政策文件。"""


@document.command("list")
@as_option
@click.option("--state", default="", help="只看某个状态，如 已通过（approved）。")
@command
def list_documents(username: str, state: str) -> Reply:
    """列出本单位的文件。"""
    from bot.domain.workflow import EDITION_LABELS
    from bot.services import documents

    if state:
        state = chosen(state, {str(code): label for code, label in EDITION_LABELS.items()}, "状态")
    person = acting(username)
    rows, data = [], []
    for found in documents.documents_of(person.unit).select_related("interprets"):
        edition = found.current
        if state and edition.state != state:
            continue
        rows.append([found.external_id, edition.article.kind.label, shorten(edition.title, 60), edition.status.label])
        data.append(
            {
                "id": found.external_id,
                "kind": found.kind,
                "title": edition.title,
                "state": edition.state,
                "edition": edition.number,
                "is_policy": found.is_policy,
            }
        )
    return Reply({"documents": data}, table(["编号", "类别", "标题", "状态"], rows))


@document.command("show")
@click.argument("external_id")
@as_option
@command
def show_document(external_id: str, username: str) -> Reply:
    """一份文件的当前版本：内容、审核、检查结果、各账号渠道稿。"""
    from bot.domain.instants import show
    from bot.domain.workflow import Step
    from bot.services import documents

    found = documents.find_document(external_id, unit=acting(username).unit)
    edition = found.current
    reviews = [
        {
            "step": r.step,
            "person": r.person.username,
            "name": r.person.name,
            "verdict": r.verdict,
            "comment": r.comment,
            "at": r.at.isoformat(),
        }
        for r in edition.reviews.select_related("person").order_by("at")
    ]
    posts = [
        {"account": p.account.slug, "hash": p.hash, "payload": p.payload}
        for p in edition.posts.select_related("account")
    ]
    data = {
        "id": found.external_id, "kind": found.kind, "is_policy": found.is_policy, "state": edition.state, "edition": edition.number,
        "content": edition.content, "content_hash": edition.content_hash, "marker": edition.marker, "interprets": found.interprets_external,
        "interpretations": list(found.interpretations.values_list("external_id", flat=True)), "reviews": reviews, "posts": posts,
        "findings": [row.detail for row in edition.findings.all()],
    }  # fmt: skip
    lines = [f"{quoted(edition.title)} {found.external_id} 第 {edition.number} 版 {edition.status.label}"]
    lines += [
        f"  {Step(r.step).label} {r.person.name} {'通过' if r.verdict == 'pass' else '退回'} {show(r.at)} {r.comment}".rstrip()
        for r in edition.reviews.select_related("person").order_by("at")
    ]
    lines += [f"  渠道稿 {post['account']} {str(post['hash'])[:12]}" for post in posts]
    lines += [f"  {line}" for line in finding_lines(row.finding for row in edition.findings.all())]
    return Reply(data, lines)


@document.command("policy")
@click.argument("external_id")
@as_option
@click.option("--yes/--no", "is_policy", required=True, help="是／不是政策文件。")
@click.option("--reason", required=True, help="更改理由。")
@command
def policy(external_id: str, username: str, is_policy: bool, reason: str) -> Reply:
    """设定是否政策文件（政策文件须与解读同时发布）。"""
    from bot.services import documents, editorial

    person = acting(username)
    found = documents.find_document(external_id, unit=person.unit)
    editorial.set_policy(found, is_policy, reason=reason, person=person, now=now())
    return Reply(
        {"id": external_id, "is_policy": is_policy}, [f"{external_id}：{'是' if is_policy else '不是'}政策文件。"]
    )
