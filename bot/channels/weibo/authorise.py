"""Tokens: authorisation by a person in a browser, and taking over a token that was pasted from a file.

Weibo gives web apps no refresh token: when a token ends, a person authorises again. A pasted or exchanged token
is only ever kept when it belongs to the configured government account, never a clerk's private one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bot.domain.channel import AccountConfig, ChannelFault, Grant, Remedy
from bot.domain.secret import Secret

from .spec import oauth_base


def authorize_url(account: AccountConfig, *, redirect_uri: str, state: str) -> str:
    """Where the person goes. `forcelogin` makes Weibo ask who it is instead of taking whoever is logged in."""
    app_key = account.option("app_key")
    if not app_key:
        raise _operator("账号没有填写 App Key，不能授权；请系统管理员先在账号设置里填写。", "app_key")
    query = {
        "client_id": app_key,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "state": state,
        "forcelogin": "true",
    }
    return f"{oauth_base(account)}/oauth2/authorize?{urlencode(query)}"


def exchange_fields(account: AccountConfig, *, code: str, redirect_uri: str) -> dict[str, str]:
    """The form of POST oauth2/access_token."""
    secret = account.credentials.get("app_secret")
    if not account.option("app_key") or not secret:
        message = "账号没有填写 App Key 或 App Secret，不能换取授权；请系统管理员先在账号设置里填写。"
        raise _operator(message, "app_secret")
    return {
        "client_id": account.option("app_key"),
        "client_secret": secret.reveal(),
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
    }


def grant_from_exchange(account: AccountConfig, answer: Mapping[str, Any], now: datetime) -> Grant:
    """Judge {access_token, expires_in (s), uid}; only the configured uid passes."""
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise ChannelFault(Remedy.UNKNOWN, "微博没有返回访问令牌，授权没有完成；请重新授权一次。", code="no_token")
    require_uid(account, answer.get("uid"))
    return Grant(Secret(token), now + life(answer.get("expires_in")))


def grant_from_info(account: AccountConfig, token: Secret, info: Mapping[str, Any], now: datetime) -> Grant:
    """Judge {uid, expire_in (s left)} of a token that is already there."""
    require_uid(account, info.get("uid"))
    return Grant(token, now + life(info.get("expire_in")))


def require_uid(account: AccountConfig, uid: object) -> None:
    """ChannelFault(OPERATOR) unless `uid` (number or string) is the configured government account."""
    configured, actual = account.option("uid"), str(uid or "")
    if not configured:
        raise _operator("账号没有填写 uid，不能核对授权人；请系统管理员先填写政务账号的 uid 再授权。", "uid")
    if actual != configured:
        message = (
            f"授权的微博账号（uid {actual or '未知'}）不是“{account.name}”（uid {configured}），令牌没有保存，"
            "什么也没有发出；请退出个人微博，用政务账号登录后重新授权。"
        )
        raise _operator(message, "uid_mismatch")


def life(seconds: object) -> timedelta:
    """Seconds of life, number or string. What cannot be read counts as none: a token without a known end is no use."""
    text = str(seconds).strip() if isinstance(seconds, (int, float, str)) and not isinstance(seconds, bool) else ""
    try:
        return timedelta(seconds=max(0, int(float(text))))
    except (ValueError, OverflowError):
        return timedelta(0)


def _operator(message: str, code: str) -> ChannelFault:
    return ChannelFault(Remedy.OPERATOR, message, code=code)
