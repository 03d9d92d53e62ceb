"""Commands are tried on the small district of the pages' tests; the fixtures are theirs."""

from __future__ import annotations

from tests.console.conftest import district, tongfa_home, within_a_day

__all__ = ["district", "tongfa_home", "within_a_day"]
