"""`python -m benchmarks.parts.grab expire SLUG` | `token SLUG EPOCH`: one worker's need of a token, in the home's environment."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta


def main() -> None:
    """Let the account's token be over, or ask for one at that instant."""
    from config.env import use_settings

    use_settings()
    import django

    django.setup()
    from bot.models import Token
    from bot.services.accounts import channel_of, find_account

    what, slug = sys.argv[1:3]
    account = find_account(slug)
    if what == "expire":
        Token.objects.filter(account=account).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        return
    adapter = channel_of(account)
    time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
    adapter.grant()


if __name__ == "__main__":
    main()
