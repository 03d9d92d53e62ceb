"""The records are tested on what the services make; the fixtures are theirs."""

from __future__ import annotations

from tests.services.conftest import cheap_covers, committed_db, committed_office, office, real_covers, tongfa_home

__all__ = ["cheap_covers", "committed_db", "committed_office", "office", "real_covers", "tongfa_home"]
