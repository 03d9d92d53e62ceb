"""What sorts of acts the trail tells of, for filters: every kind of line belongs to one."""

from __future__ import annotations

from enum import StrEnum


class Sort(StrEnum):
    """One sort of acts."""

    TEXT = "text"
    RELEASE = "release"
    PUSH = "push"
    WITHDRAWAL = "withdrawal"
    MANUAL = "manual"
    ALARM = "alarm"
    ACCOUNT = "account"
    PEOPLE = "people"
    LOGIN = "login"
    API = "api"
    HOUSE = "house"

    @property
    def label(self) -> str:
        """The words staff see."""
        return SORT_LABELS[self]

    @classmethod
    def of(cls, action: str) -> Sort:
        """The sort of a kind of line; what is not known counts as the installation's."""
        if action in _BY_ACTION:
            return _BY_ACTION[action]
        return BY_PREFIX.get(action.partition(".")[0], cls.HOUSE)


SORT_LABELS = {
    Sort.TEXT: "文件与审核",
    Sort.RELEASE: "发布单与停发",
    Sort.PUSH: "推送与平台",
    Sort.WITHDRAWAL: "更正与撤回",
    Sort.MANUAL: "手工发布",
    Sort.ALARM: "预检、警报与通知",
    Sort.ACCOUNT: "账号与指标",
    Sort.PEOPLE: "单位与人员",
    Sort.LOGIN: "登录",
    Sort.API: "接口",
    Sort.HOUSE: "系统与留痕",
}
BY_PREFIX = {
    "document": Sort.TEXT,
    "documents": Sort.TEXT,
    "attachment": Sort.TEXT,
    "edition": Sort.TEXT,
    "finding": Sort.TEXT,
    "link": Sort.TEXT,
    "release": Sort.RELEASE,
    "urgent": Sort.RELEASE,
    "gate": Sort.RELEASE,
    "unit": Sort.RELEASE,
    "publication": Sort.PUSH,
    "platform": Sort.PUSH,
    "resend": Sort.PUSH,
    "callback": Sort.PUSH,
    "withdrawal": Sort.WITHDRAWAL,
    "takedown": Sort.WITHDRAWAL,
    "manual": Sort.MANUAL,
    "preflight": Sort.ALARM,
    "alarm": Sort.ALARM,
    "notify": Sort.ALARM,
    "account": Sort.ACCOUNT,
    "credential": Sort.ACCOUNT,
    "metrics": Sort.ACCOUNT,
    "person": Sort.PEOPLE,
    "deputy": Sort.PEOPLE,
    "login": Sort.LOGIN,
    "token": Sort.API,
    "api": Sort.API,
    "home": Sort.HOUSE,
    "rules": Sort.HOUSE,
    "trail": Sort.HOUSE,
}
_BY_ACTION = {
    "unit.created": Sort.PEOPLE,
    "unit.opened": Sort.PEOPLE,
    "unit.return_phrases": Sort.TEXT,
    "edition.corrects": Sort.WITHDRAWAL,
}
