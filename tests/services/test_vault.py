"""Secrets at rest: AES-256-GCM, a nonce per value, bound to the row; the database alone reveals nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.domain.secret import Secret
from bot.models import Credential, Token
from bot.services import accounts, vault
from bot.services.errors import Refused

from .factories import NOW, Office, fresh_home

VALUE = Secret("微信的 app secret 0123456789")


def test_what_was_encrypted_for_a_row_is_decrypted_for_that_row() -> None:
    assert vault.decrypt(vault.encrypt(VALUE, "credential:1:app_secret"), "credential:1:app_secret") == VALUE


def test_the_same_value_twice_gives_other_bytes_and_neither_shows_it() -> None:
    one, other = vault.encrypt(VALUE, "row"), vault.encrypt(VALUE, "row")
    assert one != other
    assert VALUE.reveal().encode() not in one
    assert len(one) == 12 + len(VALUE.reveal().encode()) + 16


@pytest.mark.parametrize("row", ["credential:2:app_secret", "credential:1:callback_token", "token:1", ""])
def test_a_ciphertext_put_into_another_row_is_worthless(row: str) -> None:
    with pytest.raises(Refused, match="不是一套"):
        vault.decrypt(vault.encrypt(VALUE, "credential:1:app_secret"), row)


@pytest.mark.parametrize("at", [0, 11, 12, -1])
def test_one_changed_bit_is_noticed(at: int) -> None:
    data = bytearray(vault.encrypt(VALUE, "row"))
    data[at] ^= 1
    with pytest.raises(Refused, match="无法解密"):
        vault.decrypt(bytes(data), "row")


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 12, b"x" * 28])
def test_what_is_no_ciphertext_at_all_is_refused_too(data: bytes) -> None:
    with pytest.raises(Refused, match="无法解密"):
        vault.decrypt(data, "row")


def test_another_home_s_key_does_not_open_it(tmp_path: Path) -> None:
    data, mine = vault.encrypt(VALUE, "row"), vault.key_id()
    with fresh_home(tmp_path / "other"):
        assert vault.key_id() != mine
        with pytest.raises(Refused) as refusal:
            vault.decrypt(data, "row")
    assert refusal.value.code == "wrong_key"


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = vault.make_keys(tmp_path)
    assert [path.name for path in made] == ["master.key", "audit.key", "secret.key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o400}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    kept = [path.read_bytes() for path in made]
    assert len(set(kept)) == 3
    assert vault.make_keys(tmp_path) == []
    assert [path.read_bytes() for path in made] == kept


@pytest.mark.parametrize(
    ("made", "words"), [(True, "取回 keys 目录的原文件，不要另建"), (False, "请先运行 tongfa init")]
)
def test_without_keys_the_remedy_is_named(tmp_path: Path, made: bool, words: str) -> None:
    """Of a home that is at work already, `tongfa init` would be the wrong one."""
    from django.conf import settings

    with fresh_home(tmp_path / "bare") as home:
        for path in (home / "keys").iterdir():
            path.unlink()
        if not made:
            (home / "home.json").unlink(missing_ok=True)
        assert settings.TONGFA.home.path == home
        with pytest.raises(Refused, match=words):
            vault.encrypt(VALUE, "row")


@pytest.mark.parametrize("held", [b"", b"abc", b"not base64 at all!", b"AAAA", b"\xff" * 44])
def test_a_file_that_holds_no_whole_key_is_none(tmp_path: Path, held: bytes) -> None:
    """With an empty one the trail would be signed, too: by anybody."""
    with fresh_home(tmp_path / "torn") as home:
        key = home / "keys" / "audit.key"
        key.chmod(0o600)
        key.write_bytes(held)
        vault._key.cache_clear()
        with pytest.raises(Refused, match=r"audit\.key 是空的或已损坏"):
            vault.audit_key()


def test_a_key_file_that_was_not_written_to_its_end_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(vault.os, "fsync", torn)
    with pytest.raises(OSError, match="no space"):
        vault.make_keys(tmp_path)
    assert vault.missing_keys(tmp_path) == list(vault.KEY_FILES)
    monkeypatch.undo()
    assert len(vault.make_keys(tmp_path)) == 3


def test_the_key_of_a_trail_that_stands_is_not_made_anew(office: Office, tongfa_home: Path) -> None:
    """Neither the lines before nor, with the old key found again, those after would hold."""
    vault.require_trail_key(tongfa_home)
    (tongfa_home / "keys" / "audit.key").unlink()
    with pytest.raises(Refused, match="没有做任何改动"):
        vault.require_trail_key(tongfa_home)


def test_credentials_of_an_account_come_back_wrapped(office: Office) -> None:
    config = accounts.config_of(office.wechat)
    assert config.credentials == {"app_secret": Secret("wechat-secret")}
    assert "wechat-secret" not in repr(config)


def test_credentials_swapped_between_rows_by_hand_do_not_decrypt(office: Office) -> None:
    """Somebody with the database alone cannot make one account use the other's secret."""
    mine, theirs = Credential.objects.get(account=office.wechat), Credential.objects.get(account=office.weibo)
    Credential.objects.filter(pk=mine.pk).update(ciphertext=theirs.ciphertext)
    with pytest.raises(Refused, match="无法解密"):
        accounts.config_of(office.wechat)


def test_tokens_swapped_between_accounts_do_not_decrypt(office: Office) -> None:
    theirs = Token.objects.get(account=office.weibo)
    Token.objects.filter(account=office.wechat).update(ciphertext=theirs.ciphertext)
    with pytest.raises(Refused, match="无法解密"):
        accounts.AccountPorts(office.wechat).token(None)


def test_a_credential_set_again_replaces_the_old_one_and_is_noted_without_its_value(office: Office) -> None:
    accounts.set_credential(office.wechat, "app_secret", VALUE, actor="root", now=NOW)
    assert accounts.config_of(office.wechat).credentials == {"app_secret": VALUE}
    assert Credential.objects.filter(account=office.wechat).count() == 1


def test_a_credential_that_the_channel_does_not_know_is_refused(office: Office) -> None:
    with pytest.raises(Refused, match="没有凭据“password”"):
        accounts.set_credential(office.wechat, "password", VALUE, actor="root", now=NOW)
