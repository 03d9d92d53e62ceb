"""The keys of a home under a passphrase: each guess at it is dear."""

from __future__ import annotations

import json

import pytest

from bot.services import keybox

IN_EARNEST = keybox.N  # the fixtures of these tests make it cheap afterwards
FILES = {"keys/trail.key": bytes(range(32))}
PASSPHRASE = "a long passphrase for a test"


def test_a_guess_costs_sixty_four_megabytes_and_the_box_says_how_it_was_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """128 · n · r bytes (RFC 7914, section 2)."""
    monkeypatch.setattr(keybox, "N", IN_EARNEST)
    box = keybox.seal(FILES, PASSPHRASE)
    named = json.loads(box)
    assert 128 * named["n"] * named["r"] == 64 * 2**20
    assert (named["kdf"], named["cipher"]) == ("scrypt", "AES-256-GCM")
    assert keybox.unseal(box, PASSPHRASE) == FILES


def test_a_box_that_was_locked_with_other_costs_is_opened_with_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keybox, "N", 2**10)
    box = keybox.seal(FILES, PASSPHRASE)
    monkeypatch.setattr(keybox, "N", 2**4)
    assert keybox.unseal(box, PASSPHRASE) == FILES
