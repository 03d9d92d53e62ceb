"""What does not wait: one notice that two people let out at seven, one that waits for its second word, two that are being written."""

from __future__ import annotations

from bot.intake import Rejected
from bot.models import Document, Release, Urgency
from bot.services import documents, urgent
from tests.console.world import District, now

PORTAL = "https://www.hedong.gov.cn/"
OFFICE = "河东区人民政府办公室"
BURST = (
    "温泉路燃气管道抢修临时封路公告",
    "11月24日7时，温泉路与东兴路交叉口燃气管道泄漏，正在抢修。\n"
    "即时起，温泉路东兴路至人民大街段双向封闭，公交3路、8路改走东兴路。\n"
    "附近居民请关闭门窗，不要使用明火，服从现场人员引导。",
)
FOG = (
    "大雾橙色预警及高速入口临时封闭公告",
    "区气象台11月24日9时发布大雾橙色预警：预计未来6小时能见度小于200米。\n"
    "即时起，河东区境内高速公路入口临时封闭，开放时间另行公告。\n"
    "请减少外出，驾车请开雾灯、减速慢行。",
)
OUTAGE = (
    "芝麻墩街道停电抢修公告",
    "芝麻墩街道一处供电线路故障，正在抢修，预计11月24日14时前恢复。\n抢修期间请关闭大功率电器，需要帮助的请拨打供电服务热线。",
)
MISSING = (
    "寻找走失老人紧急公告",
    "11月24日早上，一位老人在汤头街道走失。\n老人身份证号码为11010519491231002X，见到的请与派出所联系。",
)
"""What must be mended: a number that nobody may publish."""


def write(district: District, notice: tuple[str, str], *, by: str) -> Document:
    """One of them, by that person."""
    title, text = notice
    fields = {"title": title, "text": text, "unit": OFFICE, "source_url": PORTAL}
    made = urgent.write(fields, person=district.people[by], now=now())
    assert not isinstance(made, Rejected), made
    return documents.find_document(made.external_id, unit=district.unit)


def ask(district: District, notice: tuple[str, str], *, by: str, reason: str) -> Urgency:
    """The first word, on both accounts, as soon as possible."""
    document = write(district, notice, by=by)
    return urgent.propose(
        document, modes={"wx": "publish", "wb": "share"}, instant=None, reason=reason, seen=document.current.content_hash,
        person=district.people[by], now=now(),
    )  # fmt: skip


def report(district: District) -> Urgency:
    """The first word on the burst pipe."""
    return ask(district, BURST, by="duty", reason="燃气泄漏，须立即封路疏导，来不及走完三审")


def agree(asked: Urgency, district: District) -> Release:
    """The second."""
    return urgent.confirm(asked, seen=asked.digest, person=district.people["releaser"], now=now())
