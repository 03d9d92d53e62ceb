"""Documents and their interpretations, and the dates of disclosure (domain.md 1.1 rows 10-11, 2.1, 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from bot.domain.article import Article, Kind
from bot.domain.findings import Finding, Level

from ..context import Context, hit
from ..workdays import Count, working_days

#: Working days within which government information is to be disclosed (条例 2019 art. 26, 2007 art. 18).
DISCLOSURE_LIMIT = 20
#: Working days after its document beyond which an interpretation is late by any rule; in step means 0.
INTERPRETATION_LIMIT = 3

_IN_STEP = "国办发〔2016〕80号；文件与解读同步组织、同步审签、同步部署"
_REGULATION = "《政府信息公开条例》（2019年修订第二十六条，2007年第十八条）"


def check_pairing(article: Article, context: Context) -> Iterator[Finding]:
    """A policy has its interpretation, an interpretation its document, and all dates are in order."""
    if article.kind is Kind.INTERPRETATION:
        yield from _interpretation(article, context)
    else:
        yield from _policy(context)
    yield from _dates(article, context.today)
    yield from _time_limit(article, context.today)


def _policy(context: Context) -> Iterator[Finding]:
    pair = context.pair
    if not pair.is_policy or pair.interpretation_ids:
        return
    if pair.waived:
        message = "本政策文件没有配套解读，已登记免配说明；发布前请确认说明仍然成立。"
        yield _about("pairing.waived", Level.HINT, message, "interprets", _IN_STEP)
        return
    message = (
        "本件是政策文件，但没有关联解读材料；请补充解读并与文件同步报审、同步发布，确实不需要解读的请登记免配理由。"
    )
    yield _about("pairing.no_interpretation", Level.BLOCK, message, "interprets", _IN_STEP)


def _interpretation(article: Article, context: Context) -> Iterator[Finding]:
    document = context.pair.interpreted
    if document is not None:
        yield from _in_step(article.published_on, document.published_on)
        return
    if article.interprets.strip():
        message = "解读所关联的文件在系统中找不到；请先导入该文件，或改正“所解读文件”的编号。"
    else:
        message = "解读材料没有关联所解读的文件；请填写该文件的编号，使两者双向关联、同步发布。"
    yield _about("pairing.no_document", Level.BLOCK, message, "interprets", _IN_STEP)


def _in_step(interpreted_on: date | None, document_on: date | None) -> Iterator[Finding]:
    """Late from one working day on. Never a block: an old item cannot be made punctual any more."""
    if interpreted_on is None or document_on is None:
        return
    if interpreted_on < document_on:
        message = f"解读的发布日期早于文件的发布日期（{document_on}）；请核对两个日期，解读应与文件同步发布。"
        yield _about("pairing.before_document", Level.WARN, message, "published_on", _IN_STEP)
        return
    count = working_days(document_on, interpreted_on)
    if count.days == 0:
        return
    over = count.days > INTERPRETATION_LIMIT
    limit = (
        f"已超过{INTERPRETATION_LIMIT}个工作日的上限" if over else f"未做到同步（上限{INTERPRETATION_LIMIT}个工作日）"
    )
    message = f"解读在文件公布后第{count}个工作日发布，{limit}；尚未发布的请改为与文件同时发布，已发布的请记录原因。"
    yield _about("pairing.late_over_limit" if over else "pairing.late", Level.WARN, message, "published_on", _IN_STEP)
    yield from _provisional(count)


def _dates(article: Article, today: date) -> Iterator[Finding]:
    formed, published = article.formed_on, article.published_on
    if formed and published and published < formed:
        message = f"发布日期（{published}）早于成文日期（{formed}），不合逻辑；请按文件落款和网站实际发布日期改正。"
        yield _about("pairing.published_before_formed", Level.BLOCK, message, "published_on", "")
    for name, label, day in (("formed_on", "成文日期", formed), ("published_on", "发布日期", published)):
        if day and day > today:
            message = f"{label}（{day}）在今天（{today}）之后；请核对是否填错。"
            yield _about("pairing.future_date", Level.WARN, message, name, "")


def _time_limit(article: Article, today: date) -> Iterator[Finding]:
    """20 working days from formation to publication, or to today while it is not published."""
    if article.formed_on is None:
        return
    count = working_days(article.formed_on, article.published_on or today)
    if count.days <= DISCLOSURE_LIMIT:
        # Only near the limit can the missing moved holidays of a year change the answer.
        if count.days > DISCLOSURE_LIMIT - 10:
            yield from _provisional(count)
        return
    done = "发布" if article.published_on else "仍未发布"
    message = (
        f"自成文之日起第{count}个工作日{done}，超过主动公开{DISCLOSURE_LIMIT}个工作日的时限；"
        "请尽快公开并记录逾期原因，不得更改日期。"
    )
    yield _about("pairing.overdue", Level.WARN, message, "published_on", _REGULATION)
    yield from _provisional(count)


def _provisional(count: Count) -> Iterator[Finding]:
    if count.provisional:
        message = "所涉年份的节假日调休安排尚未收录，以上工作日暂按周一至周五计算；请对照国务院办公厅放假通知人工核对。"
        yield _about(
            "pairing.provisional_calendar", Level.HINT, message, "published_on", "国务院办公厅年度节假日安排通知"
        )


def _about(rule: str, level: Level, message: str, name: str, source: str) -> Finding:
    return hit(rule, level, message, name, (0, 0), "", source=source)
