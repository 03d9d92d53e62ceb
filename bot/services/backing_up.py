"""`tongfa backup`: one file from which a home can be restored, made while everything runs."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from bot import __version__
from bot.domain.instants import require_aware
from bot.models import AttachmentFile, AuditEvent

from . import archive, attachmentfiles, audit, home, keybox, snapshot, vault, wall
from .errors import Refused

ACTOR = "tongfa backup"
KEYS = "keys.sealed.json"
HOME = "home.json"
MEDIA = "media/"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written. `lines` and `head`: how long the audit chain is in it, and how it ends. `files`: attachments in it;
    `lost`: hashes of those whose bytes the home no longer holds as they were."""

    file: Path
    size: int
    sha256: str
    rows: int
    lines: int
    head: str
    keys: bool
    files: int
    lost: tuple[str, ...]


def make(file: Path, *, passphrase: str, now: datetime) -> Backup:
    """Write a backup. `passphrase`: the keys go with it, under this; "" leaves them out. The trail says that it was made."""
    require_aware(now)
    if passphrase:
        keybox.require_passphrase(passphrase)
    if wall.pending():
        raise Refused("migrate", "数据库还没有升级到本版本，没有备份。请先运行 tongfa up 或 tongfa init。")
    file = file.absolute()
    with archive.writing(file) as writer:
        counts, lines, head, attached = _records(writer, file.parent)
        writer.add(HOME, [json.dumps(home.to_json()).encode()])
        for name, path in _media():
            writer.add(name, _chunks(path))
        lost = tuple(digest for digest in attached if not holds(writer.parts, digest))
        if passphrase:
            writer.add(KEYS, [keybox.seal(keybox.collect(settings.TONGFA.home.path), passphrase)])
        facts = {
            "version": __version__, "migrations": migrations(), "database": connection.vendor,
            "made_at": now.astimezone(UTC).isoformat(), "live": home.is_live(), "tables": counts,
            "keys": {"included": bool(passphrase), "master": vault.key_id(), "audit": vault.audit_key_id()},
            "chain": {"lines": lines, "head": head},
            "attachments": {"files": len(attached) - len(lost), "lost": lost},
        }  # fmt: skip
        writer.finish(facts, vault.audit_key())
    digest = _digest(file)
    data = {"file": file.name, "sha256": digest, "keys": bool(passphrase), "lines": lines}
    audit.append(ACTOR, "home.backed_up", wall.SUBJECT, data, now=now)
    rows = sum(int(str(count["rows"])) for count in counts)
    return Backup(
        file, file.stat().st_size, digest, rows, lines, head, bool(passphrase), len(attached) - len(lost), lost
    )


def migrations() -> list[str]:
    """Names of the applied migrations of the records: the level of the schema."""
    return sorted(name for app, name in MigrationRecorder(connection).applied_migrations() if app == "bot")


def holds(parts: Mapping[str, Mapping[str, object]], digest: str) -> bool:
    """Whether an attachment is among the parts of a backup, with its own bytes."""
    part = parts.get(f"{attachmentfiles.FOLDER}/{digest[:2]}/{digest}")
    return part is not None and part["sha256"] == digest


def _records(writer: archive.Writer, folder: Path) -> tuple[list[dict[str, object]], int, str, list[str]]:
    """Every table as a part; how many lines the chain has and how it ends, and which attachments there are, by the same
    snapshot."""
    found: list[dict[str, object]] = []
    private = Path(tempfile.mkdtemp(prefix=".tongfa-backup-", dir=folder))  # 0700
    try:
        with snapshot.frozen_view(private) as alias:
            for model in snapshot.tables():
                table, count = model._meta.db_table, [0]
                part = f"tables/{table}.jsonl"
                writer.add(part, _counted(snapshot.as_lines(snapshot.rows(model, alias)), count))
                found.append({"table": table, "part": part, "columns": snapshot.columns(model), "rows": count[0]})
            last = AuditEvent.objects.using(alias).order_by("-sequence").values_list("sequence", "mac").first()
            attached = list(AttachmentFile.objects.using(alias).order_by("pk").values_list("pk", flat=True))
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return found, *(last or (0, "")), attached


def _counted(lines: Iterator[bytes], count: list[int]) -> Iterator[bytes]:
    for line in lines:
        count[0] += 1
        yield line


def _media() -> Iterator[tuple[str, Path]]:
    """Files that were written whole: what begins with a dot is on its way."""
    folder = Path(settings.TONGFA.home.path) / "media"
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield f"{MEDIA}{path.relative_to(folder).as_posix()}", path


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while chunk := handle.read(archive.CHUNK):
            yield chunk


def _digest(path: Path) -> str:
    return archive.digest(_chunks(path))
