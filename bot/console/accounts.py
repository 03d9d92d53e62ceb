"""账号与凭据: the accounts of the unit, what is known of them, and what the system administrator does with them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot import channels
from bot.domain.channel import ChannelSpec
from bot.domain.custody import Duty
from bot.domain.instants import beijing_date
from bot.domain.secret import Secret
from bot.domain.workflow import Role
from bot.models import Account
from bot.services import accountdesk, accounts, home, trail
from bot.services.errors import Refused
from bot.services.people import require

from . import accountforms, stepup
from .accountcards import card, cards, duties
from .accountforms import typed
from .people import now, person

ELSEWHERE = {"role", "not_found"}  # refusals that are a page of their own


@require_safe
def accounts_page(request: HttpRequest) -> HttpResponse:
    """A card for each account of the unit."""
    who, at = person(request), now()
    require(who, *accountdesk.READERS)
    found, lost = cards(who.unit, now=at)
    context = {
        "cards": found,
        "lost": lost,
        "bring_back": accounts.BRING_BACK,
        "may_act": who.has_role(Role.SYSADMIN),
    }
    return render(request, "accounts.html", context)


@require_safe
def account_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One account, whole."""
    who, at = person(request), now()
    account = accountdesk.account_of(slug, person=who)
    shown = card(account, now=at)
    context = {
        "card": shown,
        "may_act": who.has_role(Role.SYSADMIN),
        "history": account.custody.select_related("entered_by").order_by("-since", "-pk")[:30],
        "duties": duties(shown.spec),
        "today": beijing_date(at).isoformat(),
        "may_authorize": accounts.renewed_by_hand(shown.spec),
        "sentences": trail.newest(f"account:{slug}", "账号", 50),
    }
    return render(request, "account.html", context)


# --- settings ---------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def account_new(request: HttpRequest) -> HttpResponse:
    """Add an account: first the channel, then what that channel needs."""
    who = person(request)
    require(who, Role.SYSADMIN)
    kinds = channels.kinds()
    chosen = typed(request, "channel") or request.GET.get("channel", "")[:40]
    if not chosen:
        return render(request, "account_new.html", {"kinds": [kind.spec for kind in kinds.values()]})
    if chosen not in kinds:
        raise Http404
    spec = kinds[chosen].spec
    if request.method == "GET":
        return _form(request, spec, None)
    given = accountforms.settings(request, spec)
    try:
        made = accountdesk.add(
            given.slug, channel=chosen, name=given.name, mode=given.mode, endpoints=given.endpoints,
            options=given.options, proxy=given.proxy, person=who, now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _form(request, spec, None, refused)
    messages.success(request, f"已添加账号“{made.name}”。请接着录入凭据，再做一次体检。")
    return redirect("account", slug=made.slug)


def _may_change(request: HttpRequest, slug: str) -> None:
    accountdesk.account_of(slug, person=person(request), acting=True)


@require_http_methods(["GET", "POST"])
@stepup.required("修改账号设置", _may_change)
def account_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what was said of an account when it was added."""
    who = person(request)
    account = accountdesk.account_of(slug, person=who, acting=True)
    spec = accounts.spec_of(account)
    if request.method == "GET":
        return _form(request, spec, account)
    try:
        changed = accountforms.changes(request, account, spec)
        done = accounts.change_account(account.slug, person=who, now=now(), **changed)
    except Refused as refused:
        return _form(request, spec, account, refused)
    if done.dropped:
        again = "，再重新授权" if accounts.renewed_by_hand(spec) else ""
        messages.warning(
            request, f"已修改账号“{done.account.name}”。接口换了主机，原有凭据和令牌已作废，没有交给新的主机。"
            f"请重新录入凭据{again}，然后做一次体检；在此之前这个账号不能发布。",
        )  # fmt: skip
    else:
        messages.success(request, f"已修改账号“{done.account.name}”。请做一次体检核对。")
    return redirect("account", slug=slug)


def _form(
    request: HttpRequest, spec: ChannelSpec, account: Account | None, refused: Refused | None = None
) -> HttpResponse:
    """The form, as it stands or as it was typed. Whose role or unit it is not gets a page of its own."""
    if refused is not None and refused.code in ELSEWHERE:
        raise refused
    values = {name: typed(request, name) for name in request.POST} if refused else _standing(spec, account)
    context = {
        "spec": spec, "account": account, "values": values, "error": refused.message if refused else "",
        "fixed": spec.identity if account else "", "guarded": account is not None and home.is_live(),
        "places": accounts.default_addresses(spec),
    }  # fmt: skip
    return render(request, "account_form.html", context, status=409 if refused else 200)


def _standing(spec: ChannelSpec, account: Account | None) -> dict[str, str]:
    if account is None:
        defaults = {f"option-{option.name}": option.default for option in spec.options}
        return {**defaults, "mode": spec.modes[0].name}
    plain = {name: str(getattr(account, name)) for name in ("name", "mode", "proxy")}
    options = {f"option-{name}": str(value) for name, value in account.options.items()}
    return plain | options | {f"endpoint-{name}": str(url) for name, url in account.endpoints.items()}


# --- credentials --------------------------------------------------------------------------------------------


@require_POST
@stepup.required("录入账号凭据", _may_change)
def credentials_open(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is sitting there is asked before the empty fields are shown, so that no secret is carried over that page."""
    accountdesk.account_of(slug, person=person(request), acting=True)
    return redirect("account-credentials", slug=slug)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def credentials(request: HttpRequest, slug: str) -> HttpResponse:
    """Put in new secrets. They are write-only: the fields are always empty, and no page ever shows one."""
    who = person(request)
    shown = card(accountdesk.account_of(slug, person=who, acting=True), now=now())
    fresh = stepup.fresh(request)
    error = ""
    if request.method == "POST":
        error = _put(request, slug, fresh=fresh)
        if not error:
            messages.success(request, "凭据已加密保存，今后不再显示。请做一次体检核对。")
            return redirect("account", slug=slug)
    context = {"card": shown, "fresh": fresh, "error": error}
    return render(request, "account_credentials.html", context, status=409 if error else 200)


def _put(request: HttpRequest, slug: str, *, fresh: bool) -> str:
    """Why not, or "" when they are saved."""
    if not fresh:
        return "身份确认已超过 10 分钟，凭据没有保存。请重新确认身份后再填一次。"
    given = {
        name.removeprefix("secret-"): str(value).strip()
        for name, value in request.POST.items()
        if name.startswith("secret-") and str(value).strip()
    }
    if not given:
        return "没有填写任何凭据，没有改动。"
    secrets = {name: Secret(value) for name, value in given.items()}
    try:
        accountdesk.put_credentials(slug, secrets, person=person(request), now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        return refused.message
    return ""


# --- one act each -------------------------------------------------------------------------------------------


def _act(request: HttpRequest, slug: str, act: Callable[[], str]) -> HttpResponse:
    """Do it, say how it went, back to the account."""
    try:
        done = act()
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return redirect("account", slug=slug)


@require_POST
def account_check(request: HttpRequest, slug: str) -> HttpResponse:
    """体检."""
    check = accountdesk.examine(slug, person=person(request), now=now())
    if check.ok:
        messages.success(request, "体检全部通过。")
    else:
        messages.warning(request, "体检有未过的项目，请按各项的办法处理。")
    return redirect("account", slug=slug)


@require_POST
def account_file(request: HttpRequest, slug: str) -> HttpResponse:
    """档案: real name, 认证, allow-list, and whether only people may post there."""

    def act() -> str:
        changed = accountdesk.describe(
            slug, subject=typed(request, "subject"), ip_note=typed(request, "ip_note"),
            verified_until=accountforms.day(typed(request, "verified_until"), "认证有效期"),
            manual_reason=typed(request, "manual_reason"), person=person(request), now=now(),
        )  # fmt: skip
        return f"账号“{changed.name}”的档案已保存。"

    return _act(request, slug, act)


@require_POST
def account_custody(request: HttpRequest, slug: str) -> HttpResponse:
    """交接: who answers for it from now on."""

    def act() -> str:
        duty = typed(request, "duty")
        since = accountforms.day(typed(request, "since"), "起始日")
        if duty not in set(Duty) or since is None:
            raise Refused("duty", "请选择职责并填写起始日，未做改动。")
        made = accountdesk.hand_over(
            slug, Duty(duty), name=typed(request, "name"), contact=typed(request, "contact"), since=since,
            person=person(request), now=now(),
        )  # fmt: skip
        return f"已登记：自 {made.since} 起，{made.label}为{made.name}。"

    return _act(request, slug, act)


@require_POST
def account_disable(request: HttpRequest, slug: str) -> HttpResponse:
    """Out of use."""

    def act() -> str:
        done = accountdesk.disable(slug, reason=typed(request, "reason"), person=person(request), now=now())
        return f"已停用账号“{done.name}”：不再编制、准备和发送。"

    return _act(request, slug, act)


@require_POST
def account_enable(request: HttpRequest, slug: str) -> HttpResponse:
    """Into use again."""

    def act() -> str:
        done = accountdesk.enable(slug, person=person(request), now=now())
        return f"已启用账号“{done.name}”。停用期间暂停或错过的推送不会自己恢复，请逐条决定。"

    return _act(request, slug, act)
