"""The government portal, looked at from outside: is this page live, with this title on it? Reads one page, safely.

    seen = look(url, title, rules=Rules(hosts), ca_file=None, known=seen_before)

Never raises for anything the portal does or the network fails to do: that is an unclear answer, with a sentence.
"""

from __future__ import annotations

from .look import Look as Look
from .look import look as look
from .rules import Blocked as Blocked
from .rules import Rules as Rules
