"""`python scripts/generate_docs.py [--check]`: rewrite the parts of docs/ that are drawn from the code, and whole files.

A part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`. Everything around it is written by hand
and left alone. `--check` writes nothing and ends with status 1 when a part is stale (tests/docs does the same).
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402 - after the path, like everything of ours

from bot import channels  # noqa: E402
from bot.cli.main import main as tongfa  # noqa: E402
from bot.cli.output import start_django  # noqa: E402
from bot.domain import timeline  # noqa: E402
from bot.domain.channel import ChannelSpec, ModeSpec, OptionSpec, Quota  # noqa: E402
from bot.domain.delivery import FOR_A_PERSON, SETTLED, STOPPABLE, TRANSITIONS, Event, State  # noqa: E402
from bot.domain.workflow import (  # noqa: E402
    DEFAULT_STEPS,
    EDITION_TRANSITIONS,
    EditionState,
    Verdict,
    after_review,
    step_due,
)
from bot.intake import columns, validation  # noqa: E402
from bot.intake.source import kinds as source_kinds  # noqa: E402
from config.variables import VARIABLES  # noqa: E402
from scripts import handbook_tables  # noqa: E402
from scripts.docs_tables import code, span, spans, table  # noqa: E402

BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z0-9: _-]+) -->\n)(?P<body>.*?)(<!-- /generated -->)", re.DOTALL)

#: What each delay of bot/domain/timeline.py is, in the words of the table.
DELAYS = {
    "PREFLIGHTS": "before T: recorded pre-flights; signed later than that, what was missed runs at once, as one",
    "STAGE_AHEAD": "before T: staging begins (at once when less is left)",
    "STAGED_BY": "before T: a publication that could not be staged by now is held, and its release with it",
    "HAND_OUT": "before T: publications are handed out in batches",
    "CHILD_SENDER": "before T: a batch that no worker claimed is given to a process of the clock's own",
    "CLAIM_GRACE": "time to claim a batch that was handed out later than that",
    "CONNECT": "before T: connections are opened",
    "PREPARED": "before connecting: what a platform has not said by then is not waited for",
    "LATE_PREPARED": "the same for a sender that begins late: from its beginning; and after its instant",
    "INTENT": "before T: the intents of a batch are committed",
    "RECHECK": "before T: freeze, signature, approvals and lock are read once more",
    "READ_BACK_HOLDS": "how long the last comparison of a draft may lie back; a sender that slept longer compares again",
    "SEND_BY": "after T: no first byte leaves after this",
    "ANSWER_WITHIN": "after T: an answer that has not come by now counts as none",
    "QUIET": "after the last byte: the last moment at which a lost call may still take effect",
    "MAX_LATENESS": "after T: later than this no machine sends (`TONGFA_MAX_LATENESS`)",
    "MIN_LEAD": "before T: a signature must stand by then (`TONGFA_MIN_LEAD`)",
    "CLOCK_AGREEMENT": "most difference between our clock and the platform's `Date`",
    "CLOCK_DRIFT": "most jump of our clock since that reading",
    "EACH_STAGED": "for each publication beyond 100 at one instant staging begins that much earlier",
    "EACH_HANDED_OUT": "and it is handed out that much earlier",
    "EACH_CONNECTION": "and connections are opened that much earlier, for each beyond 100 in one batch",
    "EACH_INTENT": "and intents are written down that much earlier",
    "MOST_AHEAD": "staging never begins earlier than that before T",
    "HUSH_BEFORE": "so long before an instant whose batch is with its sender the clock does nothing",
    "HUSH_AFTER": "and so long after it",
    "STAGE_LEASE": "how long one worker may hold a publication for staging",
    "LOOK_LEASE": "how long one worker may hold a publication for a look",
    "STAGE_BACKOFF": "waits between tries of staging",
    "RESEND_BACKOFF": "waits before a public call that did not leave is tried again",
    "STAGE_GRACE": "time to stage what was signed late",
    "RESUME_GRACE": "time to stage what a person resumed or sent again",
    "RING_AGAIN": "a bell that nobody answered: the clock does the work in a process of its own",
    "GATE_LEAD": "from the portal page's going live (after T) to the first byte",
    "GATE_PROOF": "how long an unclear answer of the portal leaves standing that the page was live",
    "GATE_LEASE": "how long one worker may hold a gate for one question to the portal",
    "GATE_MARGIN": "a release may wait for its page for `MAX_LATENESS` less this",
    "LANE_ALLOWANCE": "added to the vendor's spacing between the posts of one lane",
}


# --- states ---------------------------------------------------------------------------------------------


def delivery_states() -> str:
    """Every state of a publication with staff's word for it."""

    def kind(state: State) -> str:
        groups = {
            "nothing has left; freeze, hold and cancel act": STOPPABLE,
            "a person decides": FOR_A_PERSON,
            "settled": SETTLED,
            "nothing has left; waits for a person to resume it": {State.HELD},
        }
        return next((name for name, states in groups.items() if state in states), "the machine is at it")

    return table(["state", "staff see", "group"], [[code(state), state.label, kind(state)] for state in State])


def delivery_transitions() -> str:
    """The table of transitions, one row per state and target."""
    rows: dict[tuple[State, State], list[str]] = {}
    for (state, event), target in TRANSITIONS.items():
        rows.setdefault((state, target), []).append(code(event))
    order = list(State)
    ordered = sorted(rows.items(), key=lambda item: (order.index(item[0][0]), order.index(item[0][1])))
    return table(["from", "on", "to"], [[code(a), ", ".join(events), code(b)] for (a, b), events in ordered])


def delivery_diagram() -> str:
    """The same table as a picture; stops and late arrivals, which leave from everywhere, are left to the table."""
    stops = {Event.HOLD, Event.CANCEL, Event.TOO_LATE}
    arrows = [
        f"  {state} --> {target}: {event}"
        for (state, event), target in TRANSITIONS.items()
        if event not in stops or state not in STOPPABLE
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", "  [*] --> planned", *arrows, "```"])


def edition_transitions() -> str:
    """The editorial table for the default steps, reviews worked out."""
    return table(["from", "on", "to"], [[_edition(a), on, _edition(b)] for a, on, b in _edition_rows()])


def _edition(state: EditionState) -> str:
    return f"`{state}` {state.label}"


def _edition_rows() -> Iterator[tuple[EditionState, str, EditionState]]:
    for state in EditionState:
        for event, (sources, target) in EDITION_TRANSITIONS.items():
            if state in sources:
                yield state, event, target
        step = step_due(state, DEFAULT_STEPS)
        if step is not None:
            yield state, f"{step} review passes ({step.label})", after_review(state, step, Verdict.PASS)


def delays() -> str:
    """The figures of the timeline."""
    return table(["name", "value", "what it is"], [[code(name), _delay(name), DELAYS[name]] for name in DELAYS])


def _delay(name: str) -> str:
    value: timedelta | tuple[timedelta, ...] = getattr(timeline, name)
    return spans(value) if isinstance(value, tuple) else span(value)


# --- settings, commands -----------------------------------------------------------------------------------


def settings() -> str:
    """Every environment variable."""
    rows = [[code(v.name), code(v.default) or "none", v.meaning, "yes" if v.secret else ""] for v in VARIABLES]
    return table(["variable", "when unset", "meaning", "secret"], rows)


def commands() -> dict[str, click.Command]:
    """Every leaf command by its words, in the order of the help; hidden ones are left out."""
    context = click.Context(tongfa, info_name="tongfa")
    return dict(_leaves("tongfa", tongfa, context))


def _leaves(words: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _leaves(f"{words} {name}", found, context)


def command(words: str) -> str:
    """Usage, one sentence and the options of one command."""
    found = commands()[words]
    context = click.Context(found, info_name=words)
    pieces = " ".join(found.collect_usage_pieces(context))
    text = f"```\n{words} {pieces}\n```\n\n{(found.help or '').strip()}\n"
    options = [param for param in found.params if isinstance(param, click.Option)]
    return text + ("\n" + table(["option", "default", "meaning"], map(_option, options)) if options else "")


def _option(option: click.Option) -> list[str]:
    names = " / ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" {option.metavar or _type(option)}"
    marks = [word for word, holds in (("required", option.required), ("repeatable", option.multiple)) if holds]
    default = "" if option.is_flag or not option.show_default else str(option.default)
    return [code(names + value), "; ".join([*marks, *([code(default)] if default else [])]), option.help or ""]


def _type(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.type.name.upper()


# --- channels ---------------------------------------------------------------------------------------------


def channel_matrix() -> str:
    """All channels side by side: one row for each mode."""
    rows = [_matrix_row(kind.spec, mode) for kind in channels.kinds().values() for mode in kind.spec.modes]
    head = ["channel", "mode", "posts at once", "quota", "silence or an unclear answer", "looks after acceptance"]
    return table(head, rows)


def _matrix_row(spec: ChannelSpec, mode: ModeSpec) -> list[str]:
    return [
        f"`{spec.name}` {spec.label}", f"`{mode.name}` {mode.label}", str(mode.max_posts), _quotas(mode), *_afterwards(mode),
    ]  # fmt: skip


def _afterwards(mode: ModeSpec) -> tuple[str, str]:
    """What is done about silence, and about a yes. Of what people make public themselves there is neither."""
    if mode.by_hand:
        return "no public call is made: people publish", "none"
    policy = mode.unknown
    then = {
        "resend": "proved absent: the same draft is submitted again",
        "probe": f"after {span(policy.probe_after)} a replay of the same key",
        "person": "a person; never sent again by machine",
    }[policy.when_absent]
    return (
        f"looks at {spans(policy.looks)}; then {then}",
        f"{spans(mode.confirm)}; verdict within {span(mode.verdict_within)}",
    )


def _quotas(mode: ModeSpec) -> str:
    words = [
        (f"{kind}: " if kind else "") + ", ".join(_quota(quota) for quota in quotas)
        for kind, quotas in mode.quotas.items()
    ]
    return "; ".join(words) or "none"


def _quota(quota: Quota) -> str:
    if not quota.bucket:
        return f"{quota.count} per {quota.period}"
    return f"{quota.count} calls per {quota.period} ({quota.calls} for each push)"


def every_channel() -> str:
    """Everything that the specs say, one section for each channel: a new one needs no edit of the page."""
    return "\n".join(line for kind in channels.kinds().values() for line in _channel(kind.spec))


def _channel(spec: ChannelSpec) -> Iterator[str]:
    yield f"## {spec.label} `{spec.name}`\n"
    yield from _channel_posts(spec)
    yield from _channel_account(spec)
    yield from _channel_words(spec)


def _channel_posts(spec: ChannelSpec) -> Iterator[str]:
    rows = [
        [code(f.name), f.label, f.form, str(f.limit or ""), ", ".join(map(code, f.elastic)), "yes" if f.required else ""]
        for f in spec.fields
    ]  # fmt: skip
    yield "Fields of a post:\n"
    yield table(["field", "staff say", "form", "limit", "shortened first", "required"], rows)
    if spec.cover:
        crops = ", ".join(map(code, spec.cover.crops.values()))
        words = f"Cover: `{spec.cover.field}`, layout `{spec.cover.layout}`, at most {spec.cover.max_bytes} bytes"
        yield words + (f", crops in {crops}.\n" if crops else ".\n")
    yield f"Link that carries the marker: `{spec.link_field}`. Spacing within a lane: {span(spec.spacing)}.\n"


def _channel_account(spec: ChannelSpec) -> Iterator[str]:
    places = [[code(name), code(place) or "as `api`"] for name, place in spec.endpoints.items()]
    yield "Addresses (`--api-base`, `--endpoint NAME=URL`):\n"
    yield table(["name", "default"], places)
    yield from _titled(
        "Credentials (`--secret-env NAME=VAR`, `--secret-file NAME=FILE`)", ["name", "what it is", "required"],
        [_credential(option) for option in spec.credentials],
    )  # fmt: skip
    yield from _titled(
        "Settings (`--set NAME=VALUE`)", ["name", "what it is", "default", "choices", "required"],
        [_setting(option) for option in spec.options],
    )  # fmt: skip
    if spec.identity:
        yield f"`{spec.identity}` says which account of the platform it is: it stands under one slug, and never changes.\n"


def _titled(title: str, head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table under its title; a heading without rows would read like something forgotten."""
    if not rows:
        yield f"{title}: none.\n"
        return
    yield f"{title}:\n"
    yield table(head, rows)


def _credential(option: OptionSpec) -> list[str]:
    return [code(option.name), option.label, "yes" if option.required else ""]


def _setting(option: OptionSpec) -> list[str]:
    choices = ", ".join(map(code, option.choices))
    return [code(option.name), option.label, code(option.default), choices, "yes" if option.required else ""]


def _channel_words(spec: ChannelSpec) -> Iterator[str]:
    yield f"Numbers it reports: {', '.join(map(code, spec.metrics))}. {spec.metrics_lag}\n"
    yield f"Numbers of what people posted on its own pages: {spec.recognised_by or 'it cannot be asked for them.'}\n"
    yield "What each mode does:\n"
    yield "".join(f"- {mode.label}（`{mode.name}`）：{mode.effect}\n" for mode in spec.modes)
    yield "What taking down does, and what nobody can undo:\n"
    yield "".join(map(_removal, spec.modes))
    yield "What it cannot do, in the words that staff read:\n"
    yield "".join(f"- {sentence}\n" for sentence in spec.cannot)


def _removal(mode: ModeSpec) -> str:
    """One mode's words on taking down."""
    if mode.by_hand:
        return (
            f"- {mode.label}（`{mode.name}`）: what people published, people take down on the platform's own pages.\n"
        )
    who = "by machine, read back" if mode.removal.by_machine else "by hand"
    final = "".join(f"  - **{sentence}**\n" for sentence in mode.removal.final)
    return f"- {mode.label}（`{mode.name}`）, {who}：{mode.removal.effect}\n{final}"


# --- import format ------------------------------------------------------------------------------------------


def import_columns() -> str:
    """Every column with its other names."""
    names: dict[str, list[str]] = {}
    for alias, name in columns.ALIASES.items():
        names.setdefault(name, []).append(alias)
    rows = [
        [code(name), label, "yes" if name in columns.REQUIRED_COLUMNS else "", str(validation.LIMITS.get(name, "")),
         "、".join(alias for alias in names[name] if alias != name)]
        for name, label in columns.LABELS.items()
    ]  # fmt: skip
    return table(["field", "staff say", "required", "most characters", "also understood as heading"], rows)


def import_kinds() -> str:
    """Words that are understood as a kind of item."""
    words: dict[str, list[str]] = {}
    for word, kind in validation.KINDS.items():
        words.setdefault(kind.value, []).append(word)
    rows = [[code(kind), "、".join(word for word in found if word != kind)] for kind, found in words.items()]
    return table(["kind", "also written"], rows)


def import_files() -> str:
    """File endings and who reads them."""
    found: dict[str, list[str]] = {}
    for suffix, kind in source_kinds().items():
        found.setdefault(kind.name, []).append(suffix)
    return table(["source", "file endings"], [[code(name), ", ".join(map(code, ends))] for name, ends in found.items()])


# --- proof ----------------------------------------------------------------------------------------------


def simulation() -> str:
    """The ledger of the simulator: what was played at each commit."""
    by_commit: dict[str, list[dict[str, str]]] = {}
    for row in _proof("simulation.csv"):
        by_commit.setdefault(row["commit"], []).append(row)
    return table(
        [
            "commit",
            "date",
            "seeds",
            "publications",
            "kills",
            "unknown",
            "to a person",
            "violations",
            "CPU hours at most",
        ],
        [[code(commit), *_played(rows)] for commit, rows in by_commit.items()],
    )


def _played(rows: Sequence[Mapping[str, str]]) -> list[str]:
    def total(name: str) -> int:
        return sum(int(row[name]) for row in rows)

    persons = sum(float(row["to_person_percent"]) * int(row["publications"]) for row in rows)
    broken = [row["violations"] for row in rows if row["violations"] != "0"]
    hours = sum(int(row["seconds"]) * int(row["jobs"]) for row in rows) / 3600
    return [
        rows[-1]["date"], f"{total('runs'):,}", f"{total('publications'):,}", f"{total('kills'):,}",
        f"{total('unknown'):,}", f"{persons / max(1, total('publications')):.1f} %", " ".join(broken) or "0",
        f"{hours:.1f}",
    ]  # fmt: skip


def guards() -> str:
    """Each guard, and the first seed that notices when it is gone."""
    return table(
        ["guard", "what", "taken away with it", "first seed", "violated"],
        [
            [code(r["guard"]), r["what"], r["removed_with_it"], r["first_seed"], r["invariant"]]
            for r in _proof("guards.csv")
        ],
    )


def _proof(name: str) -> list[dict[str, str]]:
    with (ROOT / "docs" / "proof" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


BLOCKS: Mapping[str, Callable[[], str]] = {
    "delivery states": delivery_states,
    "delivery transitions": delivery_transitions,
    "delivery diagram": delivery_diagram,
    "edition transitions": edition_transitions,
    "delays": delays,
    "settings": settings,
    "channel matrix": channel_matrix,
    "channels": every_channel,
    "import columns": import_columns,
    "import kinds": import_kinds,
    "import files": import_files,
    "simulation": simulation,
    "guards": guards,
    **handbook_tables.BLOCKS,
}


def draw(name: str) -> str:
    """The text of one part. KeyError when there is no such part."""
    kind, _, rest = name.partition(": ")
    return command(rest) if kind == "command" else BLOCKS[name]()


def rewritten(text: str) -> str:
    """`text` with every marked part drawn anew."""
    return BLOCK.sub(lambda part: f"{part[1]}\n{draw(part['name']).strip()}\n\n{part[4]}", text)


def openapi() -> str:
    """The OpenAPI document of the machine interface, as it is served."""
    start_django()
    from bot.api.app import api

    return json.dumps(api.get_openapi_schema(), indent=2, ensure_ascii=False) + "\n"


FILES: Mapping[str, Callable[[], str]] = {"docs/reference/openapi.json": openapi}
"""Files that are drawn whole."""


def fresh() -> dict[Path, str]:
    """Every page and file with the text that it should have."""
    drawn = {page: rewritten(page.read_text("utf-8")) for page in pages()}
    return drawn | {ROOT / name: draw_file() for name, draw_file in FILES.items()}


def pages() -> list[Path]:
    """All pages that may hold a part."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def main(arguments: Sequence[str]) -> int:
    """Rewrite what is stale, or with --check only name it. Returns an exit status."""
    drawn = fresh()
    stale = [page for page, text in drawn.items() if not page.exists() or page.read_text("utf-8") != text]
    for page in stale:
        print(page.relative_to(ROOT))
        if "--check" not in arguments:
            page.write_text(drawn[page], "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
