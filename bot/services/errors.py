"""How a use case says no."""

from __future__ import annotations


class Refused(Exception):
    """The use case was refused and changed nothing. `message` is Chinese: what happened, what to do next."""

    def __init__(self, code: str, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


class NotFound(Refused):
    """No such thing, or none that this person may see."""

    def __init__(self, what: str, name: object) -> None:
        super().__init__("not_found", f"找不到{what}“{name}”。请核对编号，或确认它属于您所在的单位。")


#: What the database's own rules say, for staff; keys are parts of its messages (bot/models/triggers.py).
_DATABASE_WORDS = {
    "author may not review": "拟稿人不能审核自己的稿件",
    "whoever asked for it urgently": "提出应急发布的人不能办理这份稿件的审核",
    "review needs an edition": "稿件已不在审核中，或内容已改变",
    "review_one_per_step": "这一审次刚由他人办理",
    "review_one_step_per_person": "同一人只能承担一个审次",
    "bot_review.edition_id, bot_review.step": "这一审次刚由他人办理",
    "bot_review.edition_id, bot_review.person_id": "同一人只能承担一个审次",
    "approval needs every step": "审核没有由不同的人逐级完成",
    "a policy needs its interpretation": "政策文件没有配套解读",
    "no attempt without a signature": "没有有效的签发",
    "no attempt without approvals": "审批不完整，或内容与审批不一致",
    "no attempt of a push that is not about to leave": "这条推送已不在即将发出的状态",
    "the account and the key of its push": "发送登记的账号或编号与推送不符",
    "an intent comes after its signature": "发送登记的时间早于签发，请核对本机时钟",
    "posted by hand already": "这一版本已由人在平台后台手工发布",
    "no attempt of other bytes": "要发的内容与签发的清单不一致",
    "no second try without proof": "上一次发送可能已经生效，没有“确未发出”的证据，也没有两人确认重发",
    "a review is of the step that is due": "这一审次还没有轮到，或已经办过",
    "a review is given by who holds its step": "审核人在本单位没有这一审次的角色",
    "a release is signed by who signs for the unit": "签发人在本单位没有签发角色",
    "who is taken out of use does not review": "审核人的账号已停用",
    "who is taken out of use does not sign": "签发人的账号已停用",
    "author may not sign": "签发人不能签发本人拟写的稿件",
    "no attempt before the portal page": "门户网页还没有上线",
    "an urgent release is signed by the second word": "应急发布只由第二人确认签发",
    "the second word is that of another": "第二人须是另一人，且不是拟稿人",
    "a word is given on what is asked": "内容已变，确认无效",
    "tongfa: frozen": "本单位处于一键停发状态",
    "attempt_single_flight": "这条推送上一次发送还没有结论",
    "bot_attempt.publication_id": "这条推送上一次发送还没有结论",
    "attempt_one_per_account": "同一账号另有一次发送还没有结论",
    "bot_attempt.account_id": "同一账号另有一次发送还没有结论",
}


def is_passing(error: Exception) -> bool:
    """Whether the database refused only because another call of the account has no answer yet: that is over in seconds."""
    return in_staff_words(error) == _DATABASE_WORDS["attempt_one_per_account"]


def in_staff_words(error: Exception) -> str:
    """Why the database refused, in Chinese."""
    text = str(error)
    return next((words for part, words in _DATABASE_WORDS.items() if part in text), "数据库规则不允许")
