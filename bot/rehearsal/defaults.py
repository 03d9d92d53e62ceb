"""The accounts a rehearsal starts with. Names are the real ones, every credential is made up."""

from __future__ import annotations

from .store import Doc
from .weibo import oauth
from .world import World

WECHAT: Doc = {
    "id": "wxrehearsal0000001",
    "secret": "rehearsal-secret",
    "name": "中国河东",
    "gh_id": "gh_rehearsal0001",
    "type": "subscription",
    "verified": True,
    "ip_allow": None,
    "followers": 86_000,
    "callback": {},
    "switches": {},
}
WEIBO: Doc = {
    "id": "2017000001",
    "screen_name": "临沂河东",
    "app_key": "rehearsalkey",
    "app_secret": "rehearsal-weibo-secret",
    "app_name": "河东发布平台",
    "redirect_uri": "http://127.0.0.1:8000/weibo/callback",
    "safe_domains": ["www.hedong.gov.cn"],
    "token_kind": "owner",
    "review": "approved",
    "tester": True,
    "ip_allow": None,
    "followers": 152_000,
    "switches": {},
}
#: The seeded token of the Weibo account, so that a demo needs no browser. It opens nothing but a rehearsal.
WEIBO_TOKEN = "2.00rehearsal0linyihedong0000001"  # noqa: S105


def default_accounts() -> dict[str, list[Doc]]:
    """`{"wechat": [...], "weibo": [...]}`: fresh copies of the rehearsal accounts, the Weibo one with its `token`."""
    return {"wechat": [_copy(WECHAT)], "weibo": [_copy(WEIBO) | {"token": WEIBO_TOKEN}]}


def _copy(account: Doc) -> Doc:
    return {name: type(value)(value) if isinstance(value, (dict, list)) else value for name, value in account.items()}


def create_account(world: World, platform: str, spec: Doc) -> Doc:
    """Create an account, or replace one and forget everything it did. Missing fields come from the defaults.

    WeChat: `id` or `appid`; Weibo: `id` or `uid`, and an optional `token` to seed (else one is made and
    returned). ValueError when the id is missing or the platform unknown.
    """
    if platform not in ("wechat", "weibo"):
        raise ValueError(f"unknown platform {platform!r}")
    given = dict(spec)
    identity = str(given.pop("appid" if platform == "wechat" else "uid", "") or given.get("id", ""))
    if not identity:
        raise ValueError("an account needs an appid or a uid")
    account = _copy(WECHAT if platform == "wechat" else WEIBO) | given | {"id": identity}
    token = str(account.pop("token", ""))
    with world.store.transaction():
        _forget(world, platform, identity)
        world.store.put("account", platform, identity, account)
        if platform == "weibo":
            account = account | {"token": oauth.new_token(world, account, token=token)}
    return account


def _forget(world: World, platform: str, identity: str) -> None:
    for statement in (
        "DELETE FROM docs WHERE account = ? AND kind LIKE ?",
        "DELETE FROM timers WHERE account = ? AND kind LIKE ?",
    ):
        world.store.run(statement, identity, "wx_%" if platform == "wechat" else "wb_%")
    for prefix in ("wx", "wxq", "wx-clear", "wxq-minute", "mass", "wb:calls", "wb:posts", "wb:deleted"):
        world.store.clear_counters(f"{prefix}:{identity}:")


def seed_if_empty(world: World) -> None:
    """Create the default accounts where the state knows none yet."""
    with world.store.transaction():
        if world.store.all("account"):
            return
        for platform, accounts in default_accounts().items():
            for account in accounts:
                create_account(world, platform, account)
