"""Channel accounts: add, read, authorise, disable. Secrets go in and never come out."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from bot import channels
from bot.domain.channel import AccountConfig, Authorizer, Channel, ChannelSpec, CheckResult
from bot.domain.instants import require_aware
from bot.domain.secret import Secret
from bot.models import Account, AuthorizationRequest, Credential, Person, Unit

from . import audit, home, vault
from .clocksafety import distrust
from .errors import NotFound, Refused
from .ports import AccountPorts, store_token

AUTHORIZATION_LIFE = timedelta(minutes=15)


def find_account(slug: str, *, unit: Unit | None = None) -> Account:
    """By slug; another unit's accounts do not exist for this one."""
    found = Account.objects.select_related("unit").filter(slug=slug)
    account = (found.filter(unit=unit) if unit else found).first()
    if account is None:
        raise NotFound("账号", slug)
    return account


def spec_of(account: Account) -> ChannelSpec:
    """The data of the account's vendor."""
    return channels.kinds()[account.channel].spec


def renewed_by_hand(spec: ChannelSpec) -> bool:
    """True where only a person can renew the token, in a browser."""
    return any(option.name == "access_token" for option in spec.credentials)


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


def _check_wall(endpoints: Mapping[str, str], proxy: str) -> None:
    """Live and rehearsal are walled apart: a rehearsal home holds no live address."""
    for name, url in endpoints.items():
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise Refused("endpoint", f"地址 {name} 不是有效的 http(s) 地址，账号未保存。请改正后重试。")
        if not home.is_live() and not on_loopback(url):
            raise Refused(
                "wall",
                f"这是演练环境，地址 {name} 不在本机，账号未保存。演练环境只能连接本机的演练平台；正式发布请另建正式环境（tongfa init --live）。",
            )
    if proxy and not home.is_live() and not on_loopback(proxy):
        raise Refused("wall", "这是演练环境，代理不在本机，账号未保存。演练环境不使用外部代理。")


def _checked_options(spec: ChannelSpec, options: Mapping[str, str]) -> dict[str, str]:
    known = {option.name: option for option in spec.options}
    for name, value in options.items():
        if name not in known:
            raise Refused("option", f"{spec.label}账号没有设置项“{name}”。可用：{'、'.join(known)}。")
        if known[name].choices and value not in known[name].choices:
            raise Refused("option", f"设置项“{name}”只能是：{'、'.join(known[name].choices)}。")
    merged = {name: option.default for name, option in known.items() if option.default} | dict(options)
    lacking = [option for option in spec.options if option.required and not merged.get(option.name)]
    if lacking:
        words = "、".join(f"{option.name}（{option.label}）" for option in lacking)
        raise Refused("option", f"缺少必填设置：{words}。请用 --set 名称=值 补上。")
    return merged


def _endpoints(spec: ChannelSpec, given: Mapping[str, str]) -> dict[str, str]:
    unknown = set(given) - set(spec.endpoints)
    if unknown:
        raise Refused("endpoint", f"{spec.label}没有地址“{sorted(unknown)[0]}”。可用：{'、'.join(spec.endpoints)}。")
    base = given.get("api")
    derived = {name: base or default or spec.endpoints["api"] for name, default in spec.endpoints.items()}
    return {name: url.rstrip("/") for name, url in (derived | dict(given)).items()}


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
    """Create an account. Refused when the mode, an option or an address does not fit its channel."""
    require_aware(now)
    kinds = channels.kinds()
    if channel not in kinds:
        raise Refused(
            "channel",
            f"没有渠道“{channel}”。可用的渠道：{'、'.join(f'{kind.spec.label}（{name}）' for name, kind in kinds.items())}。",
        )
    spec = kinds[channel].spec
    mode = mode or spec.modes[0].name
    if mode not in {known.name for known in spec.modes}:
        words = "、".join(f"{known.name}（{known.label}）" for known in spec.modes)
        raise Refused("mode", f"{spec.label}没有发布方式“{mode}”。可用：{words}。")
    places = _endpoints(spec, endpoints)
    _check_wall(places, proxy)
    chosen = _checked_options(spec, options)
    try:
        with transaction.atomic():
            account = Account.objects.create(
                slug=slug,
                channel=channel,
                name=name,
                mode=mode,
                unit=unit,
                endpoints=places,
                options=chosen,
                proxy=proxy,
                created_at=now,
            )
            for key, secret in credentials.items():
                set_credential(account, key, secret, actor=actor, now=now)
            data = {
                "channel": channel,
                "name": name,
                "mode": mode,
                "hosts": sorted({urlsplit(u).netloc for u in places.values()}),
            }
            audit.append(actor, "account.added", f"account:{slug}", data, now=now)
    except IntegrityError:
        raise Refused("exists", f"已有账号“{slug}”。请换一个代号。") from None
    return account


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
        audit.append(actor, "account.disabled", f"account:{slug}", {"reason": reason}, now=now)
    account.refresh_from_db()
    return account


def enable_account(slug: str, *, actor: str, now: datetime) -> Account:
    """Take a disabled account into use again. What was held or missed meanwhile stays so until a person decides."""
    require_aware(now)
    account = find_account(slug)
    if account.enabled:
        raise Refused("enabled", f"账号“{account.name}”没有停用，不需要启用。")
    with transaction.atomic():
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
    with transaction.atomic():
        store_token(account, grant, now=now)
        audit.append(
            person.username,
            "account.authorized",
            f"account:{account.slug}",
            {"expires_at": grant.expires_at.isoformat()},
            now=now,
        )
    return account
