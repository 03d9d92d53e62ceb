"""The second wall around what people post: signed as the manifest names it, approved or on two words, and once.

Nothing leaves by machine, so there is no attempt to refuse: these stand at planning and at the signature. What was posted is
a fact, and the book takes it. Each line: name, table, event, condition under which the statement is refused, message.
"""

from __future__ import annotations

from . import rules_urgent

_SIGNING = "OLD.signed_at IS NULL AND NEW.signed_at IS NOT NULL"

#: Of a release that was not called off, and not taken from people again.
_ASKED_OF_PEOPLE = (
    "EXISTS (SELECT 1 FROM bot_manualtask k JOIN bot_release r ON r.id = k.release_id "
    "WHERE k.edition_id = NEW.edition_id AND k.account_id = NEW.account_id AND k.drop_reason = '' "
    "AND r.cancelled_at IS NULL)"
)
_WITH_THE_MACHINE = (
    "EXISTS (SELECT 1 FROM bot_item k WHERE k.edition_id = NEW.edition_id AND k.account_id = NEW.account_id "
    "AND k.active = {true})"
)
_IN_THE_BOOK = (
    "EXISTS (SELECT 1 FROM bot_manualpost m WHERE m.edition_id = NEW.edition_id AND m.account_id = NEW.account_id "
    "AND NOT EXISTS (SELECT 1 FROM bot_manualvoid v WHERE v.post_id = m.id))"
)

_TASKS = "(SELECT COUNT(*) FROM bot_manualtask i WHERE i.release_id = NEW.id)"
#: How many articles the manifest names for people, and how many of them are tasks of the release, byte for byte.
_NAMED = "(SELECT COALESCE(SUM({array_length}({entry_items})), 0) FROM {by_hand_signed})"
_AS_NAMED = (
    "(SELECT COUNT(DISTINCT i.id) FROM {by_hand_signed} CROSS JOIN bot_account a CROSS JOIN bot_manualtask i "
    "CROSS JOIN bot_edition e WHERE a.slug = {entry_account} AND i.release_id = NEW.id AND i.account_id = a.id "
    "AND i.lane = {entry_lane} AND i.mode = {entry_mode} AND e.id = i.edition_id AND i.payload_hash <> '' "
    "AND COALESCE({entry_payload_here}, '') = i.payload_hash AND COALESCE({entry_edition_here}, '') = e.content_hash)"
)

#: In place of approvals: two words about the very bytes of task i of edition e, the second on this manifest by its signer.
_CARRIED = (
    f"({rules_urgent.GOES} AND EXISTS (SELECT 1 FROM bot_urgency u CROSS JOIN bot_urgentword f "
    "CROSS JOIN bot_urgentword s CROSS JOIN bot_postrecord b WHERE u.id = NEW.urgency_id AND u.edition_id = e.id "
    f"AND u.content_hash = e.content_hash AND {rules_urgent.TWO_WORDS}"
    "AND s.manifest_hash = NEW.manifest_hash AND s.person_id = NEW.signed_by_id "
    "AND b.id = i.post_id AND b.edition_id = e.id AND b.account_id = i.account_id AND {post_named}))"
)
_PASSES = (
    "(SELECT COUNT(DISTINCT v.person_id) FROM bot_review v WHERE v.edition_id = e.id AND v.verdict = 'pass' "
    "AND v.content_hash = e.content_hash)"
)

RULES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "manualtask_once",
        "bot_manualtask",
        "INSERT",
        f"{_ASKED_OF_PEOPLE} OR {_WITH_THE_MACHINE} OR {_IN_THE_BOOK}",
        "an edition goes to an account once, by machine or by hand",
    ),
    (
        "item_not_asked_of_people",
        "bot_item",
        "INSERT",
        f"NEW.active = {{true}} AND {_ASKED_OF_PEOPLE}",
        "an edition goes to an account once, by machine or by hand",
    ),
    (
        "release_by_hand_as_its_manifest_says",
        "bot_release",
        "UPDATE",
        f"{_SIGNING} AND ({_TASKS} <> {_NAMED} OR ({_TASKS} > 0 AND {_TASKS} <> {_AS_NAMED}))",
        "what people are to post is what the signed manifest names, article by article",
    ),
    (
        "release_by_hand_approved",
        "bot_release",
        "UPDATE",
        f"{_SIGNING} AND EXISTS (SELECT 1 FROM bot_manualtask i CROSS JOIN bot_edition e WHERE i.release_id = NEW.id "
        f"AND e.id = i.edition_id AND (e.state <> 'approved' OR {_PASSES} < 2) AND NOT {_CARRIED})",
        "what people are to post needs approvals, or two words, of these very bytes",
    ),
    (
        "release_by_hand_four_eyes",
        "bot_release",
        "UPDATE",
        f"{_SIGNING} AND EXISTS (SELECT 1 FROM bot_manualtask i JOIN bot_edition e ON e.id = i.edition_id "
        "WHERE i.release_id = NEW.id AND (e.author_id = NEW.signed_by_id OR e.submitted_by_id = NEW.signed_by_id))",
        "author may not sign",
    ),
)
