"""Keys and encryption at rest: AES-256-GCM, a nonce per value, bound to the row it belongs to.

The keys are files of the home (mode 0400), made by `tongfa init`; the database alone reveals nothing.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection
from django.db.models import Model

from bot.domain.hashing import sha256
from bot.domain.secret import Secret
from bot.models import AuditEvent, Credential

from . import home
from .errors import Refused

KEY_FILES = ("master.key", "audit.key", "secret.key")
KEY_LENGTH = 32  # bytes
TAKE_BACK = "请系统管理员从备份或另存的密钥里取回 keys 目录的原文件，不要另建一个。"


def missing_keys(home: Path) -> list[str]:
    """Names of the key files that a home lacks."""
    return [name for name in KEY_FILES if not (home / "keys" / name).exists()]


def make_keys(home: Path) -> list[Path]:
    """Create the missing key files of a home; return those that were made.

    Each stands there whole or not at all: half a key file that is taken for a key would sign a trail that anybody can forge.
    """
    folder = home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for name in missing_keys(home):
        unfinished = folder / f".{name}.{os.getpid()}"
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_LENGTH)))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was quicker: theirs stands
            os.link(unfinished, folder / name)
            made.append(folder / name)
        unfinished.unlink()
    return made


def require_trail_key(home: Path) -> None:
    """Refused where the key of a trail that is being written is gone: a new one would break the chain for good, even once the
    old one is found."""
    if "audit.key" in missing_keys(home) and _holds_any(AuditEvent):
        raise Refused(
            "lost_key",
            f"密钥文件 audit.key 丢失，而数据库里已有留痕：另建一个，原来的留痕就再也接不上。没有做任何改动。{TAKE_BACK}"
            "确实找不回的，请把现有目录和数据库原样封存，另选 TONGFA_HOME 目录新建环境。",
        )


def holds_credentials() -> bool:
    """Whether the records hold what only the master key opens."""
    return _holds_any(Credential)


def _holds_any(model: type[Model]) -> bool:
    return model._meta.db_table in connection.introspection.table_names() and model._default_manager.exists()


@lru_cache(maxsize=8)
def _key(path: Path) -> bytes:
    try:
        return decoded(path.read_bytes(), path.name)
    except FileNotFoundError:
        if home.exists():
            words = f"找不到密钥文件 {path.name}，没有办理。{TAKE_BACK}"
        else:
            words = f"找不到密钥文件 {path.name}。请先运行 tongfa init；若从备份恢复，请一并恢复 keys 目录。"
        raise Refused("no_keys", words) from None
    except OSError as error:
        words = f"密钥文件 {path.name} 读不了（{type(error).__name__}），没有办理。请系统管理员检查 keys 目录的权限。"
        raise Refused("no_keys", words) from None


def audit_key() -> bytes:
    """The key of the audit chain."""
    return _key(settings.TONGFA.home.path / "keys" / "audit.key")


def _master() -> bytes:
    return _key(settings.TONGFA.home.path / "keys" / "master.key")


def decoded(data: bytes, name: str = "") -> bytes:
    """The key that a key file holds. Refused unless it is a whole one: an empty file would sign as well, for anybody."""
    try:
        key = base64.b64decode(data.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_LENGTH:
        raise Refused("bad_key", f"密钥文件 {name} 是空的或已损坏，没有办理。{TAKE_BACK}")
    return key


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
