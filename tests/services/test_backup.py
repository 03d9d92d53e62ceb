"""Backup and restore: what was saved comes back, and nothing else does."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bot.domain.delivery import State
from bot.models import AuditEvent, Credential, Document, Freeze, Person, Publication, Release
from bot.services import archive, audit, backing_up, health, home, reconciling, restoring, snapshot, stops
from bot.services.errors import Refused

from .factories import HALF_HOUR, NOW, Office, article, drop_rules, force, fresh_home, publication

LATER = NOW + 2 * HALF_HOUR
PASSPHRASE = "a long passphrase for a test"


@pytest.fixture
def office(committed_db: None) -> Office:
    """What is written is committed: a snapshot sees nothing else."""
    made = Office.make()
    Person.objects.create(username="root", name="吴管", unit=made.unit, roles=["sysadmin"])
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where another home may come into being. It is empty; so is the database, after `wiped`."""
    return tmp_path / "elsewhere"


def wiped() -> None:
    """All records gone, as on another machine."""
    drop_rules()
    call_command("flush", verbosity=0, interactive=False)
    assert snapshot.filled() == []


class Elsewhere:
    """An empty home, in which nothing was made ahead."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        import dataclasses

        from django.test import override_settings

        from bot.runtime.paths import Home

        self._changed = override_settings(TONGFA=dataclasses.replace(settings.TONGFA, home=Home(self.path)))
        self._changed.enable()
        return self.path

    def __exit__(self, *_: object) -> None:
        self._changed.disable()


def everything() -> dict[str, list[Any]]:
    """All records, by table, as plain values."""
    return {model._meta.db_table: list(snapshot.rows(model, "default")) for model in snapshot.tables()}


def saved(tmp_path: Path, *, passphrase: str = PASSPHRASE) -> Path:
    file = tmp_path / "backup.tongfa"
    backing_up.make(file, passphrase=passphrase, now=NOW)
    return file


def restored(file: Path, path: Path, **more: Any) -> restoring.Restored:
    with Elsewhere(path):
        return restoring.restore(file, **{"username": "root", "passphrase": PASSPHRASE, "now": LATER, **more})


# --- round trip ----------------------------------------------------------------------------------------------


def test_all_records_come_back_as_they_were(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    """Nothing was on its way: but for what the restore itself writes down, every value is the same."""
    office.approved(article(1), now=NOW)
    before = everything()
    file = saved(tmp_path)
    wiped()
    done = restored(file, elsewhere)
    after = everything()
    for table, rows in before.items():
        if table not in {"bot_auditevent", "bot_freeze"}:
            assert after[table] == rows, table
    assert after["bot_auditevent"][: len(before["bot_auditevent"])] == before["bot_auditevent"]
    assert done.rows == sum(map(len, before.values()))
    assert done.lines == len(before["bot_auditevent"])


def test_the_chain_holds_over_the_restore_and_goes_on(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    office.approved(article(1), now=NOW)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    with Elsewhere(elsewhere):
        count, _, broken = audit.verify_chain()
        assert broken is None
        assert count == AuditEvent.objects.count()
        assert AuditEvent.objects.filter(action="home.restored", actor="root").count() == 1


def test_credentials_are_readable_with_the_keys_of_the_backup(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    from bot.services import vault

    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    with Elsewhere(elsewhere):
        one = Credential.objects.order_by("pk")[0]
        assert vault.decrypt(one.ciphertext, f"credential:{one.pk}:{one.name}").reveal()


def test_the_home_stays_live_or_rehearsal(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    wiped()
    assert restored(file, elsewhere).live is False
    with Elsewhere(elsewhere):
        assert home.facts() == home.HomeFacts(live=False, rehearsal_port=9)


def test_the_rules_of_the_database_stand_after_the_restore_and_new_numbers_come_after_the_old(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    from bot.services import wall

    office.approved(article(1), now=NOW)
    greatest = Document.objects.order_by("-pk")[0].pk
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    with Elsewhere(elsewhere):
        assert wall.lacking() == []
        wall.bring_up_to_date(clock=lambda: LATER)
        assert not AuditEvent.objects.filter(action="rules.tampered").exists()
        office.approved(article(2), now=LATER)
        assert Document.objects.order_by("-pk")[0].pk > greatest


def test_keys_kept_apart_serve_as_well(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path, passphrase="")
    shutil.copytree(settings.TONGFA.home.path / "keys", tmp_path / "kept")
    wiped()
    assert restored(file, elsewhere, passphrase="", keys=tmp_path / "kept").rows


def test_media_and_who_is_told_of_alarms_come_back(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    folder = settings.TONGFA.home.path
    (folder / "media" / "a").mkdir(parents=True)
    (folder / "media" / "a" / "图.png").write_bytes(b"picture")
    (folder / "hook.sign").write_text("a-secret-of-the-hook")
    (folder / "notify.toml").write_text('[[target]]\nname = "hook"\nkind = "webhook"\nsign_file = "hook.sign"\n')
    file = saved(tmp_path)
    with zipfile.ZipFile(file) as bundle:
        assert not any(b"a-secret-of-the-hook" in bundle.read(name) for name in bundle.namelist())
    wiped()
    restored(file, elsewhere)
    assert (elsewhere / "media" / "a" / "图.png").read_bytes() == b"picture"
    assert (elsewhere / "hook.sign").read_text() == "a-secret-of-the-hook"


# --- the file ------------------------------------------------------------------------------------------------


def test_a_backup_is_for_its_owner_alone_and_nothing_else_is_left_behind(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    file = saved(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [file]


def test_an_existing_file_is_never_overwritten(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "backup.tongfa"
    file.write_text("precious")
    with pytest.raises(Refused) as refusal:
        backing_up.make(file, passphrase="", now=NOW)
    assert refusal.value.code == "exists"
    assert file.read_text() == "precious"


def test_keys_are_left_out_unless_asked_for(office: Office, tmp_path: Path) -> None:
    file = saved(tmp_path, passphrase="")
    with zipfile.ZipFile(file) as bundle:
        assert backing_up.KEYS not in bundle.namelist()
        manifest = json.loads(bundle.read(archive.MANIFEST))
    assert manifest["keys"]["included"] is False
    audit_key = (settings.TONGFA.home.path / "keys" / "audit.key").read_bytes()
    with zipfile.ZipFile(file) as bundle:
        assert not any(audit_key in bundle.read(name) for name in bundle.namelist())


def test_a_short_passphrase_protects_nothing_and_is_refused(office: Office, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        backing_up.make(tmp_path / "x", passphrase="short", now=NOW)
    assert not (tmp_path / "x").exists()


def test_the_trail_says_that_a_backup_was_made(office: Office, tmp_path: Path) -> None:
    file = saved(tmp_path)
    line = AuditEvent.objects.get(action="home.backed_up")
    assert (line.data["file"], line.data["keys"]) == (file.name, True)


def test_a_snapshot_does_not_see_what_is_written_while_it_is_read(office: Office, tmp_path: Path) -> None:
    with snapshot.frozen_view(tmp_path) as alias:
        office.approved(article(1), now=NOW)
        assert not Document.objects.using(alias).exists()
    assert Document.objects.exists()


def test_whoever_writes_all_the_time_does_not_keep_the_copy_from_its_end(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite begins anew after every write of others: then it is done in one step."""
    monkeypatch.setattr(snapshot, "RESTARTS", -1)
    with snapshot.frozen_view(tmp_path) as alias:
        assert Person.objects.using(alias).count() == Person.objects.count()


# --- refused -------------------------------------------------------------------------------------------------


def refused(file: Path, path: Path, **more: Any) -> str:
    """The refusal's code; and nothing was restored."""
    with pytest.raises(Refused) as refusal:
        restored(file, path, **more)
    assert snapshot.filled() == []
    assert not (path / "home.json").exists()
    assert not (path / "keys" / "audit.key").exists()
    return refusal.value.code


def test_a_wrong_passphrase_restores_nothing(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    wiped()
    assert refused(file, elsewhere, passphrase="another long passphrase") == "passphrase"
    assert refused(file, elsewhere, passphrase="") == "passphrase"


def test_other_keys_restore_nothing(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path, passphrase="")
    with fresh_home(tmp_path / "stranger"):
        pass
    wiped()
    assert refused(file, elsewhere, passphrase="", keys=tmp_path / "stranger" / "keys") == "wrong_key"
    assert refused(file, elsewhere, passphrase="") == "no_keys"


def rewritten(file: Path, change: Any) -> Path:
    """The same archive with parts replaced."""
    with zipfile.ZipFile(file) as bundle:
        parts = {name: bundle.read(name) for name in bundle.namelist()}
    change(parts)
    other = file.with_suffix(".changed")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in parts.items():
            bundle.writestr(name, data)
    return other


def test_a_part_that_was_altered_is_found(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    office.approved(article(1), now=NOW)
    file = saved(tmp_path)

    def change(parts: dict[str, bytes]) -> None:
        parts["tables/bot_person.jsonl"] = parts["tables/bot_person.jsonl"].replace("吴管".encode(), "某某".encode())

    wiped()
    assert refused(rewritten(file, change), elsewhere) == "tampered"


def test_a_manifest_that_was_made_to_fit_the_altered_part_is_found(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    file = saved(tmp_path)

    def change(parts: dict[str, bytes]) -> None:
        name = "tables/bot_person.jsonl"
        parts[name] = parts[name].replace("吴管".encode(), "某某".encode())
        manifest = json.loads(parts[archive.MANIFEST])
        manifest["parts"][name]["sha256"] = archive.digest([parts[name]])
        parts[archive.MANIFEST] = json.dumps(manifest).encode()

    wiped()
    assert refused(rewritten(file, change), elsewhere) == "tampered"


def test_parts_that_are_lacking_or_added_are_found(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    wiped()
    lacking = rewritten(file, lambda parts: parts.pop("tables/bot_freeze.jsonl"))
    assert refused(lacking, elsewhere) == "tampered"
    added = rewritten(file, lambda parts: parts.update({"media/more": b"x"}))
    assert refused(added, elsewhere) == "tampered"


def inside_a_part(file: Path, at: float) -> int:
    """Where the bytes of one of the parts lie. (Of what stands twice in a zip, names and lengths, the other copy counts.)"""
    with zipfile.ZipFile(file) as archive:
        parts = [part for part in archive.infolist() if part.compress_size >= 64]
    part = sorted(parts, key=lambda one: one.header_offset)[int(len(parts) * at)]
    return part.header_offset + 30 + len(part.filename.encode()) + part.compress_size // 2 - 8


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_damaged_file_restores_nothing(at: float, office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    data = bytearray(file.read_bytes())
    place = inside_a_part(file, at)
    data[place : place + 16] = bytes(byte ^ 0xFF for byte in data[place : place + 16])
    file.write_bytes(bytes(data))
    wiped()
    assert refused(file, elsewhere) in {"damaged", "tampered"}


@pytest.mark.parametrize("more", [lambda data: data + b"x", lambda data: b"x" + data, lambda data: data + data])
def test_a_file_with_something_before_or_behind_it_restores_nothing(
    more: Callable[[bytes], bytes], office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    file = saved(tmp_path)
    file.write_bytes(more(file.read_bytes()))
    wiped()
    assert refused(file, elsewhere) in {"damaged", "tampered"}


def test_what_is_no_backup_is_refused(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "x").write_text("no backup")
    wiped()
    assert refused(tmp_path / "x", elsewhere) == "damaged"
    assert refused(tmp_path / "nowhere", elsewhere) == "unreadable"


def test_a_backup_of_another_schema_is_refused_and_says_what_to_do(
    office: Office, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing_up, "migrations", lambda: ["0001_initial"])
    file = saved(tmp_path)
    wiped()
    with pytest.raises(Refused, match="请用备份时的版本恢复") as refusal:
        restored(file, elsewhere)
    assert refusal.value.code == "version"


def test_a_broken_chain_in_the_backup_is_refused(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    """It was altered in the database before the backup: every hash of the file is right."""
    office.approved(article(1), now=NOW)
    drop_rules(event="UPDATE")
    AuditEvent.objects.filter(sequence=2).update(actor="somebody")
    file = saved(tmp_path)
    wiped()
    assert refused(file, elsewhere) == "chain"


def test_a_home_or_a_database_that_is_in_use_is_not_touched(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    office.approved(article(1), now=NOW)
    file = saved(tmp_path)
    before = everything()
    with pytest.raises(Refused) as in_database:
        restored(file, elsewhere)
    with pytest.raises(Refused) as in_home:
        restoring.restore(file, username="root", passphrase=PASSPHRASE, now=LATER)
    assert (in_database.value.code, in_home.value.code) == ("not_empty", "not_empty")
    assert everything() == before


def test_only_a_system_administrator_of_the_backup_restores_it(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    wiped()
    assert refused(file, elsewhere, username="releaser") == "role"


def test_a_fault_in_the_middle_leaves_nothing(
    office: Office, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path)
    wiped()

    def fails(**_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(reconciling, "reconcile", fails)
        with pytest.raises(sqlite3.OperationalError):
            restored(file, elsewhere)
    assert snapshot.filled() == []
    assert not (elsewhere / "home.json").exists()
    assert restored(file, elsewhere).rows


# --- the records are older than the world -------------------------------------------------------------------


def at_the_backup(office: Office, state: State, **columns: Any) -> Release:
    """A signed release whose Weibo push stood so when the backup was made."""
    release = office.signed(office.approved(article(1), now=NOW), on=[office.weibo], now=NOW)
    force(Publication.objects.filter(release=release), state, **columns)
    return release


def test_every_unit_is_frozen_and_the_duty_desk_and_the_doctor_say_why(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    from bot.console import board

    at_the_backup(office, State.STAGED)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    with Elsewhere(elsewhere):
        [freeze] = Freeze.objects.all()
        assert freeze.reason.startswith("从备份恢复（备份于 2026-11-23 09:00:00）")
        shown = board.frozen(freeze.unit)
        assert shown is not None
        assert "1 条可能已经发出，正在向平台核对" in shown.answer
        [check] = [one for one in health.examine(now=LATER, ask_platforms=False) if one.code == "restored"]
        assert (check.ok, check.warning) == (False, True)
        assert "到各平台后台核对" in check.remedy


@pytest.mark.parametrize("state", [State.PLANNED, State.BLOCKED, State.STAGED, State.HELD, State.ARMED])
def test_what_was_due_before_the_restore_is_looked_up_and_not_sent(
    state: State, office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    release = at_the_backup(office, state)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    one = publication(release, office.weibo)
    assert one.status is State.UNKNOWN
    assert one.doubt
    assert "请不要手工补发" in one.reason
    assert (one.next_at, one.stop_event, one.stop_by) == (LATER, "hold", "restore")


def test_what_the_restore_put_in_doubt_is_counted_until_it_is_settled_whatever_was_seen_of_it(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    """The first look writes another reason; lifting the freeze ends nothing."""
    at_the_backup(office, State.ARMED)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    with Elsewhere(elsewhere):
        Publication.objects.filter(state=State.UNKNOWN).update(reason="平台上没有找到，继续核对。")
        left = reconciling.standing()
        assert left is not None
        assert (left.looked_up, left.unclear) == (1, 1)
        assert "还有 1 条推送没有核对清楚" in left.warning
        stops.unfreeze(Release.objects.get().unit, person=Person.objects.get(username="releaser"), now=LATER)
        [check] = [one for one in health.examine(now=LATER, ask_platforms=False) if one.code == "restored"]
        assert "0 个单位仍停发，1 条正在核对" in check.message
        Publication.objects.filter(state=State.UNKNOWN).update(state=State.NEEDS_PERSON)
        assert reconciling.standing().for_a_person == 1  # type: ignore[union-attr]
        Publication.objects.update(state=State.CANCELLED)
        assert reconciling.standing().over  # type: ignore[union-attr]


def test_what_was_on_its_way_at_the_backup_is_in_doubt(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    from tests.console.world import attempt

    release = at_the_backup(office, State.SENDING)
    attempt(publication(release, office.weibo))
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    one = publication(release, office.weibo)
    assert one.status is State.UNKNOWN
    assert [made.outcome for made in one.attempts.all()] == ["unknown"]


def test_what_is_still_to_come_is_held_until_a_releaser_resumes_it_and_is_staged_anew(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    release = at_the_backup(office, State.STAGED, staged={"draft": "old"}, since="17")
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere, now=NOW + HALF_HOUR / 2)
    one = publication(release, office.weibo)
    assert (one.status, one.staged, one.since) == (State.HELD, {}, "")
    with Elsewhere(elsewhere):
        later = NOW + HALF_HOUR / 2
        release = Release.objects.get(pk=release.pk)
        with pytest.raises(Refused, match="停发"):
            stops.resume(release, person=office.people["releaser"], now=later)
        stops.unfreeze(office.unit, person=office.people["releaser"], now=later)
        assert publication(release, office.weibo).status is State.HELD
        assert stops.resume(release, person=office.people["releaser"], now=later) == 1
        assert reconciling.standing().over  # type: ignore[union-attr]


@pytest.mark.parametrize("state", [State.NEEDS_PERSON, State.MISSED])
def test_what_stood_before_a_person_is_in_doubt_again(
    state: State, office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    release = at_the_backup(office, state, reason="平台拒绝：内容含非法网址。")
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    one = publication(release, office.weibo)
    assert (one.status, one.doubt) == (state, True)
    assert "先到平台后台核对" in one.reason
    assert "内容含非法网址" in one.reason


def test_what_was_settled_stays_as_it_was(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    release = at_the_backup(office, State.CANCELLED)
    file = saved(tmp_path)
    wiped()
    assert restored(file, elsewhere).reconciled.looked_up == 0
    assert publication(release, office.weibo).status is State.CANCELLED


def test_what_was_not_signed_at_the_backup_may_have_been_since(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    release = office.planned(office.approved(article(1), now=NOW), on=[office.weibo], now=NOW)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    one = publication(release, office.weibo)
    assert (one.status, one.doubt) == (State.PLANNED, True)
    assert "签发之前请先到平台后台核对" in one.reason


def test_a_freeze_that_stood_in_the_backup_stands_on(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发事件", now=NOW)
    file = saved(tmp_path)
    wiped()
    restored(file, elsewhere)
    assert [freeze.reason for freeze in Freeze.objects.all()] == ["突发事件"]
    assert connection.vendor in {"sqlite", "postgresql"}
