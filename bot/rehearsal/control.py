"""The control API under /_control/: for drills, tests and the demo; answered to loopback only.

POST bodies must be `application/json`, so that no web page open on this machine can send one by a form.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from datetime import datetime

from . import actions, faults, journal
from .defaults import create_account, default_accounts
from .store import Doc
from .weibo import oauth
from .wire import Answer, Request, json_answer
from .world import World, iso

Handler = Callable[[World, Request], object]


def handle(world: World, request: Request) -> Answer:
    """Answer one control call: 403 from elsewhere, 404 unknown, 400 with the reason for nonsense."""
    if not ipaddress.ip_address(request.remote).is_loopback:
        return json_answer({"error": "loopback only"}, 403)
    name = request.path.removeprefix("/_control/")
    handler = HANDLERS.get((request.method, name))
    if handler is None:
        return json_answer({"error": f"no {request.method} {name}"}, 404)
    if request.method == "POST" and request.media_type != "application/json":
        return json_answer({"error": "application/json expected"}, 415)
    try:
        with world.store.transaction():
            result = handler(world, request)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return json_answer({"error": f"{type(error).__name__}: {error}"}, 400)
    world.wake.set()
    return json_answer(result)


def _journal(world: World, request: Request) -> object:
    return {"journal": journal.calls(world, int(request.query.get("since", 0)))}


def _effects(world: World, request: Request) -> object:
    return {"effects": journal.effects(world, int(request.query.get("since", 0)))}


def _counts(world: World, request: Request) -> object:
    del request
    return journal.counts(world)


def _accounts(world: World, request: Request) -> object:
    del request
    return {platform: world.store.all("account", platform) for platform in ("wechat", "weibo")}


def _create(world: World, request: Request) -> object:
    if request.json == {"defaults": True}:
        return {name: [create_account(world, name, one) for one in found] for name, found in default_accounts().items()}
    return create_account(
        world, str(request.json.get("platform", "")), {k: v for k, v in request.json.items() if k != "platform"}
    )


def _change(world: World, request: Request) -> object:
    spec: Doc = request.json
    platform, identity = str(spec["platform"]), str(spec["account"])
    account = world.store.get("account", platform, identity)
    if account is None:
        raise KeyError(f"no account {identity} on {platform}")
    fields = dict(spec.get("set") or {})
    switches = account.get("switches", {}) | (spec.get("switches") or {})
    return world.store.put("account", platform, identity, account | fields | {"id": identity, "switches": switches})


def _arm(world: World, request: Request) -> object:
    specs = request.json if isinstance(request.json, list) else [request.json]
    return {"ids": [faults.arm(world.store, spec) for spec in specs]}


def _faults(world: World, request: Request) -> object:
    del request
    return {"faults": faults.listed(world.store), "known": faults.KNOWN}


def _clear_faults(world: World, request: Request) -> object:
    if "id" in request.query:
        world.store.run("DELETE FROM faults WHERE id = ?", int(request.query["id"]))
    else:
        world.store.run("DELETE FROM faults")
    return {"faults": faults.listed(world.store)}


def _clock(world: World, request: Request) -> object:
    world.pass_time(float(request.json.get("pass", 0)))
    for name in ("statistics", "quota"):
        if name in request.json:
            world.move_clock(
                name, _instant(request.json[name]).timestamp() - time.time() if request.json[name] else 0.0
            )
    if "date_offset" in request.json:
        world.move_clock("date", float(request.json["date_offset"]))
    return _clocks(world, request)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset, e.g. 2026-11-24T09:00:00+08:00")
    return moment


def _clocks(world: World, request: Request) -> object:
    del request
    return {"now": iso(world.now())} | {name: iso(world.clock(name)) for name in ("statistics", "quota", "date")}


def _seed(world: World, request: Request) -> object:
    world.store.set_setting("seed", int(request.json["seed"]))
    return {"seed": int(request.json["seed"])}


def _act(world: World, request: Request) -> object:
    return actions.perform(world, request.json)


def _token(world: World, request: Request) -> object:
    account = world.store.get("account", "weibo", str(request.json["account"]))
    if account is None:
        raise KeyError(request.json["account"])
    return {"token": oauth.new_token(world, account, kind=str(request.json.get("kind", "")))}


def _events(world: World, request: Request) -> object:
    del request
    return {"events": world.store.all("wx_event")}


HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "journal"): _journal,
    ("GET", "effects"): _effects,
    ("GET", "counts"): _counts,
    ("GET", "events"): _events,
    ("GET", "accounts"): _accounts,
    ("POST", "accounts"): _create,
    ("POST", "accounts/change"): _change,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "clock"): _clocks,
    ("POST", "clock"): _clock,
    ("POST", "seed"): _seed,
    ("POST", "act"): _act,
    ("POST", "tokens"): _token,
}
