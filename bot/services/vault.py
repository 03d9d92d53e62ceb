"""Keys and encryption at rest: AES-256-GCM, a nonce per value, bound to the row it belongs to.

The keys are files of the home (mode 0400), made by `tongfa init`; the database alone reveals nothing.
"""

from __future__ import annotations

import base64
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from bot.domain.hashing import sha256
from bot.domain.secret import Secret

from .errors import Refused

KEY_FILES = ("master.key", "audit.key", "secret.key")


def make_keys(home: Path) -> list[Path]:
    """Create the missing key files of a home; return those that were made."""
    folder = home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for name in KEY_FILES:
        path = folder / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(32)))
            made.append(path)
    return made


@lru_cache(maxsize=8)
def _key(path: Path) -> bytes:
    try:
        return decoded(path.read_bytes())
    except OSError:
        raise Refused(
            "no_keys", f"找不到密钥文件 {path.name}。请先运行 tongfa init；若从备份恢复，请一并恢复 keys 目录。"
        ) from None


def audit_key() -> bytes:
    """The key of the audit chain."""
    return _key(settings.TONGFA.home.path / "keys" / "audit.key")


def _master() -> bytes:
    return _key(settings.TONGFA.home.path / "keys" / "master.key")


def decoded(data: bytes) -> bytes:
    """The key that a key file holds."""
    return base64.b64decode(data)


def id_of(key: bytes) -> str:
    """Short name of a key, which reveals nothing of it."""
    return sha256(key)[:16]


def key_id() -> str:
    """Short name of the master key in use, stored with each value so that keys can be rotated."""
    return id_of(_master())


def audit_key_id() -> str:
    """Short name of the key of the audit chain."""
    return id_of(audit_key())


def encrypt(value: Secret, row: str) -> bytes:
    """Nonce and ciphertext; `row` (table, id, field) must be the same to decrypt."""
    settings.TONGFA_REDACTOR.register(value.reveal())
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_master()).encrypt(nonce, value.reveal().encode(), row.encode())


def decrypt(data: bytes | memoryview, row: str) -> Secret:
    """Inverse of `encrypt`. Refused when key or row differ."""
    data = bytes(data)
    try:
        value = AESGCM(_master()).decrypt(data[:12], data[12:], row.encode()).decode()
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce, or not text
        raise Refused(
            "wrong_key", "凭据无法解密：密钥文件与数据库不是一套。请恢复原来的 keys 目录，或重新录入凭据。"
        ) from None
    settings.TONGFA_REDACTOR.register(value)  # should it ever reach a log line, it is masked there
    return Secret(value)
