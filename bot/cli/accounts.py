"""`tongfa account`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .common import acting, as_option, chosen, now, pairs, secret_from
from .doctor import check_lines
from .output import IN_PART, Reply, command, table

if TYPE_CHECKING:
    from bot.domain.secret import Secret


@click.group("account")
def account() -> None:
    """账号：添加、修改、列出、体检、授权、停用。"""


@account.command("add")
@click.argument("slug")
@click.option("--channel", required=True, help="渠道：微信公众号（wechat）、微博（weibo），或本机装有的其他渠道。")
@click.option("--name", required=True, help="账号名称，如 中国河东。")
@click.option(
    "--api-base", metavar="URL", default="", help="平台接口地址；其余地址默认随它。演练环境不写就用本环境的演练平台。"
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    help="单独设置某个地址，如 token=… datacube=… oauth=…。",
)
@click.option(
    "--mode", default="", help="发布方式：wechat 为 publish（发布）、mass（群发）或 draft（草稿），weibo 为 share。"
)
@click.option(
    "--set", "options", multiple=True, metavar="NAME=VALUE", help="账号设置，如 app_id=… account_type=subscription。"
)
@click.option(
    "--secret-env", "secret_envs", multiple=True, metavar="NAME=VAR", help="从环境变量取凭据，如 app_secret=WX_SECRET。"
)
@click.option("--secret-file", "secret_files", multiple=True, metavar="NAME=FILE", help="从文件取凭据。")
@click.option("--unit", default="office", show_default=True, help="所属单位代号。")
@click.option("--proxy", default="", metavar="URL", help="访问平台用的 CONNECT 代理，http://主机:端口。")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def add(**given: Any) -> Reply:
    """添加一个渠道账号。凭据只能来自文件或环境变量。"""
    from bot import channels
    from bot.services import accounts, people

    channel = chosen(given["channel"], {name: kind.spec.label for name, kind in channels.kinds().items()}, "渠道")
    endpoints = pairs(given["endpoints"], "endpoint")
    if given["api_base"]:
        endpoints.setdefault("api", given["api_base"])
    created = accounts.add_account(
        given["slug"], channel=channel, name=given["name"], mode=given["mode"],
        unit=people.ensure_unit(given["unit"], "", now=now(), actor=given["actor"]),
        endpoints=endpoints, options=pairs(given["options"], "set"), proxy=given["proxy"],
        credentials=_secrets(given["secret_envs"], given["secret_files"]), actor=given["actor"], now=now(),
    )  # fmt: skip
    spec = accounts.spec_of(created)
    mode = spec.mode(created.mode)
    lines = [f"已添加{spec.label}账号：{created.name}（{created.slug}），方式：{mode.label}——{mode.effect}"]
    lines += [f"注意：{sentence}" for sentence in spec.cannot]
    return Reply(_describe(created), lines)


@account.command("set")
@click.argument("slug")
@as_option
@click.option("--name", help="新的账号名称。")
@click.option(
    "--api-base",
    metavar="URL",
    default="",
    help="新的平台接口地址；原来随它的其余地址仍随它。正式环境换了主机的，凭据和令牌作废，须重新录入。",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    help="单独修改某个地址，如 token=… datacube=… oauth=…。换了主机的同上。",
)
@click.option("--mode", help="新的发布方式；已编制的发布单仍用编制时的方式。")
@click.option("--set", "options", multiple=True, metavar="NAME=VALUE", help="要改的账号设置，没有写的不变。")
@click.option("--proxy", metavar="URL", help="新的 CONNECT 代理，留空（--proxy=）表示不用代理。")
@command
def change(slug: str, username: str, **given: Any) -> Reply:
    """修改账号的名称、方式、地址、设置或代理。平台账号本身不能换。"""
    from bot.services import accounts

    endpoints = pairs(given["endpoints"], "endpoint")
    if given["api_base"]:
        endpoints.setdefault("api", given["api_base"])
    changed = accounts.change_account(
        slug, name=given["name"], mode=given["mode"], endpoints=endpoints, options=pairs(given["options"], "set"),
        proxy=given["proxy"], person=acting(username), now=now(),
    )  # fmt: skip
    done = changed.account
    mode = accounts.spec_of(done).mode(done.mode)
    lines = [f"已修改账号“{done.name}”（{slug}），方式：{mode.label}——{mode.effect}"]
    if changed.dropped:
        lines += [
            "接口换了主机：原有凭据和令牌已作废，没有交给新的主机。",
            f"请重新录入：tongfa account credential {slug}",
        ]
        lines += (
            [f"再重新授权：tongfa account authorize {slug}"] if accounts.renewed_by_hand(accounts.spec_of(done)) else []
        )
    return Reply(_describe(done), [*lines, f"请核对：tongfa account check {slug}"])


def _secrets(envs: tuple[str, ...], files: tuple[str, ...]) -> dict[str, Secret]:
    """Secrets by name, out of environment variables and files."""
    from bot.domain.secret import Secret

    read = {name: secret_from(file=None, variable=var) for name, var in pairs(envs, "secret-env").items()}
    read |= {name: secret_from(file=file, variable=None) for name, file in pairs(files, "secret-file").items()}
    return {name: Secret(value or "") for name, value in read.items()}


def _describe(account: Any) -> dict[str, Any]:
    """An account without secrets: they are write-only."""
    return {
        "slug": account.slug, "channel": account.channel, "name": account.name, "mode": account.mode, "unit": account.unit.code,
        "endpoints": account.endpoints, "options": account.options, "enabled": account.enabled, "disabled_reason": account.disabled_reason,
        "credentials": sorted(account.credentials.values_list("name", flat=True)),
    }  # fmt: skip


@account.command("list")
@command
def list_accounts() -> Reply:
    """列出账号。"""
    from bot.models import Account
    from bot.services import accounts

    found = list(Account.objects.select_related("unit").order_by("pk"))
    rows = [
        [
            a.slug,
            a.name,
            accounts.spec_of(a).label if accounts.known(a) else accounts.NO_PROGRAM,
            accounts.spec_of(a).mode(a.mode).label if accounts.known(a) else a.mode,
            a.unit.name,
            "可用" if a.enabled else f"停用：{a.disabled_reason}",
        ]
        for a in found
    ]
    return Reply(
        {"accounts": [_describe(a) for a in found]}, table(["代号", "名称", "渠道", "方式", "单位", "状态"], rows)
    )


@account.command("check")
@click.argument("slug")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def check(slug: str, actor: str) -> Reply:
    """体检：令牌、权限、白名单、额度、时钟。结果也显示在“账号与凭据”。"""
    from bot.domain.channel import CheckResult
    from bot.services import accountdesk

    found = accountdesk.examine_from_shell(slug, actor=actor, now=now())
    lines = [line for result in found.lines for line in check_lines(CheckResult(**result))]
    return Reply({"checks": found.lines}, lines, code=0 if found.ok else IN_PART)


@account.command("quota")
@click.argument("slug")
@click.option("--from", "first", metavar="DATE", default="", help="从哪一天起（北京日期，如 2026-12-01），默认今天。")
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="看多少天。")
@click.option("--mode", default="", help="发布方式，默认随账号。")
@command
def quota(slug: str, first: str, days: int, mode: str) -> Reply:
    """额度日历：每天已占多少、还能签发几次。"""
    from datetime import date

    from bot.domain.instants import beijing_date
    from bot.services import accounts, quotas
    from bot.services.errors import Refused

    found = accounts.find_account(slug)
    try:
        start = date.fromisoformat(first) if first else beijing_date(now())
        calendar = quotas.calendar(found, mode or found.mode, start, days, now=now())
    except (ValueError, OverflowError):
        raise click.UsageError(f"--from 应写成 2026-12-01 这样的日期，收到的是“{first}”。") from None
    except KeyError:
        raise Refused("mode", f"账号“{found.name}”没有发布方式“{mode}”。") from None
    rows = [[day.date.isoformat(), _taken(day), "不限" if day.free is None else str(day.free)] for day in calendar]
    data = {"account": slug, "mode": mode or found.mode, "days": [_quota_day(day) for day in calendar]}
    spent = [
        f"本系统已计的接口调用：{name}，{count} 次" for name, count in quotas.calls_spent(found, now=now()).items()
    ]
    return Reply(data, [*table(["日期", "已占", "还可签发"], rows), *spent])


PERIODS = {"day": "当日", "month": "当月", "hour": "最满的一小时"}


def _taken(day: Any) -> str:
    windows = [*day.windows, *([day.busiest] if day.busiest else [])]
    return "、".join(f"{PERIODS[window.period]} {window.used}/{window.count}" for window in windows) or "没有额度限制"


def _quota_day(day: Any) -> dict[str, Any]:
    windows = [*day.windows, *([day.busiest] if day.busiest else [])]
    return {
        "date": day.date.isoformat(),
        "past": day.past,
        "free": day.free,
        "windows": [
            {
                "period": window.period,
                "name": window.name,
                "count": window.count,
                "used": window.used,
                "free": window.free,
            }
            for window in windows
        ],
    }


@account.command("authorize")
@click.argument("slug")
@as_option
@click.option("--redirect-uri", default="", help="与平台登记一致的回调地址；默认本系统的 /oauth/callback。")
@click.option("--code", default="", help="浏览器带回的 code，用于完成授权。")
@click.option("--state", default="", help="发起授权时给出的 state。")
@command
def authorize(slug: str, username: str, redirect_uri: str, code: str, state: str) -> Reply:
    """网页授权（微博）：先得到授权地址，再用 code 和 state 完成。"""
    from urllib.parse import parse_qs, urlsplit

    from django.conf import settings

    from bot.domain.workflow import Role
    from bot.services import accounts, people

    person = acting(username)
    people.require(person, Role.SYSADMIN)
    if code:
        done = accounts.finish_authorization(state=state, code=code, person=person, now=now())
        return Reply(
            {"slug": done.slug, "authorized": True}, [f"账号“{done.name}”授权完成，已核对用户身份，令牌已加密保存。"]
        )
    found = accounts.find_account(slug)
    place = redirect_uri or found.options.get("redirect_uri") or f"{settings.TONGFA.public_url}/oauth/callback"
    url = accounts.begin_authorization(found, person=person, redirect_uri=place, now=now())
    state = parse_qs(urlsplit(url).query).get("state", [""])[0]
    return Reply(
        {"slug": slug, "url": url, "state": state},
        [
            "请在浏览器中打开下面的地址并同意授权：",
            url,
            f"然后运行：tongfa account authorize {slug} --as {username} --state {state} --code <浏览器带回的 code>",
        ],
    )


@account.command("disable")
@click.argument("slug")
@click.option("--reason", required=True, help="停用原因。")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def disable(slug: str, reason: str, actor: str) -> Reply:
    """停用一个账号：不再编制、准备和发送。"""
    from bot.services import accounts

    done = accounts.disable_account(slug, reason=reason, actor=actor, now=now())
    return Reply({"slug": slug, "enabled": False}, [f"已停用账号“{done.name}”：{reason}"])


@account.command("enable")
@click.argument("slug")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def enable(slug: str, actor: str) -> Reply:
    """重新启用一个停用的账号。"""
    from bot.services import accounts

    done = accounts.enable_account(slug, actor=actor, now=now())
    again = "停用期间暂停或错过的推送不会自己恢复，请逐条决定。"
    return Reply({"slug": slug, "enabled": True}, [f"已启用账号“{done.name}”。{again}"])


@account.command("credential")
@click.argument("slug")
@click.option(
    "--secret-env", "envs", multiple=True, metavar="NAME=VAR", help="从环境变量取新凭据，如 app_secret=WX_SECRET。"
)
@click.option("--secret-file", "files", multiple=True, metavar="NAME=FILE", help="从文件取新凭据。")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def credential(slug: str, envs: tuple[str, ...], files: tuple[str, ...], actor: str) -> Reply:
    """更换账号的凭据（如重置过的 AppSecret），旧的不再保留。"""
    from bot.services import accounts

    secrets = _secrets(envs, files)
    done = accounts.replace_credentials(slug, secrets, actor=actor, now=now())
    names = "、".join(sorted(secrets))
    return Reply(
        {"slug": slug, "replaced": sorted(secrets)},
        [f"已更换账号“{done.name}”的凭据：{names}。请核对：tongfa account check {slug}"],
    )
