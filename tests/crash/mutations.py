"""Ways to break the engine on purpose: the judge must see each of them."""

from __future__ import annotations

from collections.abc import Callable

BY_NAME: dict[str, Callable[[], None]] = {}
