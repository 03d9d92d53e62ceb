"""Channel accounts: add, change, read, authorise, disable. Secrets go in and never come out."""

from __future__ import annotations

import ipaddress
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Q, Value

from bot import channels
from bot.domain.channel import AccountConfig, Authorizer, Channel, ChannelSpec, CheckResult, OptionSpec
from bot.domain.delivery import SETTLED, State
from bot.domain.handdraft import Stage
from bot.domain.instants import require_aware
from bot.domain.secret import Secret
from bot.domain.workflow import Role
from bot.models import Account, AuthorizationRequest, Credential, Person, Token, Unit

from . import audit, handdraftplan, home, rerouting, vault
from .clocksafety import distrust
from .errors import NotFound, Refused
from .people import require
from .ports import AccountPorts, store_token

AUTHORIZATION_LIFE = timedelta(minutes=15)


def find_account(slug: str, *, unit: Unit | None = None) -> Account:
    """By slug; another unit's accounts do not exist for this one."""
    found = Account.objects.select_related("unit").filter(slug=slug)
    account = (found.filter(unit=unit) if unit else found).first()
    if account is None:
        raise NotFound("账号", slug)
    return account


def rendering_options(account: Account) -> dict[str, str]:
    """What the account's posts are drawn up with: its plain settings, and where this is."""
    return {"place": home.place(), **account.options}


def spec_of(account: Account) -> ChannelSpec:
    """The data of the account's vendor. Refused where this process does not have its program: see `known`."""
    kind = channels.kinds().get(account.channel)
    if kind is None:
        words = f"账号“{account.name}”（{account.slug}）的{NO_PROGRAM}（{account.channel}），没有办理，什么也没有发出。"
        raise Refused("channel", f"{words}{BRING_BACK}")
    return kind.spec


NO_PROGRAM = "渠道程序不在"
BRING_BACK = "请系统管理员恢复渠道目录，或停用这个账号（tongfa account disable），并重新启动 tongfa up。"


def known(account: Account) -> bool:
    """False where the folder of its channel was added after this process started, or was removed: lists leave it out."""
    return account.channel in channels.kinds()


def require_programs(unit: Unit) -> None:
    """Refused while the unit has an account in use for which nothing could be rendered: an edition is submitted for all."""
    for account in unit.accounts.filter(disabled_reason="").order_by("pk"):
        spec_of(account)


def without_program() -> list[Account]:
    """Accounts in use of which this process knows no channel."""
    found = (
        Account.objects.select_related("unit").filter(disabled_reason="").exclude(channel__in=list(channels.kinds()))
    )
    return list(found.order_by("pk"))


def renewed_by_hand(spec: ChannelSpec) -> bool:
    """True where only a person can renew the token, in a browser."""
    return any(option.name == "access_token" for option in spec.credentials)


def with_access(chosen: Iterable[Account]) -> set[int]:
    """Ids of those accounts for which the secrets are at hand without which their platform answers nobody. One question."""
    accounts = {account.pk: account for account in chosen if known(account)}
    secrets_of = Credential.objects.filter(account__in=list(accounts)).values_list("account_id", "name")
    tokens = Token.objects.filter(account__in=list(accounts), ciphertext__isnull=False)
    held: dict[int, set[str]] = defaultdict(set)
    for pk, name in secrets_of.union(tokens.values_list("account_id", Value("access_token"))):
        held[pk].add(name)
    return {pk for pk, account in accounts.items() if _needed(spec_of(account)) <= held[pk]}


def _needed(spec: ChannelSpec) -> set[str]:
    """Names of secrets: those that are required, and the token where no machine can renew it."""
    token = {"access_token"} if renewed_by_hand(spec) else set[str]()
    return {option.name for option in spec.credentials if option.required} | token


def on_loopback(url: str) -> bool:
    """True when the address can only be this machine."""
    try:
        return is_loopback_host(urlsplit(url).hostname or "")
    except ValueError:  # no address at all
        return False


def is_loopback_host(host: str) -> bool:
    """True for a name or number of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_wall(spec: ChannelSpec, endpoints: Mapping[str, str], proxy: str) -> None:
    """Live and rehearsal are walled apart: a rehearsal home holds no live address."""
    for name, url in endpoints.items():
        parts, label = urlsplit(url), "接口地址" if name == "api" else f"接口地址“{name}”"
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise Refused("endpoint", f"{label}不是有效的 http(s) 地址，账号未保存。请改正后重试。")
        if not home.is_live() and not on_loopback(url):
            raise Refused(
                "wall",
                f"这是演练环境，{label}（{parts.hostname}）不在本机，账号未保存。{_on_this_machine(spec)}正式发布请另建正式环境（tongfa init --live）。",
            )
    if proxy and not home.is_live() and not on_loopback(proxy):
        raise Refused("wall", "这是演练环境，代理不在本机，账号未保存。演练环境不使用外部代理。")


def _on_this_machine(spec: ChannelSpec) -> str:
    """Which address to take instead."""
    if spec.rehearsed:
        return f"请用本环境的演练平台 {default_addresses(spec)['api']}（添加时不写接口地址就是它）；"
    return f"本环境没有扮演{spec.label}的服务器，请在本机运行一个替身，接口地址（--api-base）写 http://127.0.0.1:端口；"


def default_addresses(spec: ChannelSpec) -> Mapping[str, str]:
    """Where an account leads for which no address is given: to the platform, from a rehearsal home to who plays it there.

    Without an address of its own, a name follows `api`.
    """
    if home.is_live() or not spec.rehearsed:
        return spec.endpoints
    return dict.fromkeys(spec.endpoints, "") | {"api": f"{home.rehearsal_url()}/{spec.name}"}


def _choices(option: OptionSpec) -> str:
    return "、".join(value if value == words else f"{value}（{words}）" for value, words in option.worded())


def _checked_options(spec: ChannelSpec, options: Mapping[str, str]) -> dict[str, str]:
    known = {option.name: option for option in spec.options}
    for name, value in options.items():
        if name not in known:
            raise Refused("option", f"{spec.label}账号没有设置项“{name}”。可用：{'、'.join(known)}。")
        if known[name].choices and value not in known[name].choices:
            raise Refused("option", f"设置项“{name}”（{known[name].label}）只能是：{_choices(known[name])}。")
    merged = {name: option.default for name, option in known.items() if option.default} | dict(options)
    lacking = [option for option in spec.options if option.required and not merged.get(option.name, "").strip()]
    if lacking:
        words = "、".join(f"{option.name}（{option.label}）" for option in lacking)
        raise Refused("option", f"缺少必填设置：{words}。请补上后再保存。")
    return merged


def _endpoints(spec: ChannelSpec, given: Mapping[str, str]) -> dict[str, str]:
    unknown = set(given) - set(spec.endpoints)
    if unknown:
        raise Refused("endpoint", f"{spec.label}没有地址“{sorted(unknown)[0]}”。可用：{'、'.join(spec.endpoints)}。")
    base = given.get("api")
    places = default_addresses(spec)
    derived = {name: base or default or places["api"] for name, default in places.items()}
    return {name: url.rstrip("/") for name, url in (derived | dict(given)).items()}


def _checked_mode(spec: ChannelSpec, mode: str) -> str:
    mode = mode or spec.modes[0].name
    if mode not in {known.name for known in spec.modes}:
        words = "、".join(f"{known.name}（{known.label}）" for known in spec.modes)
        raise Refused("mode", f"{spec.label}没有发布方式“{mode}”。可用：{words}。")
    return mode


def _checked_name(name: str) -> str:
    most = cast(int, Account._meta.get_field("name").max_length)
    if not 0 < len(name.strip()) <= most:
        raise Refused("name", f"账号名称须有 1 到 {most} 个字，账号未保存。请改正后重试。")
    return name


def _checked(spec: ChannelSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of an account, held against its channel. What is not said is not looked at."""
    checked = dict(given)
    if "mode" in given:
        checked["mode"] = _checked_mode(spec, given["mode"])
    if "endpoints" in given:
        checked["endpoints"] = _endpoints(spec, given["endpoints"])
    _check_wall(spec, checked.get("endpoints", {}), checked.get("proxy", ""))
    if "options" in given:
        checked["options"] = _checked_options(spec, given["options"])
    if "name" in given:
        checked["name"] = _checked_name(given["name"])
    return checked


# --- one real account, one row ----------------------------------------------------------------------------


def _require_unknown(spec: ChannelSpec, identity: str, unit: Unit) -> None:
    """Refused where the account of the platform stands in a row already, whatever its name, unit or state."""
    same = Account.objects.filter(channel=spec.name, identity=identity) if identity else Account.objects.none()
    known = same.select_related("unit").first()
    if known is not None:
        raise Refused("known", _known_words(spec, known, unit))


def _known_words(spec: ChannelSpec, known: Account, unit: Unit) -> str:
    """What to do instead. Another unit's account is not named."""
    what = f"这个{spec.label}账号（{spec.identity} {known.options.get(spec.identity)}）"
    if known.unit_id != unit.pk:
        return (
            f"{what}已由其他单位登记，账号未保存。一个平台账号只登记一次，不能由两个单位分别使用；请与系统管理员核对。"
        )
    kept = f"{what}已登记为“{known.name}”（{known.slug}），账号未保存。一个平台账号只登记一次，否则同一文件会发两遍。"
    change = f"要改名称、方式、地址或设置，请系统管理员修改账号“{known.slug}”。"
    if known.enabled:
        return f"{kept}请直接使用它；{change}"
    return f"{kept}它已停用（{known.disabled_reason}），请先启用；{change}"


def doubled() -> list[list[Account]]:
    """Enabled accounts that are one account of their platform, as an earlier version let them be added."""
    found: dict[tuple[str, str], list[Account]] = defaultdict(list)
    for account in Account.objects.select_related("unit").filter(disabled_reason="").order_by("pk"):
        identity = spec_of(account).identity_of(account.options) if known(account) else ""
        if identity:
            found[account.channel, identity].append(account)
    return [same for same in found.values() if len(same) > 1]


def _require_no_twin(account: Account) -> None:
    """Refused while another row of the same real account is in use. New ones are not added; old databases may hold some."""
    spec = spec_of(account)
    identity = spec.identity_of(account.options)
    for other in Account.objects.filter(channel=account.channel, disabled_reason="").exclude(pk=account.pk):
        if identity and spec.identity_of(other.options) == identity:
            who = f"“{other.name}”（{other.slug}）" if other.unit_id == account.unit_id else "其他单位的账号"
            raise Refused(
                "known",
                f"“{account.name}”与正在使用的{who}是同一个{spec.label}账号，未启用，没有改动。请使用那一个；"
                "确要换用这一个的，请先停用那一个，并核对当天已发的内容和次数。",
            )


# --- add and change ---------------------------------------------------------------------------------------


def add_account(
    slug: str,
    *,
    channel: str,
    name: str,
    mode: str,
    unit: Unit,
    endpoints: Mapping[str, str],
    options: Mapping[str, str],
    credentials: Mapping[str, Secret],
    proxy: str = "",
    actor: str,
    now: datetime,
) -> Account:
    """Create an account. Refused when the mode, an option or an address does not fit its channel, or a row has it already."""
    require_aware(now)
    kinds = channels.kinds()
    if channel not in kinds:
        raise Refused(
            "channel",
            f"没有渠道“{channel}”。可用的渠道：{'、'.join(f'{kind.spec.label}（{name}）' for name, kind in kinds.items())}。",
        )
    spec = kinds[channel].spec
    fields = _checked(spec, {"name": name, "mode": mode, "endpoints": endpoints, "options": options, "proxy": proxy})
    identity = spec.identity_of(fields["options"])
    _require_unknown(spec, identity, unit)
    try:
        with transaction.atomic():
            account = Account.objects.create(
                slug=slug, channel=channel, unit=unit, identity=identity, created_at=now, **fields
            )
            for key, secret in credentials.items():
                set_credential(account, key, secret, actor=actor, now=now)
            data = {
                "channel": channel,
                "name": name,
                "mode": account.mode,
                "hosts": _hosts(account.endpoints),
            }
            audit.append(actor, "account.added", f"account:{slug}", data, now=now)
    except IntegrityError:
        _require_unknown(spec, identity, unit)  # somebody else added it just now
        raise Refused("exists", f"已有账号“{slug}”。请换一个代号。") from None
    return account


def _hosts(endpoints: Mapping[str, str]) -> list[str]:
    return sorted({urlsplit(url).netloc for url in endpoints.values()})


#: What may be changed at any time: neither what was signed nor the account that it goes to depends on it.
HARMLESS = frozenset({"name", "proxy"})
HARMLESS_ELSEWHERE = frozenset({"name"})  # where a change costs the secrets
_WORDS = {
    "name": "名称", "mode": "发布方式", "endpoints": "接口地址", "options": "账号设置", "proxy": "代理",
    "manual_reason": "由谁发布",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """An account after a change, and which secrets that cost: they must be put in anew. Mostly none."""

    account: Account
    dropped: Sequence[str]


def change_account(
    slug: str,
    *,
    name: str | None = None,
    mode: str | None = None,
    endpoints: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    proxy: str | None = None,
    person: Person,
    now: datetime,
) -> Changed:
    """Change what was said of an account when it was added; None, and what is left out of a table, stays.

    Checked as when it is added. Which account of the platform it is does not change, and while something that was signed
    is not over nothing changes that could bear on it. Led to another host in a live home, it keeps none of its secrets
    (`rerouting`).
    """
    require_aware(now)
    require(person, Role.SYSADMIN)
    with audit.serialised():  # nothing is signed meanwhile
        account = find_account(slug)
        spec = spec_of(account)
        given: dict[str, Any] = {"name": name, "mode": mode, "proxy": proxy}
        given["endpoints"] = _moved(account.endpoints, endpoints) if endpoints else None
        given["options"] = {**account.options, **options} if options else None
        checked = _checked(spec, {field: value for field, value in given.items() if value is not None})
        _require_same_identity(account, checked.get("options", account.options))
        changed = {field: value for field, value in checked.items() if value != getattr(account, field)}
        if not changed:
            raise Refused(
                "nothing", f"没有写明改什么，或与现在的相同，账号“{account.name}”没有改动。请写明要改的项目。"
            )
        elsewhere = rerouting.leads_elsewhere(account, changed)
        bearing = set(changed) - (HARMLESS_ELSEWHERE if elsewhere else HARMLESS)
        if bearing:
            require_idle(account, sorted(bearing))
        Account.objects.filter(pk=account.pk).update(**changed)
        data = {field: _told(field, getattr(account, field), value) for field, value in changed.items()}
        dropped = rerouting.forget_secrets(account, now=now) if elsewhere else []
        if dropped:
            data["dropped"] = dropped
        audit.append(person.username, "account.changed", f"account:{slug}", data, now=now)
    account.refresh_from_db()
    return Changed(account, dropped)


def _moved(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Addresses after a change: what went with the base follows it, what was set on its own stays."""
    old = before.get("api", "")
    new = given.get("api", old)
    return {name: new if url == old else url for name, url in before.items()} | dict(given)


def _require_same_identity(account: Account, options: Mapping[str, str]) -> None:
    spec = spec_of(account)
    if spec.identity_of(options) != spec.identity_of(account.options):
        raise Refused(
            "identity",
            f"{spec.identity} 说明“{account.name}”是平台上的哪一个账号，不能更改，账号没有改动。"
            "换成另一个平台账号的，请停用它，再另外添加那一个。",
        )


def require_idle(account: Account, fields: Sequence[str]) -> None:
    """Refused while something signed is not over: it would be staged, sent or looked for in another way than was signed."""
    signed = Q(release__signed_at__isnull=False, release__cancelled_at__isnull=True)
    under_way = Q(state__in=[State.SENDING, State.UNKNOWN, State.CONFIRMING])  # also where the signature is void by now
    waiting = account.publications.filter((signed & ~Q(state__in=SETTLED)) | under_way)
    left = account.hand_drafts.filter(signed).exclude(stage=Stage.TAKEN_BACK)
    numbers = sorted({*waiting.values_list("release_id", flat=True), *left.values_list("release_id", flat=True)})
    if numbers:
        what = "、".join(_WORDS[field] for field in fields)
        raise Refused(
            "signed",
            f"账号“{account.name}”上还有签发了没有办完的发布单 {'、'.join(map(str, numbers))}，现在改{what}会影响它们，"
            "账号没有改动。请等它们发完、处理完，或先改期（原签发随之作废），改好账号再重新签发。",
        )


def _told(field: str, before: Any, after: Any) -> list[Any]:
    """From what to what, for the trail. Of an address only its host: the rest may hold a secret."""
    if field == "endpoints":
        return [_hosts(before), _hosts(after)]
    if field == "proxy":
        return [url.rpartition("//")[2].rpartition("@")[2] for url in (before, after)]
    if field == "options":
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return [{name: table.get(name, "") for name in names} for table in (before, after)]
    return [before, after]


def set_credential(account: Account, name: str, secret: Secret, *, actor: str, now: datetime) -> None:
    """Store one secret, encrypted. A pasted access token is taken into use once the platform has vouched for it."""
    require_aware(now)
    spec = spec_of(account)
    if name not in {option.name for option in spec.credentials}:
        words = "、".join(option.name for option in spec.credentials)
        raise Refused("credential", f"{spec.label}账号没有凭据“{name}”。可用：{words}。")
    with transaction.atomic():
        row, _ = Credential.objects.get_or_create(
            account=account, name=name, defaults={"ciphertext": b"", "key_id": "", "updated_at": now}
        )
        row.ciphertext = vault.encrypt(secret, f"credential:{row.pk}:{name}")
        row.key_id, row.updated_at = vault.key_id(), now
        row.save()
        audit.append(actor, "credential.set", f"account:{account.slug}", {"name": name}, now=now)


def config_of(account: Account) -> AccountConfig:
    """The account as its adapter sees it, secrets decrypted but wrapped."""
    rows = account.credentials.all()
    return AccountConfig(
        slug=account.slug,
        channel=account.channel,
        name=account.name,
        mode=account.mode,
        endpoints=account.endpoints,
        credentials={row.name: vault.decrypt(row.ciphertext, f"credential:{row.pk}:{row.name}") for row in rows},
        options=account.options,
        proxy=account.proxy,
    )


def channel_of(account: Account, *, mode: str = "") -> Channel:
    """A ready adapter for the account; `mode` overrides the account's own (a publication keeps its mode)."""
    config = config_of(account)
    if mode and mode != config.mode:
        config = AccountConfig(
            slug=config.slug,
            channel=config.channel,
            name=config.name,
            mode=mode,
            endpoints=config.endpoints,
            credentials=config.credentials,
            options=config.options,
            proxy=config.proxy,
        )
    return channels.build(config, AccountPorts(account))


def disable_account(slug: str, *, reason: str, actor: str, now: datetime) -> Account:
    """Take an account out of use; nothing is planned, staged or sent for it any more."""
    require_aware(now)
    account = find_account(slug)
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(disabled_reason=reason or "已停用")
        handdraftplan.look_at_drafts_of(account, now=now)
        audit.append(actor, "account.disabled", f"account:{slug}", {"reason": reason}, now=now)
    account.refresh_from_db()
    return account


def enable_account(slug: str, *, actor: str, now: datetime) -> Account:
    """Take a disabled account into use again. What was held or missed meanwhile stays so until a person decides."""
    require_aware(now)
    with audit.serialised():  # of two rows that are one account, two people enable one
        account = find_account(slug)
        if account.enabled:
            raise Refused("enabled", f"账号“{account.name}”没有停用，不需要启用。")
        _require_no_twin(account)
        Account.objects.filter(pk=account.pk).update(disabled_reason="")
        audit.append(actor, "account.enabled", f"account:{slug}", now=now)
    account.refresh_from_db()
    return account


def replace_credentials(slug: str, secrets_: Mapping[str, Secret], *, actor: str, now: datetime) -> Account:
    """Put new secrets in the place of old ones, all or none; they are write-only."""
    require_aware(now)
    account = find_account(slug)
    if not secrets_:
        raise Refused("credential", "没有写明换哪一项凭据，没有改动。请用 --secret-file 或 --secret-env 给出。")
    with transaction.atomic():
        for name, secret in secrets_.items():
            set_credential(account, name, secret, actor=actor, now=now)
    return account


def check_account(account: Account) -> list[CheckResult]:
    """Ask the platform for token, rights, quota, clock: the adapter's own pre-flight."""
    results = channel_of(account).preflight()
    doubt = distrust(
        account, now=AccountPorts(account).now()
    )  # the reading is from just now, not from before the calls
    return [*results, CheckResult("时钟", not doubt, doubt or "本机时钟与平台时间一致", code="clock")]


def begin_authorization(account: Account, *, person: Person, redirect_uri: str, now: datetime) -> str:
    """Start an OAuth round trip; returns the address to open in a browser."""
    require_aware(now)
    adapter = channel_of(account)
    if not hasattr(adapter, "authorize_url"):
        raise Refused("authorize", f"{spec_of(account).label}账号不需要网页授权，请直接录入凭据。")
    state = secrets.token_urlsafe(32)
    AuthorizationRequest.objects.create(
        account=account, state=state, person=person, redirect_uri=redirect_uri, created_at=now
    )
    return cast(Authorizer, adapter).authorize_url(redirect_uri=redirect_uri, state=state)


def finish_authorization(*, state: str, code: str, person: Person, now: datetime) -> Account:
    """Exchange the code that the browser brought back; the uid is compared by the adapter before anything is stored."""
    require_aware(now)
    taken = AuthorizationRequest.objects.filter(
        state=state, used_at__isnull=True, created_at__gt=now - AUTHORIZATION_LIFE, person=person
    )
    request = taken.select_related("account").first()
    if request is None or not taken.update(used_at=now):
        raise Refused("state", "授权请求已失效或不是您发起的，未保存任何授权。请重新发起授权。")
    account = request.account
    grant = cast(Authorizer, channel_of(account)).exchange(code=code, redirect_uri=request.redirect_uri)
    with audit.serialised():
        if not store_token(account, grant, now=now):
            raise Refused("moved", f"账号“{account.name}”的接口地址或代理刚刚改过，未保存任何授权。请重新发起授权。")
        audit.append(
            person.username,
            "account.authorized",
            f"account:{account.slug}",
            {"expires_at": grant.expires_at.isoformat()},
            now=now,
        )
    return account
