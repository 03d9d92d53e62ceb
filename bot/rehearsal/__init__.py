"""演练: stateful WeChat and Weibo servers on loopback, with faults, and what followers would see.

They know the platforms from the fact sheets and import nothing of the product, so that what staff train on and
what tests judge by is an independent opinion. See docs/reference/rehearsal.md.
"""

from .defaults import default_accounts
from .server import RehearsalServer, serve
from .store import StateInUseError

__all__ = ["RehearsalServer", "StateInUseError", "default_accounts", "serve"]
