"""The keys of a home in a backup: only when asked for, and then under a passphrase (scrypt, AES-256-GCM).

With the keys goes what `notify.toml` names: the addresses and secrets of those who are told of alarms.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from .errors import Refused
from .vault import KEY_FILES

LEAST_PASSPHRASE = 12  # characters
N, R, P = 2**16, 8, 1  # 64 MiB and a third of a second for each guess
MOST_N = 2**20  # an archive may not ask for more memory than a gigabyte
_BOUND = b"tongfa backup keys 1"
NOTIFY = "notify.toml"


def collect(home: Path) -> dict[str, bytes]:
    """The files of a home that are secret, by their place in it."""
    found = {f"keys/{name}": home / "keys" / name for name in KEY_FILES}
    found |= {str(path.relative_to(home)): path for path in _notify_files(home)}
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def _notify_files(home: Path) -> Iterator[Path]:
    file = home / NOTIFY
    if not file.is_file():
        return
    yield file
    try:
        targets = tomllib.loads(file.read_text("utf-8")).get("target", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    for target in targets if isinstance(targets, list) else []:
        for name, value in target.items() if isinstance(target, dict) else ():
            path = (home / str(value)).resolve()
            if name.endswith("_file") and path.is_relative_to(home.resolve()) and path.is_file():
                yield home / str(value)


def require_passphrase(passphrase: str) -> None:
    """Refused where it is too short to protect a file that may lie anywhere."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise Refused("passphrase", f"口令至少 {LEAST_PASSPHRASE} 个字符，没有备份。")


def seal(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """As a part of the archive."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    plain = json.dumps({name: base64.b64encode(data).decode() for name, data in files.items()}).encode()
    data = AESGCM(_key(passphrase, salt, N, R, P)).encrypt(nonce, plain, _BOUND)
    texts = {
        name: base64.b64encode(value).decode() for name, value in (("salt", salt), ("nonce", nonce), ("data", data))
    }
    return json.dumps({"kdf": "scrypt", "cipher": "AES-256-GCM", "n": N, "r": R, "p": P, **texts}).encode()


def unseal(part: bytes, passphrase: str) -> dict[str, bytes]:
    """Inverse of `seal`. Refused when the passphrase is another."""
    try:
        box: dict[str, Any] = json.loads(part)
        n, r, p = int(box["n"]), int(box["r"]), int(box["p"])
        if box["kdf"] != "scrypt" or not 2 <= n <= MOST_N or r != R or p != P:
            raise ValueError
        salt, nonce, data = (base64.b64decode(box[name]) for name in ("salt", "nonce", "data"))
        plain = AESGCM(_key(passphrase, salt, n, r, p)).decrypt(nonce, data, _BOUND)
        return {name: base64.b64decode(value) for name, value in json.loads(plain).items()}
    except InvalidTag:
        raise Refused("passphrase", "口令不对，密钥没有解开，没有恢复任何内容。请核对口令后再试。") from None
    except (ValueError, KeyError, TypeError):
        raise Refused("damaged", "备份里的密钥部分损坏，没有恢复任何内容。请换另一份备份。") from None


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode())


def read_folder(folder: Path) -> dict[str, bytes]:
    """Keys that were kept apart from the backup, from their folder."""
    found = {f"keys/{name}": (folder / name).read_bytes() for name in KEY_FILES if (folder / name).is_file()}
    if not found:
        raise Refused("no_keys", f"{folder} 里没有密钥文件（{'、'.join(KEY_FILES)}），没有恢复任何内容。")
    return found


def put(files: Mapping[str, bytes], home: Path) -> list[Path]:
    """Write them into a home, for its owner alone; those that were made. Refused where another one is there."""
    made = []
    for name, data in files.items():
        path = home / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise Refused("damaged", "备份里的密钥部分含有不该有的路径，没有恢复任何内容。")
        if path.exists():
            if path.read_bytes() != data:
                raise Refused("not_empty", f"{path} 已经存在且内容不同，没有恢复任何内容。请换一个空的 TONGFA_HOME。")
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = 0o400 if name.startswith("keys/") else 0o600
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as handle:
            handle.write(data)
        made.append(path)
    return made
