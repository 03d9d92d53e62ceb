"""Every screen that is photographed. A new page is added here: one line, and for the handbook its `handbook` name.

`make shots` takes each in both widths and both themes into artifacts/shots/, and the handbook's into docs/images/handbook/.
`tests/shots/test_screens.py` fails when a page of the console's urlconf is neither here nor among the `EXCEPTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import Page, expect

from bot.models import Publication, Standstill
from tests.console.world import PASSWORD

Act = Callable[[Page], None]


@dataclass(frozen=True)
class Screen:
    """One picture.

    `route` is the page's name in bot/console/urls.py; `address` is filled from the story's facts. `who` is logged in ("" is
    nobody) and has just said so once more; with a "?" before the name they will be asked. `act` is done on the page before the
    picture. `handbook`: in which width ("desk", "phone") the picture stands in docs/images/handbook/, too, under the same name.
    `code`: the status of the answer.
    """

    name: str
    route: str
    who: str
    address: str
    act: Act | None = None
    handbook: str = ""
    code: int = 200


# --- what is done on a page before it is photographed -----------------------------------------------------------

IMPORTED = """编号,类型,标题,发文字号,发布机构,摘要,原文链接
HD17-901,通知公告,河东区2017年秋季义务教育招生公告,,河东区教育体育局,八月十五日开始报名，网上登记，现场核验。,https://www.hedong.gov.cn/info/9000/2017901.htm
HD17-902,通知,,,河东区教育体育局,没有标题的一行,https://www.hedong.gov.cn/info/9000/2017902.htm
HD17-903,便民服务,新生儿落户怎么办,,河东区公安分局,带齐材料到派出所办理。,www.hedong.gov.cn/903
"""


def imports(page: Page) -> None:
    file = {"name": "十一月第四周.csv", "mimeType": "text/csv", "buffer": IMPORTED.encode()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="导入").click()
    expect(page.locator(".tally")).to_be_visible()


def comes_back(page: Page) -> None:
    """The power was away over the instant of what is in doubt, and for that one picture it is known."""
    hit = Publication.objects.filter(state__in=["unknown", "needs_person"]).order_by("-instant")[0]
    one = Standstill.objects.create(since=hit.instant - timedelta(seconds=20), until=hit.instant + timedelta(minutes=4))
    page.reload()
    expect(page.locator(".stood")).to_be_visible()
    page.once("close", lambda _: one.delete())


def enters_wrong(page: Page) -> None:
    page.fill("#username", "editor")
    page.fill("#password", "not the password")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert], .flash-error, .error").first).to_be_visible()


def enters_with_factor(page: Page) -> None:
    page.fill("#username", "final")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/code")


def opens(text: str) -> Act:
    """A part of the page that is folded."""

    def act(page: Page) -> None:
        page.locator("summary", has_text=text).first.click()

    return act


def opens_channels(page: Page) -> None:
    for name in ("中国河东", "临沂河东", "河东政务服务"):
        page.locator("#channels").get_by_role("button", name=name).click()
        expect(page.locator(".channel-tab[aria-current]")).to_contain_text(name)


def searches(page: Page) -> None:
    page.fill("#find", "公示")
    expect(page.locator("#found button").first).to_be_visible()


def writes(page: Page) -> None:
    page.fill("#summary", "依据《中华人民共和国信息公开条例》，部署2017年“质量月”活动的主题、内容和步骤。")
    expect(page.locator("#margin")).to_contain_text("必须修改")


def asks_who(page: Page) -> None:
    page.get_by_role("button", name="签发", exact=True).click()
    expect(page.locator("#stepup-password")).to_be_visible()


def freezes_half(page: Page) -> None:
    page.locator(".freeze summary").click()
    page.fill("#reason", "正文日期有误，请停")


def makes_link(page: Page) -> None:
    page.fill("#link-name", "李区长")
    page.get_by_role("button", name="生成链接").click()
    expect(page.get_by_alt_text("这个链接的二维码")).to_be_visible()


def sees_files(page: Page) -> None:
    expect(page.locator("#files .file-list a").first).to_be_visible()
    page.locator("#files").evaluate("part => part.scrollIntoView({block: 'center'})")


def gives_reason(page: Page) -> None:
    page.fill("#reason", "线路故障，影响二千余户，来不及走完三审")
    page.locator(".urgent-ask").evaluate("part => part.scrollIntoView({block: 'center'})")


def verifies(page: Page) -> None:
    page.get_by_role("button", name="从头核验").click()
    expect(page.locator("#check")).to_contain_text("全部相符")


def makes_token(page: Page) -> None:
    page.fill("#name", f"政务服务网 {page.locator('.token-table tbody tr').count()}")
    page.select_option("#holder", "editor")
    page.locator("[name=right]").first.check()
    page.get_by_role("button", name="添加并显示令牌").click()
    expect(page.locator("main")).to_contain_text("只显示这一次")


# --- the list ---------------------------------------------------------------------------------------------------

SCREENS: tuple[Screen, ...] = (
    # 登录与自己
    Screen("login", "login", "", "/login", handbook="desk"),
    Screen("login-wrong", "login", "", "/login", enters_wrong),
    Screen("login-code", "login-code", "", "/login", enters_with_factor, handbook="desk"),
    Screen("me", "me", "releaser", "/me", handbook="desk"),
    Screen("password", "password", "releaser", "/me/password"),
    Screen("second-factor", "second-factor", "releaser", "/me/second-factor", handbook="desk"),
    # 值班台
    Screen("today", "today", "duty", "/", handbook="desk"),
    Screen("today-stood", "today", "duty", "/", comes_back),
    Screen("today-freeze", "today", "duty", "/", freezes_half, handbook="desk"),
    Screen("today-editor", "today", "editor", "/"),
    # 导入与拟稿
    Screen("documents", "documents", "editor", "/documents", handbook="desk"),
    Screen("documents-found", "documents", "editor", "/documents?q=公示&kind=disclosure"),
    Screen("import", "import", "editor", "/import"),
    Screen("import-result", "import", "editor", "/import", imports, handbook="desk"),
    Screen("document-new", "document-new", "editor", "/new-document"),
    Screen("edit", "edit", "editor", "/edit/of/{draft}", writes, handbook="desk"),
    Screen("edit-files", "edit", "editor", "/edit/of/{draft}", sees_files, handbook="desk"),
    Screen("cover", "cover", "editor", "/cover/of/{draft}", handbook="desk"),
    Screen("cover-drawn", "cover", "editor", "/cover/of/HD17-002"),
    Screen("preview", "preview", "editor", "/preview/{document}", handbook="desk"),
    Screen("compare", "compare", "editor", "/compare/{document}", handbook="desk"),
    Screen("compare-first", "compare", "editor", "/compare/{draft}"),
    Screen("document", "document", "editor", "/documents/{document}"),
    Screen("document-returned", "document", "editor", "/documents/{returned}", handbook="desk"),
    Screen("document-policy", "document", "editor", "/documents/{policy}"),
    Screen("document-live", "document", "releaser", "/documents/{live_document}"),
    # 审批箱
    Screen("reviews", "reviews", "first", "/reviews", handbook="phone"),
    Screen("reviews-mine", "reviews", "editor", "/reviews?tab=mine"),
    Screen("reviews-returned", "reviews", "editor", "/reviews?tab=returned"),
    Screen("reviews-late", "reviews", "first", "/reviews?tab=late"),
    Screen("review", "review", "first", "/reviews/{review}", handbook="desk"),
    Screen("review-opened", "review", "first", "/reviews/{review}", opens_channels, handbook="phone"),
    Screen("review-return", "review", "first", "/reviews/{review}", opens("退回"), handbook="phone"),
    Screen("review-phrases", "review-phrases", "first", "/reviews/phrases"),
    Screen("review-link", "review", "editor", "/reviews/{review}", makes_link),
    Screen("look", "look", "", "/look/{look}", handbook="phone"),
    Screen("look-post", "look-post", "", "/look/{look}/posts/{look_post}"),
    Screen("look-gone", "look", "", "/look/not-a-token-of-ours", code=404),
    # 编排与签发
    Screen("releases", "releases", "releaser", "/releases", handbook="desk"),
    Screen(
        "release-new",
        "release-new",
        "releaser",
        "/releases/new?at=2026-11-26T09:00&document=HD17-024",
        searches,
        handbook="desk",
    ),
    Screen("release-edit", "release-edit", "releaser", "/releases/{planned}/edit"),
    Screen("release-planned", "release", "releaser", "/releases/{planned}"),
    Screen("release-sign", "release-sign", "releaser", "/releases/{planned}/sign", handbook="desk"),
    Screen("stepup", "release-sign", "?releaser", "/releases/{planned}/sign", asks_who, handbook="desk"),
    # 看着发出
    Screen("release-soon", "release", "duty", "/releases/{soon}"),
    Screen("release-live", "release", "duty", "/releases/{live}", handbook="desk"),
    Screen("release-trouble", "release", "duty", "/releases/{trouble}", handbook="desk"),
    Screen("release-held", "release", "duty", "/releases/{held}", opens("其他办理")),
    Screen("post-frame", "post-frame", "releaser", "/frames/post/{post}"),
    Screen("item-frame", "item-frame", "releaser", "/frames/item/{item}"),
    Screen("rehearsal", "rehearsal", "duty", "/rehearsal/", handbook="desk"),
    Screen("backstage", "backstage", "duty", "/rehearsal/backstage"),
    Screen("phone-wechat", "phone", "", "/rehearsal/phone/wx"),
    Screen("phone-weibo", "phone", "", "/rehearsal/phone/wb"),
    # 异常处置
    Screen("exceptions", "exceptions", "duty", "/exceptions", handbook="desk"),
    Screen("exception", "exception", "duty", "/exceptions/{case}", handbook="desk"),
    # 更正与撤回
    Screen("withdraw", "withdraw", "editor", "/releases/{past}/withdraw", handbook="desk"),
    Screen("withdraw-second", "withdraw", "releaser", "/releases/{asked}/withdraw", handbook="desk"),
    Screen("withdraw-going", "withdraw", "releaser", "/releases/{withdrawn}/withdraw"),
    # 应急通道
    Screen("urgent", "urgent", "duty", "/urgent", handbook="phone"),
    Screen("urgent-notice", "urgent-notice", "duty", "/urgent/notice/{outage}", gives_reason, handbook="desk"),
    Screen("urgent-notice-blocked", "urgent-notice", "duty", "/urgent/notice/{missing}"),
    Screen("urgency", "urgency", "releaser", "/urgent/{fog}", handbook="phone"),
    Screen("urgency-first", "urgency", "editor", "/urgent/{fog}"),
    Screen("urgency-released", "urgency", "duty", "/urgent/{burst_urgency}"),
    Screen("release-urgent", "release", "duty", "/releases/{burst}", handbook="desk"),
    Screen("review-urgent", "review", "second", "/reviews/{burst_edition}?tab=due"),
    # 日历
    Screen("calendar", "calendar", "releaser", "/calendar", handbook="desk"),
    Screen("calendar-week", "calendar", "releaser", "/calendar?view=week"),
    Screen("calendar-list", "calendar", "releaser", "/calendar?view=list"),
    Screen("calendar-move", "calendar-move", "releaser", "/calendar/releases/{signed}/move?at=2026-11-28T09:00"),
    # 手工发布
    Screen("manual", "manual", "duty", "/manual", handbook="desk"),
    Screen("manual-new", "manual-new", "duty", "/manual/new"),
    Screen("manual-correct", "manual-correct", "duty", "/manual/{manual}/correct"),
    # 数据与报表
    Screen("data", "data", "releaser", "/data", handbook="desk"),
    Screen("data-sheet", "data", "releaser", "/data?sheet=1"),
    # 人员与账号
    Screen("accounts", "accounts", "admin", "/accounts", handbook="desk"),
    Screen("account", "account", "admin", "/accounts/wx", handbook="desk"),
    Screen("account-new", "account-new", "admin", "/accounts/new?channel=weibo"),
    Screen("account-edit", "account-edit", "admin", "/accounts/wx/edit"),
    Screen("account-credentials", "account-credentials", "admin", "/accounts/wx/credentials"),
    Screen("staff", "staff", "secadmin", "/people", handbook="desk"),
    Screen("staff-unit", "staff", "secadmin", "/people", opens("新建单位")),
    Screen("member", "member", "secadmin", "/people/person/{member}"),
    Screen("tokens", "tokens", "admin", "/accounts/api/tokens", handbook="desk"),
    Screen("token-made", "tokens", "admin", "/accounts/api/tokens", makes_token),
    # 留痕
    Screen("trail", "trail", "auditor", "/trail", handbook="desk"),
    Screen("trail-sort", "trail", "auditor", "/trail?sort=release&first=2026-11-24"),
    Screen("trail-none", "trail", "auditor", "/trail?words=没有这样的话"),
    Screen("trail-verified", "trail", "auditor", "/trail", verifies, handbook="desk"),
    Screen("trail-house", "trail", "auditadmin", "/trail"),
    # 没有办成
    Screen("403", "import", "first", "/import", handbook="desk", code=403),
    Screen("404", "document", "editor", "/documents/HD17-999", code=404),
    Screen("405", "freeze", "duty", "/freeze", code=405),
)

EXCEPTIONS = {
    "logout": "an act",
    "asset": "a picture",
    "look-asset": "a picture",
    "phone-media": "a picture",
    "picture": "an act",
    "attachment": "a file",
    "draft-file": "a file",
    "data-export": "a file",
    "desk-events": "a stream",
    "release-events": "a stream",
    "release-search": "a part of release-new",
    "preview-phone": "a frame of preview",
    "preview-body": "a frame of preview",
    "writing-phone": "a frame of the editor",
    "writing-body": "a frame of the editor",
    "writing-cover": "a picture in a frame of the editor",
    "phone-article": "a page of the platform that is played",
    "rehearsal-open": "leads to a page of the platform that is played",
    "article-frame": "a frame of phone-article",
    "authorize": "an act",
    "oauth-callback": "the platform leads here",
    "callback": "a door for machines",
    "healthz": "a door for machines",
}
"""Pages without a picture of their own, and why."""
