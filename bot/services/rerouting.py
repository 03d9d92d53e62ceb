"""An account that is led to another host: what is secret stays behind.

Secrets go in and never come out. Whoever changes where an account's calls go could have the next call carry them out all
the same, so they do not survive such a change: they are put in anew, for the host that is meant to have them.

In a rehearsal home they stay. Its wall lets no address leave this machine, its secrets are made up, and the rehearsal
platform comes up on another port from one run to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bot.domain.instants import require_aware
from bot.models import Account, AuthorizationRequest, Credential, Token

from . import home

TOKEN = "token"  # noqa: S105 - a word of the trail, not a secret


def leads_elsewhere(account: Account, changed: Mapping[str, Any]) -> bool:
    """Whether, changed like this, the account's calls can be read by a host that could not read them before.

    Another host, another port, or no TLS any more. Another proxy only where an address is plain http: through https it
    carries what it cannot read (CONNECT, and certificates are always verified: bot/channels/http.py), and somebody must
    be able to leave a proxy that broke down while something signed waits.
    """
    if not home.is_live():
        return False
    before, after = account.endpoints, changed.get("endpoints", account.endpoints)
    if any(_origin(url) != _origin(before.get(name, before.get("api", ""))) for name, url in after.items()):
        return True
    in_the_clear = any(urlsplit(url).scheme != "https" for url in after.values())
    proxy = _host(changed.get("proxy", ""))
    return in_the_clear and bool(proxy) and proxy != _host(account.proxy)


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, _host(url)


def _host(url: str) -> str:
    """Host and port. What stands before "@" says as whom one comes, not where one goes."""
    return url.partition("//")[2].partition("/")[0].rpartition("@")[2].lower()


def forget_secrets(account: Account, *, now: datetime) -> list[str]:
    """Drop credentials and token, and call off authorisations that are under way. Returns the names of what there was.

    In the caller's transaction, which also changes the account: nobody reads the new address with an old secret.
    """
    require_aware(now)
    dropped = sorted(account.credentials.values_list("name", flat=True))
    if Token.objects.filter(account=account, ciphertext__isnull=False).exists():
        dropped.append(TOKEN)
    Credential.objects.filter(account=account).delete()
    Token.objects.filter(account=account).delete()
    AuthorizationRequest.objects.filter(account=account, used_at__isnull=True).update(used_at=now)
    return dropped
