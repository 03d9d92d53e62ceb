"""Rules that hold even against a program error or a hand in the database: triggers on SQLite and PostgreSQL.

Four eyes, insert-only evidence, and "no attempt without signature and approvals of these very hashes, at
every position". One list serves both databases; they are reinstalled after each migration and compared
at start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bot.domain.delivery import FOR_A_PERSON, STOPPABLE, TRANSITIONS, State
from bot.domain.engine import withdrawing

from . import rules_again, rules_by_hand, rules_kept, rules_people, rules_urgent
from .structure import absent


@dataclass(frozen=True, slots=True)
class Rule:
    """A trigger: when `condition` holds for NEW/OLD, the statement is refused with `message`."""

    name: str
    table: str
    event: str  # INSERT, UPDATE, DELETE; on PostgreSQL also TRUNCATE
    condition: str
    message: str


_PASSES = (
    "(SELECT COUNT(DISTINCT r.person_id) FROM bot_review r WHERE r.edition_id = {edition} "
    "AND r.verdict = 'pass' AND r.content_hash = {hash})"
)
_STEPS = "(SELECT {array_length}(u.steps) FROM bot_unit u JOIN bot_document d ON d.unit_id = u.id WHERE d.id = NEW.document_id)"
_SIGNED = (
    "EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
    "WHERE p.id = {publication} AND r.signed_at IS NOT NULL AND r.cancelled_at IS NULL)"
)

#: What people have decided on does not change: while the signature stands, and from when the push began to leave.
_FIXED = (
    "(EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
    "WHERE p.id = {publication} AND (r.signed_at IS NOT NULL OR p.state NOT IN ('planned', 'held'))))"
)

#: The same edition goes to the same account again only when no call of this push can have reached the platform.
_MAY_HAVE_LEFT = (
    "EXISTS (SELECT 1 FROM bot_attempt t WHERE t.publication_id = OLD.publication_id AND t.outcome <> 'not_sent')"
)
_CALLED_OFF = "EXISTS (SELECT 1 FROM bot_publication p WHERE p.id = OLD.publication_id AND p.state = 'cancelled')"

#: Whose account was taken out of use decides nothing any more.
_ACTIVE = "EXISTS (SELECT 1 FROM bot_person h WHERE h.id = {person} AND h.is_active = {{true}})"

#: An author of edition e, by whichever hand it came in.
_AUTHOR = "(e.author_id = {person} OR e.submitted_by_id = {person})"


def _listed(states: Iterable[State]) -> str:
    return ", ".join(sorted(f"'{state}'" for state in states))


#: Two people sent it again: the one step that gives a publication another instant, and never an earlier one.
_SENT_AGAIN = f"(OLD.state IN ({_listed(FOR_A_PERSON)}) AND NEW.state = 'planned' AND NEW.instant >= OLD.instant)"
#: A CROSS JOIN keeps its order on SQLite: the items of one push first, however few editions old statistics speak of.
#: What the manifest says of one push, against its items and the attempt's hashes, position by position.
_AS_SIGNED = (
    "EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
    "JOIN bot_account a ON a.id = p.account_id JOIN {entries} ON 1 = 1 WHERE p.id = NEW.publication_id "
    "AND {entry_account} = a.slug AND {entry_lane} = p.lane AND {entry_mode} = p.mode "
    "AND {array_length}({entry_items}) = {array_length}(NEW.payload_hashes) "
    "AND {array_length}({entry_items}) = (SELECT COUNT(*) FROM bot_item i WHERE i.publication_id = p.id) "
    "AND NOT EXISTS (SELECT 1 FROM bot_item i CROSS JOIN bot_edition e "
    "WHERE e.id = i.edition_id AND i.publication_id = p.id AND (COALESCE({hash_here}, '') <> i.payload_hash "
    "OR COALESCE({entry_payload_here}, '') <> i.payload_hash "
    "OR COALESCE({entry_edition_here}, '') <> e.content_hash)))"
)

#: What may still leave of the release that is being signed, and how much of it the manifest names with these very items.
#: The manifest is walked once (SQLite keeps the order of a CROSS JOIN), so a release of thousands is signed in one pass.
_TO_GO = (
    "(SELECT COUNT(*) FROM bot_publication p WHERE p.release_id = NEW.id "
    f"AND p.state IN ({_listed(STOPPABLE | {State.HELD})}))"
)
_NAMED = (
    "(SELECT COUNT(DISTINCT p.id) FROM {entries_signed} CROSS JOIN bot_account a CROSS JOIN bot_publication p "
    "WHERE a.slug = {entry_account} AND p.release_id = NEW.id AND p.account_id = a.id AND p.lane = {entry_lane} "
    f"AND p.state IN ({_listed(STOPPABLE | {State.HELD})}) "
    "AND p.mode = {entry_mode} "
    "AND {array_length}({entry_items}) = (SELECT COUNT(*) FROM bot_item i WHERE i.publication_id = p.id) "
    "AND NOT EXISTS (SELECT 1 FROM bot_item i CROSS JOIN bot_edition e "
    "WHERE e.id = i.edition_id AND i.publication_id = p.id AND (COALESCE({entry_payload_here}, '') <> i.payload_hash "
    "OR COALESCE({entry_edition_here}, '') <> e.content_hash)))"
)

#: Pushes up to which each attempt is compared with the manifest once more: beyond, the walk through a manifest of
#: thousands for each of thousands would eat up the seconds before T. What the manifest names was compared with every
#: push of a release, large or small, when it was signed, and nothing of it changes from then on.
WALKED = 300
_SMALL_RELEASE = (
    "(SELECT COUNT(*) FROM (SELECT 1 FROM bot_publication q WHERE q.release_id = "
    "(SELECT p.release_id FROM bot_publication p WHERE p.id = NEW.publication_id) "
    f"LIMIT {WALKED + 1}) counted) <= {WALKED}"
)


def _taken(table: str, *keys: str, where: str = "", but: str = "") -> str:
    """Whether another row has the new one's value of any of these keys (columns joined by "+")."""
    more = (f" AND k.{where}" if where else "") + (f" AND k.id <> {but}" if but else "")
    return " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} k WHERE "
        + " AND ".join(f"k.{column} = NEW.{column}" for column in key.split("+"))
        + f"{more})"
        for key in keys
    )


def _changed(key: str) -> str:
    return " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in key.split("+"))


def _not_replaced(what: str, message: str, *keys: str, where: str = "", name: str = "not_replaced") -> Rule:
    """No row is put into the place of another, whichever of these keys they share.

    On SQLite a REPLACE deletes what stands in its way without a word, on a connection that did not ask for
    recursive_triggers. `where`: a partial unique index, as "column = value".
    """
    new = f"NEW.{where} AND " if where else ""
    return Rule(
        f"{what}_{name}", f"bot_{what}", "INSERT", f"{new}({_taken(f'bot_{what}', *keys, where=where)})", message
    )


def _not_moved_over(what: str, message: str, *keys: str) -> Rule:
    """The same for UPDATE OR REPLACE, where the keys of a row may change at all."""
    table = f"bot_{what}"
    moved = (f"(({_changed(key)}) AND {_taken(table, key, but='OLD.id')})" for key in keys)
    return Rule(f"{what}_not_moved_over", table, "UPDATE", " OR ".join(moved), message)


#: What an attempt says before anything has left. The rest is its answer.
_INTENT = (
    "id", "publication_id", "account_id", "batch_id", "number", "kind", "fence", "owner", "key", "payload_hashes",
    "intent_at", "send_by",
)  # fmt: skip

#: the delivery table's arrows, as the text that a trigger compares
_ARROWS = ", ".join(sorted({f"'{state}>{target}'" for (state, _), target in TRANSITIONS.items()}))

#: the same for taking down
_WITHDRAWING = ", ".join(
    sorted(f"'{stage}>{target}'" for stage, targets in withdrawing.ARROWS.items() for target in targets)
)
#: What two people have decided on: confirmed by another than asked.
_BY_TWO = (
    "EXISTS (SELECT 1 FROM bot_takedown t JOIN bot_withdrawal w ON w.id = t.withdrawal_id "
    "WHERE {takedown} AND w.confirmed_at IS NOT NULL AND w.confirmed_by_id <> w.asked_by_id)"
)
_CALL_INTENT = ("id", "takedown_id", "number", "fence", "intent_at")
_DECIDED = (
    "release_id",
    "reason",
    "notice_kind",
    "notice",
    "asked_by_id",
    "asked_at",
    "confirmed_by_id",
    "confirmed_at",
)

#: Last in line on SQLite, which asks the newest trigger first: whoever breaks another rule as well hears of that one.
_UNREPLACED = (
    _not_replaced("review", "reviews are insert-only", "id"),
    _not_replaced("review", "unique: review_one_per_step", "edition_id+step", name="one_per_step"),
    _not_replaced("review", "unique: review_one_step_per_person", "edition_id+person_id", name="one_step_per_person"),
    _not_replaced("edition", "unique: editions are not replaced", "id", "document_id+number", "marker"),
    _not_moved_over("edition", "unique: editions are not replaced", "id", "marker"),
    _not_replaced("postrecord", "unique: rendered posts are not replaced", "id", "edition_id+account_id"),
    _not_replaced("waiver", "unique: waivers are not replaced", "id", "document_id+rule"),
    _not_moved_over("waiver", "unique: waivers are not replaced", "id", "document_id+rule"),
    _not_replaced("release", "unique: releases are not replaced", "id", "urgency_id"),
    _not_moved_over("release", "unique: releases are not replaced", "id"),
    _not_replaced("urgency", "unique: urgent notices are not replaced", "id"),
    _not_replaced("urgency", "unique: urgency_once", "edition_id", where="ended_at IS NULL", name="once"),
    _not_moved_over("urgency", "unique: urgent notices are not replaced", "id"),
    _not_replaced("urgentword", "unique: a word stays given", "id", "urgency_id+place", "urgency_id+person_id"),
    _not_replaced("publication", "unique: pushes are not replaced", "id", "key", "release_id+account_id+lane"),
    _not_moved_over("publication", "unique: pushes are not replaced", "id", "key", "release_id+account_id+lane"),
    _not_replaced("item", "unique: items are not replaced", "id", "publication_id+position"),
    _not_replaced(
        "item", "unique: item_edition_once_per_account", "edition_id+account_id", where="active = {true}", name="once"
    ),
    _not_moved_over("item", "unique: items are not replaced", "id", "publication_id+position"),
    _not_replaced("portalgate", "unique: gates are not replaced", "id", "release_id"),
    _not_moved_over("portalgate", "unique: gates are not replaced", "id"),
    _not_replaced("freeze", "unique: freezes are not replaced", "id"),
    _not_replaced("freeze", "unique: freeze_once", "unit_id", where="lifted_at IS NULL", name="once"),
    _not_moved_over("freeze", "unique: freezes are not replaced", "id"),
    _not_replaced("attempt", "unique: attempts are append-only", "id", "publication_id+number"),
    _not_replaced(
        "attempt", "unique: attempt_single_flight", "publication_id", where="outcome = ''", name="single_flight"
    ),
    _not_replaced(
        "attempt", "unique: attempt_one_per_account", "account_id", where="outcome = ''", name="one_per_account"
    ),
    _not_replaced("takedowncall", "calls that delete are append-only", "id", "takedown_id+number"),
    _not_replaced(
        "takedowncall", "unique: one call at a time", "takedown_id", where="outcome = ''", name="single_flight"
    ),
    _not_replaced("manualpost", "unique: the book of manual posts is append-only", "id", "corrects_id"),
    _not_replaced("manualvoid", "unique: a voided entry stays void", "id", "post_id"),
    _not_replaced("manualtask", "unique: tasks are not replaced", "id", "release_id+account_id+lane+position"),
    _not_replaced("attachmentfile", "unique: kept files are not replaced", "sha256"),
)

RULES: tuple[Rule, ...] = (
    *(Rule(*line) for line in rules_people.RULES),  # asked after all the others on SQLite
    *(Rule(*line) for line in rules_again.RULES),
    *_UNREPLACED,
    *(Rule(*line) for line in rules_by_hand.RULES),
    *(Rule(*line) for line in rules_kept.RULES),
    Rule(
        "review_four_eyes",
        "bot_review",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_edition e WHERE e.id = NEW.edition_id AND "
        "(e.author_id = NEW.person_id OR e.submitted_by_id = NEW.person_id))",
        "author may not review",
    ),
    Rule(
        "review_of_these_bytes",
        "bot_review",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_edition e WHERE e.id = NEW.edition_id AND e.content_hash = NEW.content_hash "
        "AND e.state IN ('submitted', 'first_passed', 'second_passed'))",
        "review needs an edition under review and its hash",
    ),
    Rule(
        "review_by_who_is_active",
        "bot_review",
        "INSERT",
        "NOT " + _ACTIVE.format(person="NEW.person_id"),
        "who is taken out of use does not review",
    ),
    Rule("review_kept", "bot_review", "UPDATE", "1 = 1", "reviews are insert-only"),
    Rule("review_not_deleted", "bot_review", "DELETE", "1 = 1", "reviews are insert-only"),
    Rule("audit_kept", "bot_auditevent", "UPDATE", "1 = 1", "the audit trail is append-only"),
    Rule("audit_not_deleted", "bot_auditevent", "DELETE", "1 = 1", "the audit trail is append-only"),
    Rule(  # SQLite: a REPLACE deletes without a word on a connection that did not ask for recursive_triggers
        "audit_not_replaced",
        "bot_auditevent",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_auditevent a WHERE a.sequence = NEW.sequence)",
        "the audit trail is append-only",
    ),
    Rule("edition_starts_as_draft", "bot_edition", "INSERT", "NEW.state <> 'drafting'", "editions start as drafts"),
    Rule(
        "edition_immutable",
        "bot_edition",
        "UPDATE",
        "NEW.content_hash <> OLD.content_hash OR NEW.content <> OLD.content OR NEW.title <> OLD.title "
        "OR NEW.document_id <> OLD.document_id OR NEW.number <> OLD.number OR NEW.author_id <> OLD.author_id "
        "OR (OLD.marker IS NOT NULL AND (NEW.marker IS NULL OR NEW.marker <> OLD.marker)) "
        "OR (OLD.submitted_by_id IS NOT NULL "
        "AND (NEW.submitted_by_id IS NULL OR NEW.submitted_by_id <> OLD.submitted_by_id))",
        "an edition does not change",
    ),
    Rule(
        "edition_superseded_for_good",
        "bot_edition",
        "UPDATE",
        "OLD.state = 'superseded' AND NEW.state <> 'superseded'",
        "a superseded edition does not come back",
    ),
    Rule(
        "edition_approval_earned",
        "bot_edition",
        "UPDATE",
        "NEW.state = 'approved' AND OLD.state <> 'approved' AND ("
        + _PASSES.format(edition="NEW.id", hash="NEW.content_hash")
        + " < 2 OR "
        + _PASSES.format(edition="NEW.id", hash="NEW.content_hash")
        + " < "
        + _STEPS
        + " OR EXISTS (SELECT 1 FROM bot_review r WHERE r.edition_id = NEW.id AND r.verdict = 'return'))",
        "approval needs every step, by different people",
    ),
    Rule(
        "edition_policy_has_pair",
        "bot_edition",
        "UPDATE",
        "NEW.state = 'approved' AND OLD.state <> 'approved' AND EXISTS ("
        "SELECT 1 FROM bot_document d WHERE d.id = NEW.document_id AND d.is_policy = {true} "
        "AND NOT EXISTS (SELECT 1 FROM bot_document i WHERE i.interprets_id = d.id) "
        "AND NOT EXISTS (SELECT 1 FROM bot_waiver w WHERE w.document_id = d.id AND w.rule = 'pairing'))",
        "a policy needs its interpretation or a waiver",
    ),
    Rule("post_kept", "bot_postrecord", "UPDATE", "1 = 1", "a rendered post does not change"),
    Rule("post_not_deleted", "bot_postrecord", "DELETE", "1 = 1", "a rendered post is not taken away"),
    Rule("waiver_not_deleted", "bot_waiver", "DELETE", "1 = 1", "a waiver is not taken away"),
    Rule(
        "freeze_lifted_by_a_person",
        "bot_freeze",
        "UPDATE",
        "NEW.lifted_at IS NOT NULL AND NEW.lifted_by_id IS NULL",
        "a freeze is lifted by a person",
    ),
    Rule(
        "freeze_kept",
        "bot_freeze",
        "UPDATE",
        "(OLD.lifted_at IS NOT NULL AND NEW.lifted_at {differs} OLD.lifted_at) OR NEW.unit_id <> OLD.unit_id OR NEW.person_id <> OLD.person_id OR NEW.at <> OLD.at "
        "OR NEW.reason <> OLD.reason",
        "a freeze is lifted, and does not change otherwise",
    ),
    Rule("freeze_not_deleted", "bot_freeze", "DELETE", "1 = 1", "a freeze is lifted, not taken away"),
    Rule(
        "item_signed_bytes_kept",
        "bot_item",
        "UPDATE",
        "OLD.payload_hash <> '' AND (NEW.payload_hash <> OLD.payload_hash OR NEW.payload IS NULL "
        "OR NEW.payload <> OLD.payload OR NEW.publication_id <> OLD.publication_id OR NEW.position <> OLD.position "
        "OR NEW.account_id <> OLD.account_id OR NEW.edition_id <> OLD.edition_id OR NEW.post_id <> OLD.post_id) "
        "AND " + _FIXED.format(publication="OLD.publication_id"),
        "signed bytes do not change while the signature stands",
    ),
    Rule(
        "item_starts_active", "bot_item", "INSERT", "NEW.active <> {true}", "an item holds its edition from the start"
    ),
    Rule(
        "item_freed_when_called_off",
        "bot_item",
        "UPDATE",
        f"OLD.active = {{true}} AND NEW.active <> OLD.active AND (NOT {_CALLED_OFF} OR {_MAY_HAVE_LEFT})",
        "an edition is free again only when its push was called off and nothing of it can have left",
    ),
    Rule(
        "item_kept_once_begun",
        "bot_item",
        "UPDATE",
        "(NEW.edition_id <> OLD.edition_id OR NEW.account_id <> OLD.account_id "
        f"OR NEW.publication_id <> OLD.publication_id) AND {_MAY_HAVE_LEFT}",
        "what may have left stays with its edition, its account and its push",
    ),
    Rule(
        "item_not_taken_out_once_begun",
        "bot_item",
        "DELETE",
        _MAY_HAVE_LEFT,
        "what may have left is not taken out",
    ),
    Rule(
        "item_not_added_after_signing",
        "bot_item",
        "INSERT",
        _FIXED.format(publication="NEW.publication_id"),
        "what is added needs a new signature",
    ),
    Rule(
        "item_not_moved_in_after_signing",
        "bot_item",
        "UPDATE",
        "NEW.publication_id <> OLD.publication_id AND " + _FIXED.format(publication="NEW.publication_id"),
        "what is added needs a new signature",
    ),
    Rule(
        "item_not_taken_out_after_signing",
        "bot_item",
        "DELETE",
        _FIXED.format(publication="OLD.publication_id"),
        "what is taken out needs a new signature",
    ),
    Rule(
        "publication_not_added_after_signing",
        "bot_publication",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_release r WHERE r.id = NEW.release_id AND r.signed_at IS NOT NULL)",
        "what is added needs a new signature",
    ),
    Rule(
        "publication_not_taken_out_after_signing",
        "bot_publication",
        "DELETE",
        "EXISTS (SELECT 1 FROM bot_release r WHERE r.id = OLD.release_id AND r.signed_at IS NOT NULL)",
        "what is taken out needs a new signature",
    ),
    Rule(
        "release_starts_unsigned",
        "bot_release",
        "INSERT",
        "NEW.signed_at IS NOT NULL OR NEW.signed_by_id IS NOT NULL",
        "a release starts without a signature",
    ),
    Rule(
        "release_signed_as_its_manifest_says",
        "bot_release",
        "UPDATE",
        "OLD.signed_at IS NULL AND NEW.signed_at IS NOT NULL AND ("
        f"{_TO_GO} <> COALESCE({{length_signed}}, 0) OR {_TO_GO} <> {_NAMED})",
        "what is signed is what the manifest names, push by push and position by position",
    ),
    Rule(
        "release_cancelled_for_good",
        "bot_release",
        "UPDATE",
        "OLD.cancelled_at IS NOT NULL AND NEW.cancelled_at IS NULL",
        "a release that was called off does not come back",
    ),
    Rule(
        "attempt_of_its_push",
        "bot_attempt",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_publication p WHERE p.id = NEW.publication_id "
        "AND p.account_id = NEW.account_id AND p.key = NEW.key)",
        "an attempt has the account and the key of its push",
    ),
    Rule(
        "attempt_of_what_is_about_to_leave",
        "bot_attempt",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_publication p WHERE p.id = NEW.publication_id "
        "AND p.state = CASE NEW.kind WHEN 'probe' THEN 'unknown' ELSE 'armed' END)",
        "no attempt of a push that is not about to leave",
    ),
    Rule(
        "attempt_after_its_signature",
        "bot_attempt",
        "INSERT",
        "NEW.send_by < NEW.intent_at OR EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r "
        "ON r.id = p.release_id WHERE p.id = NEW.publication_id AND NEW.intent_at < r.signed_at)",
        "an intent comes after its signature",
    ),
    Rule(
        "attempt_signed",
        "bot_attempt",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
        "WHERE p.id = NEW.publication_id AND r.signed_at IS NOT NULL AND r.cancelled_at IS NULL "
        "AND r.manifest_hash <> '')",
        "no attempt without a signature",
    ),
    Rule(
        "attempt_approved_at_every_position",
        "bot_attempt",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_item i WHERE i.publication_id = NEW.publication_id) "
        "OR {array_length}(NEW.payload_hashes) <> "
        "(SELECT COUNT(*) FROM bot_item i WHERE i.publication_id = NEW.publication_id) OR EXISTS ("
        "SELECT 1 FROM bot_item i CROSS JOIN bot_edition e "
        "WHERE e.id = i.edition_id AND i.publication_id = NEW.publication_id AND (i.payload_hash = '' OR "
        "COALESCE({hash_here}, '') <> i.payload_hash OR ((e.state <> 'approved' OR "
        + _PASSES.format(edition="e.id", hash="e.content_hash")
        + f" < 2) AND NOT {rules_urgent.CARRIED})))",
        "no attempt without approvals of these very bytes, at every position",
    ),
    Rule(
        "attempt_named_in_the_manifest",
        "bot_attempt",
        "INSERT",
        f"{_SIGNED.format(publication='NEW.publication_id')} AND {_SMALL_RELEASE} AND NOT {_AS_SIGNED}",
        "no attempt of other bytes than the signed manifest names, at every position",
    ),
    Rule(
        "attempt_not_signed_by_an_author",
        "bot_attempt",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
        "CROSS JOIN bot_item i CROSS JOIN bot_edition e "
        "WHERE p.id = NEW.publication_id AND i.publication_id = p.id AND e.id = i.edition_id AND "
        + _AUTHOR.format(person="r.signed_by_id")
        + ")",
        "author may not sign",
    ),
    Rule(
        "attempt_not_frozen",
        "bot_attempt",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_freeze f JOIN bot_release r ON r.unit_id = f.unit_id "
        "JOIN bot_publication p ON p.release_id = r.id WHERE p.id = NEW.publication_id AND f.lifted_at IS NULL)",
        "frozen",
    ),
    Rule(
        "attempt_not_before_the_portal",
        "bot_attempt",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
        "WHERE p.id = NEW.publication_id AND r.sync <> 'at_time' AND NOT EXISTS ("
        "SELECT 1 FROM bot_portalgate g WHERE g.release_id = r.id AND g.state IN ('open', 'waived')))",
        "no attempt before the portal page is live",
    ),
    Rule("gate_not_deleted", "bot_portalgate", "DELETE", "1 = 1", "a gate is not taken away"),
    Rule(
        "gate_stays_with_its_release",
        "bot_portalgate",
        "UPDATE",
        "NEW.release_id <> OLD.release_id",
        "a gate belongs to one release",
    ),
    Rule(
        "gate_decided_by_a_person",
        "bot_portalgate",
        "UPDATE",
        "OLD.state IN ('asking', 'held') AND NEW.state = 'waived' AND NEW.decided_by_id IS NULL",
        "a person decides when time was up",
    ),
    Rule(
        "release_policy_kept_while_signed",
        "bot_release",
        "UPDATE",
        "OLD.signed_at IS NOT NULL AND NEW.signed_at IS NOT NULL AND (NEW.sync <> OLD.sync "
        "OR (NEW.policy IS NULL) <> (OLD.policy IS NULL) OR NEW.policy <> OLD.policy)",
        "another sync policy needs a new signature",
    ),
    Rule(
        "release_signer_four_eyes",
        "bot_release",
        "UPDATE",
        "NEW.signed_by_id IS NOT NULL AND (OLD.signed_at IS NULL OR NEW.signed_by_id {differs} OLD.signed_by_id) "
        "AND EXISTS (SELECT 1 FROM bot_publication p JOIN bot_item i ON i.publication_id = p.id "
        "JOIN bot_edition e ON e.id = i.edition_id WHERE p.release_id = NEW.id "
        f"AND p.state IN ({_listed(STOPPABLE | {State.HELD})}) AND " + _AUTHOR.format(person="NEW.signed_by_id") + ")",
        "author may not sign",
    ),
    Rule(
        "release_signed_by_who_is_active",
        "bot_release",
        "UPDATE",
        "NEW.signed_by_id IS NOT NULL AND (OLD.signed_at IS NULL OR NEW.signed_by_id {differs} OLD.signed_by_id) "
        "AND NOT " + _ACTIVE.format(person="NEW.signed_by_id"),
        "who is taken out of use does not sign",
    ),
    Rule(
        "release_kept_while_signed",
        "bot_release",
        "UPDATE",
        "OLD.signed_at IS NOT NULL AND NEW.signed_at IS NOT NULL AND (NEW.manifest {differs} OLD.manifest "
        "OR NEW.manifest_hash <> OLD.manifest_hash OR NEW.instant <> OLD.instant OR NEW.unit_id <> OLD.unit_id "
        "OR NEW.signed_at <> OLD.signed_at OR NEW.signed_by_id {differs} OLD.signed_by_id)",
        "what was signed does not change while the signature stands",
    ),
    Rule(
        "attempt_starts_open",
        "bot_attempt",
        "INSERT",
        "NEW.outcome <> ''",
        "an attempt starts without an outcome: intent before effect",
    ),
    Rule(
        "attempt_intent_kept",
        "bot_attempt",
        "UPDATE",
        " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in _INTENT),
        "an intent does not change",
    ),
    Rule("attempt_outcome_kept", "bot_attempt", "UPDATE", "OLD.outcome <> ''", "an outcome is written once"),
    Rule("attempt_not_deleted", "bot_attempt", "DELETE", "1 = 1", "attempts are append-only"),
    Rule(
        "publication_follows_the_table",
        "bot_publication",
        "UPDATE",
        "NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (" + _ARROWS + ")",
        "no such step in the delivery table",
    ),
    Rule(
        "publication_kept_while_signed",
        "bot_publication",
        "UPDATE",
        "(NEW.release_id <> OLD.release_id OR NEW.account_id <> OLD.account_id OR NEW.mode <> OLD.mode "
        "OR NEW.lane <> OLD.lane OR ((NEW.key <> OLD.key OR NEW.instant <> OLD.instant "
        f"OR NEW.not_before < OLD.not_before) AND NOT {_SENT_AGAIN}) "
        "OR COALESCE(NEW.promised_at, NEW.instant) <> COALESCE(OLD.promised_at, OLD.instant)) "
        "AND EXISTS (SELECT 1 FROM bot_release r WHERE r.id IN (OLD.release_id, NEW.release_id) "
        "AND r.signed_at IS NOT NULL)",
        "what was signed does not change while the signature stands",
    ),
    Rule(
        "publication_starts_planned",
        "bot_publication",
        "INSERT",
        "NEW.state <> 'planned'",
        "publications start as planned",
    ),
    Rule(
        "publication_live_needs_ids",
        "bot_publication",
        "UPDATE",
        "NEW.state = 'live' AND OLD.state <> 'live' AND EXISTS ("
        "SELECT 1 FROM bot_item i WHERE i.publication_id = NEW.id AND i.platform_id = '')",
        "live needs a platform id at every position",
    ),
    Rule(
        "publication_withdrawn_by_two",
        "bot_publication",
        "UPDATE",
        "NEW.state = 'withdrawn' AND OLD.state <> 'withdrawn' AND (NOT "
        + _BY_TWO.format(takedown="t.publication_id = NEW.id")
        + " OR EXISTS (SELECT 1 FROM bot_item i WHERE i.publication_id = NEW.id AND i.withdrawn_at IS NULL))",
        "withdrawn needs two people, and every article down",
    ),
    Rule(
        "withdrawal_kept_once_decided",
        "bot_withdrawal",
        "UPDATE",
        "OLD.confirmed_at IS NOT NULL AND ("
        + " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in _DECIDED)
        + ")",
        "what two people decided does not change",
    ),
    Rule(
        "takedown_starts_asked",
        "bot_takedown",
        "INSERT",
        "NEW.stage <> 'asked'",
        "taking down starts with an asking",
    ),
    Rule(
        "takedown_follows_the_table",
        "bot_takedown",
        "UPDATE",
        f"NEW.stage <> OLD.stage AND (OLD.stage || '>' || NEW.stage) NOT IN ({_WITHDRAWING})",
        "no such step in taking down",
    ),
    Rule(
        "takedown_by_two",
        "bot_takedown",
        "UPDATE",
        "NEW.stage NOT IN ('asked', 'dropped') AND OLD.stage = 'asked' AND NOT "
        + _BY_TWO.format(takedown="t.id = NEW.id"),
        "nothing is taken down that two people have not decided on",
    ),
    Rule(
        "takedowncall_of_a_decision",
        "bot_takedowncall",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_takedown d WHERE d.id = NEW.takedown_id AND d.stage = 'waiting') OR NOT "
        + _BY_TWO.format(takedown="t.id = NEW.takedown_id"),
        "no call of a taking down that is not about to be made",
    ),
    Rule(
        "takedowncall_starts_open",
        "bot_takedowncall",
        "INSERT",
        "NEW.outcome <> ''",
        "a call starts without an outcome: intent before effect",
    ),
    Rule(
        "takedowncall_intent_kept",
        "bot_takedowncall",
        "UPDATE",
        " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in _CALL_INTENT),
        "an intent does not change",
    ),
    Rule("takedowncall_outcome_kept", "bot_takedowncall", "UPDATE", "OLD.outcome <> ''", "an outcome is written once"),
    Rule("takedowncall_not_deleted", "bot_takedowncall", "DELETE", "1 = 1", "calls that delete are append-only"),
    Rule(
        "attempt_not_posted_by_hand",
        "bot_attempt",
        "INSERT",
        "NEW.kind <> 'probe' AND EXISTS (SELECT 1 FROM bot_item i CROSS JOIN bot_manualpost m "
        "WHERE i.publication_id = NEW.publication_id AND m.account_id = i.account_id AND m.edition_id = i.edition_id "
        "AND NOT EXISTS (SELECT 1 FROM bot_manualvoid v WHERE v.post_id = m.id))",
        "posted by hand already",
    ),
    Rule("manualpost_kept", "bot_manualpost", "UPDATE", "1 = 1", "the book of manual posts is append-only"),
    Rule("manualpost_not_deleted", "bot_manualpost", "DELETE", "1 = 1", "the book of manual posts is append-only"),
    Rule("attachmentfile_kept", "bot_attachmentfile", "UPDATE", "1 = 1", "a kept file does not change"),
    Rule("attachmentfile_not_deleted", "bot_attachmentfile", "DELETE", "1 = 1", "a kept file is not taken away"),
    Rule("manualvoid_kept", "bot_manualvoid", "UPDATE", "1 = 1", "a voided entry stays void"),
    Rule("manualvoid_not_deleted", "bot_manualvoid", "DELETE", "1 = 1", "a voided entry stays void"),
    Rule(
        "manualcount_known_kept",
        "bot_manualcount",
        "UPDATE",
        "NEW.post_id <> OLD.post_id OR (OLD.platform_id <> '' AND NEW.platform_id <> OLD.platform_id)",
        "which post of the platform it is does not change",
    ),
    Rule(
        "manualsample_of_a_known_post",
        "bot_manualsample",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM bot_manualcount c WHERE c.post_id = NEW.post_id AND c.platform_id <> '')",
        "no numbers of a post that nobody has recognised",
    ),
    Rule(
        "manualtask_not_added_after_signing",
        "bot_manualtask",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_release r WHERE r.id = NEW.release_id AND r.signed_at IS NOT NULL)",
        "what is added needs a new signature",
    ),
    Rule(
        "manualtask_kept_while_signed",
        "bot_manualtask",
        "UPDATE",
        f"({_changed('release_id+account_id+mode+lane+position+edition_id+post_id+payload+payload_hash')}) "
        "AND EXISTS (SELECT 1 FROM bot_release r WHERE r.id IN (OLD.release_id, NEW.release_id) "
        "AND r.signed_at IS NOT NULL)",
        "what was signed does not change while the signature stands",
    ),
    Rule("manualtask_not_deleted", "bot_manualtask", "DELETE", "1 = 1", "a task is not taken away"),
    *(Rule(*line) for line in rules_urgent.RULES),
)


def _not_emptied(table: str, message: str) -> Rule:
    """The refusal to delete for the table as a whole, whatever is in it: it is asked once, and about no row."""
    return Rule(f"{table.removeprefix('bot_')}_not_emptied", table, "TRUNCATE", "1 = 1", message)


def rules_of(vendor: str) -> tuple[Rule, ...]:
    """What a database of this kind holds. PostgreSQL's TRUNCATE asks no rule about rows; SQLite has no such statement."""
    if vendor == "sqlite":
        return RULES
    kept = {rule.table: rule.message for rule in RULES if rule.event == "DELETE"}
    return (*RULES, *(_not_emptied(table, message) for table, message in kept.items()))


_DIALECTS = {
    "sqlite": {
        "true": "1",
        "differs": "IS NOT",
        "array_length": "json_array_length",
        "entries_signed": "json_each(NEW.manifest, '$.publications') m",
        "by_hand_signed": "json_each(NEW.manifest, '$.by_hand') m",
        "length_signed": "json_array_length(NEW.manifest, '$.publications')",
        "entries": "json_each(r.manifest, '$.publications') m",
        "entry_account": "json_extract(m.value, '$.account')",
        "entry_lane": "json_extract(m.value, '$.lane')",
        "entry_mode": "json_extract(m.value, '$.mode')",
        "entry_items": "json_extract(m.value, '$.items')",
        "entry_payload_here": "json_extract(m.value, '$.items[' || i.position || '].payload')",
        "entry_edition_here": "json_extract(m.value, '$.items[' || i.position || '].edition')",
        "hash_here": "json_extract(NEW.payload_hashes, '$[' || i.position || ']')",
        "post_named": "instr(u.post_hashes, b.hash) > 0",
        "event_told": "json_extract(a.data, '$.event')",
        "from_told": "json_extract(a.data, '$.from')",
        "second_told": "json_extract(a.data, '$.second')",
        "day": "date(",
        "in_beijing": ", '+8 hours')",
    },
    "postgresql": {
        "true": "TRUE",
        "differs": "IS DISTINCT FROM",
        "array_length": "jsonb_array_length",
        "entries_signed": "jsonb_array_elements(NEW.manifest -> 'publications') m",
        "by_hand_signed": "jsonb_array_elements(NEW.manifest -> 'by_hand') m",
        "length_signed": "jsonb_array_length(NEW.manifest -> 'publications')",
        "entries": "jsonb_array_elements(r.manifest -> 'publications') m",
        "entry_account": "(m.value ->> 'account')",
        "entry_lane": "(m.value ->> 'lane')::integer",
        "entry_mode": "(m.value ->> 'mode')",
        "entry_items": "(m.value -> 'items')",
        "entry_payload_here": "(m.value -> 'items' -> i.position ->> 'payload')",
        "entry_edition_here": "(m.value -> 'items' -> i.position ->> 'edition')",
        "hash_here": "(NEW.payload_hashes ->> i.position)",
        "post_named": "position(b.hash IN u.post_hashes::text) > 0",
        "event_told": "(a.data ->> 'event')",
        "from_told": "(a.data ->> 'from')",
        "second_told": "(a.data ->> 'second')",
        "day": "(",
        "in_beijing": " AT TIME ZONE 'Asia/Shanghai')::date",
    },
}


def _name(rule: Rule) -> str:
    return f"tongfa_{rule.name}"


def _condition(rule: Rule, vendor: str) -> str:
    condition = rule.condition
    for word, replacement in _DIALECTS[vendor].items():
        condition = condition.replace("{" + word + "}", replacement)
    return condition


def _sqlite(rule: Rule) -> str:
    return (
        f"CREATE TRIGGER {_name(rule)} BEFORE {rule.event} ON {rule.table} FOR EACH ROW "
        f"WHEN {_condition(rule, 'sqlite')} BEGIN SELECT RAISE(ABORT, 'tongfa: {rule.message}'); END"
    )


def _body(rule: Rule) -> str:
    """What the trigger's function does on PostgreSQL."""
    result = {"DELETE": "OLD", "TRUNCATE": "NULL"}.get(rule.event, "NEW")
    return (
        f" BEGIN IF {_condition(rule, 'postgresql')} THEN RAISE EXCEPTION 'tongfa: {rule.message}' "
        f"USING ERRCODE = 'check_violation'; END IF; RETURN {result}; END "
    )


def _per(rule: Rule) -> str:
    return "STATEMENT" if rule.event == "TRUNCATE" else "ROW"


def _postgresql(rule: Rule) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {_name(rule)}() RETURNS trigger AS $body${_body(rule)}$body$ LANGUAGE plpgsql",
        f"DROP TRIGGER IF EXISTS {_name(rule)} ON {rule.table}",
        f"CREATE TRIGGER {_name(rule)} BEFORE {rule.event} ON {rule.table} "
        f"FOR EACH {_per(rule)} EXECUTE FUNCTION {_name(rule)}()",
    ]


def statements(vendor: str, rules: Sequence[Rule]) -> list[str]:
    """All SQL that installs these rules, in order, for "sqlite" or "postgresql"."""
    if vendor == "sqlite":
        return [statement for rule in rules for statement in (f"DROP TRIGGER IF EXISTS {_name(rule)}", _sqlite(rule))]
    return [statement for rule in rules for statement in _postgresql(rule)]


_HELD_NAMES = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tongfa|_%' ESCAPE '|'",
    "postgresql": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
    "WHERE NOT tgisinternal AND tgname LIKE 'tongfa|_%' ESCAPE '|'",
}


def install(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Install what is missing or changed, and take away what this version does not know; called after every migration.

    In one transaction, so that nobody meets the database without its rules. A table that an earlier version lacks has
    none.
    """
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    lacking = set(_lacking(connection))
    rules = rules_of(connection.vendor)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for name, table in _held_names(connection):
            if (name, table) not in {(_name(rule), rule.table) for rule in rules}:
                cursor.execute(_drop(connection, name, table))
        wanted = [rule for rule in rules if rule.table in tables and rule.name in lacking]
        for statement in statements(connection.vendor, wanted):
            cursor.execute(statement)


def step_aside(using: str = DEFAULT_DB_ALIAS, plan: Sequence[Any] = (), **kwargs: Any) -> None:
    """Take the rules away while records change their shape; called before migrations.

    SQLite rebuilds a table under another name, and refuses to while a trigger of another table mentions it.
    """
    if plan and connections[using].vendor == "sqlite":
        remove(using)


def remove(using: str = DEFAULT_DB_ALIAS) -> None:
    """Take all rules away, those of another version too; `install` puts this version's back."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for name, table in _held_names(connection):
            cursor.execute(_drop(connection, name, table))


def _held_names(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    """Names and tables of all triggers that are ours by name."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_NAMES[connection.vendor])
        return list(cursor.fetchall())


def _drop(connection: BaseDatabaseWrapper, name: str, table: str) -> str:
    on = f" ON {table}" if connection.vendor == "postgresql" else ""
    return f"DROP TRIGGER {connection.ops.quote_name(name)}{on}"


# --- compared -------------------------------------------------------------------------------------------


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of rules that the database lacks, has disabled, or holds otherwise; of triggers that are not ours, by which a row
    could be rewritten once ours have looked at it; then of constraints and indexes.

    On PostgreSQL also the setting by which a session asks no rule at all.
    """
    return [*_lacking(connection), *_foreign(connection), *absent(connection), *_role(connection)]


def _lacking(connection: BaseDatabaseWrapper) -> list[str]:
    held = _held_sqlite(connection) if connection.vendor == "sqlite" else _held_postgresql(connection)
    made = _sqlite if connection.vendor == "sqlite" else _as_held
    return [rule.name for rule in rules_of(connection.vendor) if held.get((_name(rule), rule.table)) != made(rule)]


def _foreign(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN[connection.vendor])
        return [f"{table}.{name}（外来触发器）" for name, table in cursor.fetchall()]


_FOREIGN = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND substr(tbl_name, 1, 4) = 'bot_' "
    "AND substr(name, 1, 7) <> 'tongfa_' ORDER BY tbl_name, name",
    # what speaks afterwards cannot alter the row; auditors have such triggers
    "postgresql": "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 2 = 2 AND left(c.relname, 4) = 'bot_' "
    "AND left(t.tgname, 7) <> 'tongfa_' AND c.oid = to_regclass(quote_ident(c.relname)) ORDER BY 2, 1",
}


def _held_sqlite(connection: BaseDatabaseWrapper) -> dict[tuple[str, str], Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {(name, table): sql for name, table, sql in cursor.fetchall()}


def _held_postgresql(connection: BaseDatabaseWrapper) -> dict[tuple[str, str], Any]:
    """All that decides whether and how a trigger speaks: its table, event, WHEN, columns, and the function's whole text."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_POSTGRESQL)
        return {(name, table): tuple(rest) for name, table, *rest in cursor.fetchall()}


_HELD_POSTGRESQL = """
SELECT t.tgname, c.relname, t.tgenabled IN ('O', 'A'), t.tgtype::int, t.tgqual IS NULL, t.tgattr::text, t.tgnargs::int,
    p.proname, p.prosrc, l.lanname, p.proconfig IS NULL AND NOT p.prosecdef
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    JOIN pg_language l ON l.oid = p.prolang
WHERE NOT t.tgisinternal AND t.tgname LIKE 'tongfa|_%' ESCAPE '|' AND c.oid = to_regclass(quote_ident(c.relname))
"""
_FOR_EACH_ROW, _BEFORE = 1, 2
_EVENT_BITS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


def _as_held(rule: Rule) -> tuple[Any, ...]:
    """A rule as `_held_postgresql` reads it when nobody has touched it."""
    bits = (_FOR_EACH_ROW if _per(rule) == "ROW" else 0) | _BEFORE | _EVENT_BITS[rule.event]
    return (True, bits, True, "", 0, _name(rule), _body(rule), "plpgsql", True)


def _role(connection: BaseDatabaseWrapper) -> list[str]:
    """In a session that replicates, PostgreSQL asks no ordinary trigger and no foreign key."""
    if connection.vendor == "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        return [] if cursor.fetchone()[0] != "replica" else ["session_replication_role"]


def fingerprint(connection: BaseDatabaseWrapper) -> str:
    """Hash of the rules as the database holds them, whatever version made them; "" where there are none."""
    held = _held_sqlite(connection) if connection.vendor == "sqlite" else _held_postgresql(connection)
    ours = sorted((key, value) for key, value in held.items() if key[0].startswith("tongfa_"))
    return hashlib.sha256(repr(ours).encode()).hexdigest() if ours else ""
