"""`tongfa restore`: an empty home becomes what a backup holds, all or nothing, and reconciles before it sends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader

from bot import __version__
from bot.domain.chain import GENESIS, verify
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import AttachmentFile, AuditEvent, Person, triggers

from . import archive, audit, catalogue, home, keybox, reconciling, snapshot, vault, wall
from .backing_up import HOME, KEYS, MEDIA, holds
from .errors import Refused

NOTHING = "没有恢复任何内容。"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and what became of the pushes. `files`: attachments that are there and proved; `lost`: those that
    were gone already when the backup was made."""

    made_at: datetime
    rows: int
    lines: int
    head: str
    live: bool
    reconciled: reconciling.Reconciled
    files: int
    lost: int


def restore(file: Path, *, username: str, passphrase: str = "", keys: Path | None = None, now: datetime) -> Restored:
    """Restore into an empty home. The keys come out of the backup (`passphrase`) or from a folder (`keys`).

    `username`: a system administrator of the restored home; the trail and the freezes name them.
    """
    require_aware(now)
    _require_empty()
    with archive.reading(file) as reader:
        manifest = reader.manifest
        _require_same_version(reader)
        secret = _keys(reader, passphrase, keys)
        reader.require_genuine(_decoded(secret["keys/audit.key"]))
        _require_chain(reader, _decoded(secret["keys/audit.key"]))
        facts = home.read(reader.read(HOME))
        with _all_or_nothing() as made:
            settings.TONGFA.home.make()
            made += keybox.put(secret, settings.TONGFA.home.path)
            made += vault.make_keys(settings.TONGFA.home.path)
            made += _put_media(reader)
            call_command("migrate", verbosity=0, interactive=False)
            rows, reconciled = _load(reader, username, file, now)
            home.write(facts)
        chain, attached = manifest["chain"], manifest["attachments"]
        made_at = datetime.fromisoformat(manifest["made_at"])
        return Restored(
            made_at,
            rows,
            chain["lines"],
            chain["head"],
            facts.live,
            reconciled,
            attached["files"],
            len(attached["lost"]),
        )


def _require_empty() -> None:
    """No home, no records. A database that was only migrated holds none."""
    if home.exists():
        raise Refused(
            "not_empty",
            f"{settings.TONGFA.home.path} 里已有一个环境，不会覆盖。{NOTHING}请把 TONGFA_HOME 指向一个空目录。",
        )
    found = snapshot.filled() if _database_there() else []
    if found:
        raise Refused(
            "not_empty",
            f"数据库里已有记录（{found[0]} 等 {len(found)} 张表），不会覆盖。{NOTHING}请用空的数据库；若是上一次恢复在最后一步中断，请清空后再来。",
        )


def _database_there() -> bool:
    """A SQLite file comes into being by being asked: where there is none there is nothing to ask."""
    return connection.vendor != "sqlite" or Path(connection.settings_dict["NAME"]).exists()


def _require_same_version(reader: archive.Reader) -> None:
    """The rows are those of one schema."""
    own = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == "bot")
    told = reader.manifest.get("migrations")
    if reader.format == archive.FORMAT and told == own:
        return
    last = told[-1] if isinstance(told, list) and told else "不明"
    raise Refused(
        "version",
        f"备份出自同发 {reader.manifest.get('version', '')}（数据库 {last}），本程序是 {__version__}（数据库 {own[-1]}），不能直接恢复。{NOTHING}"
        "请用备份时的版本恢复，再换成本版本运行 tongfa up 升级。",
    )


def _keys(reader: archive.Reader, passphrase: str, folder: Path | None) -> dict[str, bytes]:
    """The key files, and whatever else is secret. Without them no credential is readable and the chain proves nothing."""
    if folder is not None:
        found = keybox.read_folder(folder)
    elif KEYS in reader.parts:
        if not passphrase:
            raise Refused(
                "passphrase", f"备份里的密钥有口令保护，请用 --passphrase-file 或 --passphrase-env 给出。{NOTHING}"
            )
        found = keybox.unseal(reader.read(KEYS), passphrase)
    else:
        raise Refused(
            "no_keys",
            f"这份备份不含密钥，凭据解不开，留痕也无法验证和续写。{NOTHING}请用 --keys 指定另存的 keys 目录。",
        )
    _require_matching(found, reader.manifest["keys"])
    return found


def _require_matching(found: Mapping[str, bytes], told: Mapping[str, Any]) -> None:
    for name in ("audit", "master"):
        data = found.get(f"keys/{name}.key")
        if data is None or vault.id_of(_decoded(data)) != told[name]:
            raise Refused("wrong_key", f"密钥文件 {name}.key 不是这份备份的那一套（或缺少）。{NOTHING}请核对密钥目录。")


def _decoded(data: bytes) -> bytes:
    return vault.decoded(data, "（备份里的）")


def _require_chain(reader: archive.Reader, key: bytes) -> None:
    """The trail in the backup holds from its first line to its last."""
    table = next(one for one in reader.manifest["tables"] if one["table"] == AuditEvent._meta.db_table)
    count, head, broken = verify(key, _links(reader, table))
    if broken is not None or (count, head) != (table["rows"], reader.manifest["chain"]["head"] or GENESIS):
        what = broken.message if broken else "末端与清单不符"
        raise Refused("chain", f"备份里的留痕不完整：{what}。{NOTHING}请报告审计员，换另一份备份。")


def _links(reader: archive.Reader, table: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any], str, str]]:
    fields = {field.attname: field for field in AuditEvent._meta.concrete_fields}
    for line in reader.lines(table["part"]):
        values = {
            name: snapshot.value_of(fields[name], plain) for name, plain in zip(table["columns"], line, strict=True)
        }
        event = AuditEvent(**values)
        yield event.sequence, audit.row_of(event), event.previous, event.mac


@contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """What was put into the home goes again when the rest fails. A SQLite file that was not there before, too."""
    made: list[Path] = []
    fresh = Path(connection.settings_dict["NAME"]) if not _database_there() else None
    try:
        yield made
    except BaseException:
        if fresh is not None:
            connection.close()
            made.append(fresh)
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _put_media(reader: archive.Reader) -> list[Path]:
    folder, made = Path(settings.TONGFA.home.path) / "media", []
    for name in reader.parts:
        if not name.startswith(MEDIA):
            continue
        relative = Path(name.removeprefix(MEDIA))
        if relative.is_absolute() or ".." in relative.parts:
            raise Refused("damaged", f"备份里有不该有的路径 {name}。{NOTHING}")
        path = folder / relative
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as handle:
            made.append(path)
            handle.writelines(reader.chunks(name))
    return made


def _load(reader: archive.Reader, username: str, file: Path, now: datetime) -> tuple[int, reconciling.Reconciled]:
    """Records, rules, reconciliation and proof in one transaction."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:  # files are read meanwhile
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            triggers.remove()
            snapshot.empty_the_seeded()
            rows = _write(reader)
            _require_files(reader)
            connection.check_constraints()
            snapshot.reset_sequences()
            catalogue.rebuild()
            triggers.install()
            wall.note_installed(now)
            person = _administrator(username)
            made_at = datetime.fromisoformat(reader.manifest["made_at"])
            sha256 = archive.digest(_file_chunks(file))
            done = reconciling.reconcile(person=person, backed_up_at=made_at, sha256=sha256, now=now)
            _, _, broken = audit.verify_chain()
            if broken is not None:
                raise Refused("chain", f"恢复后的留痕不完整：{broken.message}。已全部退回，{NOTHING}")
    except DatabaseError as error:
        raise Refused(
            "damaged", f"数据库不接受备份里的记录（{type(error).__name__}），已全部退回，{NOTHING}"
        ) from error
    return rows, done


def _write(reader: archive.Reader) -> int:
    known: dict[str, type[models.Model]] = {model._meta.db_table: model for model in snapshot.tables()}
    count = 0
    for table in reader.manifest["tables"]:
        written = snapshot.load(known[table["table"]], table["columns"], reader.lines(table["part"]))
        if written != table["rows"]:
            raise Refused("damaged", f"备份里的 {table['part']} 行数与清单不符，已全部退回，{NOTHING}")
        count += written
    return count


def _require_files(reader: archive.Reader) -> None:
    """Every file that the records keep came with the backup, with its own bytes (`require_genuine` read them all), but for
    those that were lost when it was made."""
    told = set(reader.manifest["attachments"]["lost"])
    for digest in AttachmentFile.objects.order_by("pk").values_list("pk", flat=True).iterator():
        if digest not in told and not holds(reader.parts, digest):
            raise Refused("damaged", f"备份里缺少附件 {digest[:12]}… 的文件，已全部退回，{NOTHING}请换另一份备份。")


def _administrator(username: str) -> Person:
    person = Person.objects.filter(username=username).first()
    if person is None or not person.has_role(Role.SYSADMIN):
        raise Refused(
            "role",
            f"备份里没有可用的系统管理员“{username}”，已全部退回，{NOTHING}请用 --as 写明备份里的一位系统管理员。",
        )
    return person


def _file_chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while chunk := handle.read(archive.CHUNK):
            yield chunk
