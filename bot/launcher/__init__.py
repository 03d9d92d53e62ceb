"""The moment of release: connections open, bytes ready, one write at T.

Knows no vendor and no database; imports `bot.domain` only. `NotSent` is this package's word alone: it means
that the kernel took no byte of the request, so the caller may try again without asking anybody.
"""

from .events import Answered, Broken, Event, NotSent, Sent, Shot
from .launcher import Launcher
from .limits import Limits
from .reasons import Reason, explain

__all__ = ["Answered", "Broken", "Event", "Launcher", "Limits", "NotSent", "Reason", "Sent", "Shot", "explain"]
