"""Rules that hold even against a program error or a hand in the database: triggers on SQLite and PostgreSQL.

Four eyes, insert-only evidence, and "no attempt without signature and approvals of these very hashes, at
every position". One list serves both databases; they are reinstalled after each migration and compared
at start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bot.domain.delivery import FOR_A_PERSON, STOPPABLE, TRANSITIONS, State


@dataclass(frozen=True, slots=True)
class Rule:
    """A trigger: when `condition` holds for NEW/OLD, the statement is refused with `message`."""

    name: str
    table: str
    event: str  # INSERT, UPDATE, DELETE
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

#: An author of edition e, by whichever hand it came in.
_AUTHOR = "(e.author_id = {person} OR e.submitted_by_id = {person})"


def _listed(states: Iterable[State]) -> str:
    return ", ".join(sorted(f"'{state}'" for state in states))


#: Two people sent it again: the one step that gives a publication another instant, and never an earlier one.
_SENT_AGAIN = f"(OLD.state IN ({_listed(FOR_A_PERSON)}) AND NEW.state = 'planned' AND NEW.instant >= OLD.instant)"
#: What the manifest says of one push, against its items and the attempt's hashes, position by position.
_AS_SIGNED = (
    "EXISTS (SELECT 1 FROM bot_publication p JOIN bot_release r ON r.id = p.release_id "
    "JOIN bot_account a ON a.id = p.account_id JOIN {entries} ON 1 = 1 WHERE p.id = NEW.publication_id "
    "AND {entry_account} = a.slug AND {entry_lane} = p.lane AND {entry_mode} = p.mode "
    "AND {array_length}({entry_items}) = {array_length}(NEW.payload_hashes) "
    "AND {array_length}({entry_items}) = (SELECT COUNT(*) FROM bot_item i WHERE i.publication_id = p.id) "
    "AND NOT EXISTS (SELECT 1 FROM bot_item i JOIN bot_edition e ON e.id = i.edition_id "
    "WHERE i.publication_id = p.id AND (COALESCE({hash_here}, '') <> i.payload_hash "
    "OR COALESCE({entry_payload_here}, '') <> i.payload_hash "
    "OR COALESCE({entry_edition_here}, '') <> e.content_hash)))"
)

#: Pushes up to which an attempt is compared with the manifest by the database too: beyond, the walk through a manifest of
#: thousands for each of thousands would eat up the seconds before T; the sender compares each of them itself.
WALKED = 300
_SMALL_RELEASE = (
    "(SELECT COUNT(*) FROM (SELECT 1 FROM bot_publication q WHERE q.release_id = "
    "(SELECT p.release_id FROM bot_publication p WHERE p.id = NEW.publication_id) "
    f"LIMIT {WALKED + 1}) counted) <= {WALKED}"
)

#: the delivery table's arrows, as the text that a trigger compares
_ARROWS = ", ".join(sorted({f"'{state}>{target}'" for (state, _), target in TRANSITIONS.items()}))

RULES: tuple[Rule, ...] = (
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
    Rule(
        "item_signed_bytes_kept",
        "bot_item",
        "UPDATE",
        "OLD.payload_hash <> '' AND (NEW.payload_hash <> OLD.payload_hash OR NEW.payload IS NULL "
        "OR NEW.payload <> OLD.payload OR NEW.publication_id <> OLD.publication_id OR NEW.position <> OLD.position "
        "OR NEW.account_id <> OLD.account_id OR NEW.edition_id <> OLD.edition_id OR NEW.post_id <> OLD.post_id) "
        "AND " + _SIGNED.format(publication="OLD.publication_id"),
        "signed bytes do not change while the signature stands",
    ),
    Rule(
        "item_not_added_after_signing",
        "bot_item",
        "INSERT",
        _SIGNED.format(publication="NEW.publication_id"),
        "what is added needs a new signature",
    ),
    Rule(
        "item_not_moved_in_after_signing",
        "bot_item",
        "UPDATE",
        "NEW.publication_id <> OLD.publication_id AND " + _SIGNED.format(publication="NEW.publication_id"),
        "what is added needs a new signature",
    ),
    Rule(
        "item_not_taken_out_after_signing",
        "bot_item",
        "DELETE",
        _SIGNED.format(publication="OLD.publication_id"),
        "what is taken out needs a new signature",
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
        "NOT EXISTS (SELECT 1 FROM bot_item i WHERE i.publication_id = NEW.publication_id) OR EXISTS ("
        "SELECT 1 FROM bot_item i JOIN bot_edition e ON e.id = i.edition_id "
        "WHERE i.publication_id = NEW.publication_id AND (e.state <> 'approved' OR i.payload_hash = '' OR "
        + _PASSES.format(edition="e.id", hash="e.content_hash")
        + " < 2 OR i.payload_hash NOT IN (SELECT h.value FROM {array_rows}(NEW.payload_hashes) h)))",
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
        "JOIN bot_item i ON i.publication_id = p.id JOIN bot_edition e ON e.id = i.edition_id "
        "WHERE p.id = NEW.publication_id AND " + _AUTHOR.format(person="r.signed_by_id") + ")",
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
        f"OR NEW.not_before < OLD.not_before) AND NOT {_SENT_AGAIN})) "
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
)

_DIALECTS = {
    "sqlite": {
        "true": "1",
        "differs": "IS NOT",
        "array_length": "json_array_length",
        "array_rows": "json_each",
        "entries": "json_each(r.manifest, '$.publications') m",
        "entry_account": "json_extract(m.value, '$.account')",
        "entry_lane": "json_extract(m.value, '$.lane')",
        "entry_mode": "json_extract(m.value, '$.mode')",
        "entry_items": "json_extract(m.value, '$.items')",
        "entry_payload_here": "json_extract(m.value, '$.items[' || i.position || '].payload')",
        "entry_edition_here": "json_extract(m.value, '$.items[' || i.position || '].edition')",
        "hash_here": "json_extract(NEW.payload_hashes, '$[' || i.position || ']')",
    },
    "postgresql": {
        "true": "TRUE",
        "differs": "IS DISTINCT FROM",
        "array_length": "jsonb_array_length",
        "array_rows": "jsonb_array_elements_text",
        "entries": "jsonb_array_elements(r.manifest -> 'publications') m",
        "entry_account": "(m.value ->> 'account')",
        "entry_lane": "(m.value ->> 'lane')::integer",
        "entry_mode": "(m.value ->> 'mode')",
        "entry_items": "(m.value -> 'items')",
        "entry_payload_here": "(m.value -> 'items' -> i.position ->> 'payload')",
        "entry_edition_here": "(m.value -> 'items' -> i.position ->> 'edition')",
        "hash_here": "(NEW.payload_hashes ->> i.position)",
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
    result = "OLD" if rule.event == "DELETE" else "NEW"
    return (
        f" BEGIN IF {_condition(rule, 'postgresql')} THEN RAISE EXCEPTION 'tongfa: {rule.message}' "
        f"USING ERRCODE = 'check_violation'; END IF; RETURN {result}; END "
    )


def _postgresql(rule: Rule) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {_name(rule)}() RETURNS trigger AS $body${_body(rule)}$body$ LANGUAGE plpgsql",
        f"DROP TRIGGER IF EXISTS {_name(rule)} ON {rule.table}",
        f"CREATE TRIGGER {_name(rule)} BEFORE {rule.event} ON {rule.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {_name(rule)}()",
    ]


def statements(vendor: str, rules: Sequence[Rule] = RULES) -> list[str]:
    """All SQL that installs the rules, in order, for "sqlite" or "postgresql"."""
    if vendor == "sqlite":
        return [statement for rule in rules for statement in (f"DROP TRIGGER IF EXISTS {_name(rule)}", _sqlite(rule))]
    return [statement for rule in rules for statement in _postgresql(rule)]


def install(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Install all rules; called after every migration. A table that an earlier version lacks has none."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for statement in statements(connection.vendor, [rule for rule in RULES if rule.table in tables]):
            cursor.execute(statement)


def step_aside(using: str = DEFAULT_DB_ALIAS, plan: Sequence[Any] = (), **kwargs: Any) -> None:
    """Take the rules away while records change their shape; called before migrations.

    SQLite rebuilds a table under another name, and refuses to while a trigger of another table mentions it.
    """
    connection = connections[using]
    if plan and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tongfa|_%' ESCAPE '|'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of rules that the database lacks, has disabled, or holds with another text."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            held = dict(cursor.fetchall())
            return [rule.name for rule in RULES if held.get(_name(rule)) != _sqlite(rule)]
        cursor.execute(
            "SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'"
        )
        held = dict(cursor.fetchall())
        return [rule.name for rule in RULES if held.get(_name(rule)) != _body(rule)]
