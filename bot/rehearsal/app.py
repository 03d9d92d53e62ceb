"""One request from first to last: which platform, which faults, one transaction, one journal line."""

from __future__ import annotations

import logging
from typing import Protocol

from . import actions, control, faults, view
from .faults import Delivery, Plan
from .store import Doc
from .wechat import platform as wechat
from .weibo import platform as weibo
from .wire import Answer, Request, json_answer
from .world import Call, World, close_journal, open_journal

log = logging.getLogger(__name__)


class Platform(Protocol):
    """What the application asks of a platform."""

    def call_name(self, request: Request) -> str:
        """The short name of the call, as faults and journals use it."""

    def account_of(self, call: Call) -> Doc | None:
        """The account that the request is about, if it names one that exists."""

    def execute(self, call: Call) -> Answer:
        """Do it and answer; runs inside the transaction."""

    def forced(self, call: Call, spec: Doc, real: Answer | None) -> Answer:
        """The refusal that a fault asks for, in the platform's form."""


PLATFORMS: dict[str, Platform] = {"wechat": wechat.PLATFORM, "weibo": weibo.PLATFORM}


def handle(world: World, request: Request) -> Delivery:
    """Answer one request. Never raises for what a client can send."""
    prefix = request.path.split("/")[1] if request.path.startswith("/") else ""
    try:
        if prefix in PLATFORMS:
            return _platform_call(world, request, prefix)
        if prefix == "_control":
            return Delivery(control.handle(world, request))
        if prefix in ("_view", "_media"):
            return Delivery(view.handle(world, request))
    except Exception:  # a fault of ours must not look like a platform's
        log.exception("rehearsal failed on %s %s", request.method, request.path)
        return Delivery(json_answer({"rehearsal_error": "internal, see the log"}, 500, code="rehearsal"))
    return Delivery(json_answer({"error": "not found"}, 404))


def _platform_call(world: World, request: Request, name: str) -> Delivery:
    platform = PLATFORMS[name]
    call = Call(world, request, name, platform.call_name(request))
    with world.store.transaction():
        call.account = platform.account_of(call) or {}
        call.armed = faults.take(world.store, name, call.id, call.name)
        _act(call, "before")
    plan = Plan(call.armed)
    world.pause(plan.wait("before"))
    answer = _execute(call, plan)
    for hook in call.afterwards:
        hook()
    world.wake.set()
    world.pause(plan.wait("after"))
    return plan.deliver(answer)


def _execute(call: Call, plan: Plan) -> Answer:
    platform = PLATFORMS[call.platform]
    with call.store.transaction():
        call.journal_id = open_journal(call, sorted(call.armed))
        answer = platform.execute(call) if plan.executes else Answer(b"", code="not executed")
        forced = call.armed.get("error") or ({} if "busy" in call.armed else None)
        if forced is not None:
            answer = platform.forced(call, forced, answer if plan.executes else None)
        close_journal(call, answer, executed=plan.executes)
        _act(call, "after")
    return answer


def _act(call: Call, when: str) -> None:
    args = call.armed.get("act")
    if args and args.get("when", "after") == when:
        actions.perform(call.world, {"platform": call.platform, "account": call.id} | args)
