"""The Channel contract: what a vendor's adapter is given, what it must do and what it answers.

The public act is sans-I/O: an adapter says which bytes to send (`public_request`, `probe_request`) and how
to read the answer (`read_answer`); the launcher owns the socket and the moment, and `NotSent` is its word
alone. Everything else (staging, looking, measuring) is ordinary HTTP done by the adapter ahead and after.

Failures carry the decision, not the cause::

    ChannelFault          raised by stage, grant, preflight, measure, withdraw
      .remedy  refresh    token refused (the adapter has already renewed once)
               wait       try again at .wait_until
               person     somebody must edit or decide
               operator   configuration, rights, allow-list: the account is paused
               unknown    nobody can say what happened; on reads: try again later
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as made
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from .findings import Finding
from .post import Asset, Post
from .postlink import PostLink
from .secret import Secret


class Remedy(StrEnum):
    """What the caller must do about a platform's refusal."""

    REFRESH = "refresh"
    WAIT = "wait"
    PERSON = "person"
    OPERATOR = "operator"
    UNKNOWN = "unknown"


#: Code of the fault of a draft that was submitted before and does not stand any more.
DRAFT_GONE = "draft_gone"
OWN_QUOTA = "own_quota"  # our own count of calls is at its limit: nothing was asked
OWN_RESERVE = "own_reserve"  # what is left of it is kept for what is signed: nothing was asked
READ_BACK = "readback"  # of a ChannelFault: what stands there is not what was approved


class ChannelFault(Exception):
    """A call ahead of or after the public act failed. `message` is Chinese and tells staff what to do.

    `staged`: the table of what `stage` has left there all the same, where it knows.
    """

    def __init__(
        self, remedy: Remedy, message: str, *, code: str = "", wait_until: datetime | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.staged: Mapping[str, Any] | None = None
        self.remedy, self.message, self.code, self.wait_until, self.detail = remedy, message, code, wait_until, detail


# --- what a channel is (data) ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of the payload, rendered from `templates/channels/<channel>/<kind>.<name>.<ext>`.

    A template for a kind that does not exist falls back to `default.<name>.<ext>`. `form` is "html"
    (autoescaped, sanitised, minified) or "text" (plain). `limit` is counted by `count` (None: no limit).
    `elastic` names the template variables that may be shortened, in order, until the whole field fits;
    a field that still does not fit is a blocking finding, never cut.
    """

    name: str
    form: str = "text"
    limit: int | None = None
    count: Callable[[str], int] = len
    elastic: tuple[str, ...] = ()
    required: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class CoverSpec:
    """A picture drawn for each post: `field` receives `asset:<sha256>`.

    `layout` "wide+square" is one canvas holding a 2.35:1 and a 1:1 cover side by side, with `crops`
    naming the payload fields that receive the crop of each ("X1_Y1_X2_Y2", 0..1, six decimals);
    "card" is one 2:1 picture. `max_bytes` bounds the encoded file.
    """

    field: str
    layout: str
    crops: Mapping[str, str] = made(default_factory=dict)  # {"wide": field, "square": field}
    max_bytes: int = 300_000


@dataclass(frozen=True, slots=True)
class Quota:
    """How many public acts a mode allows: `count` per "day" or "month" (Beijing calendar) or "hour".

    With a `bucket` the platform counts calls of all kinds, and so do we, in that counter; one public act with what
    belongs to it (reading before, looking afterwards) takes about `calls` of them.
    """

    period: str
    count: int
    bucket: str = ""
    calls: int = 1

    @property
    def most(self) -> int:
        """How many public acts fit into one window of which nothing is used yet."""
        return self.count // self.calls


@dataclass(frozen=True, slots=True)
class UnknownPolicy:
    """What the engine may do when nobody knows whether a public act took effect.

    `looks`: delays after the last possible effect at which `look` is asked (spaced, all of them before a
    verdict of absence). `when_absent`: "resend" (freepublish: once, where the vendor's own object still stands and nothing
    is published; no proof against a platform that takes longer than the looks, so whatever was sent twice is counted at
    every look, see `Doubled`), "probe" (replay of the same key: mass) or "person" (no machine resend, ever: Weibo).
    `probe_after`: the least wait before a probe.
    """

    looks: tuple[timedelta, ...]
    when_absent: str
    probe_after: timedelta = timedelta(seconds=60)

    @property
    def words(self) -> str:
        """What the machine does meanwhile, for staff; and what it could not rule out."""
        return _WHEN_ABSENT[self.when_absent]


_WHEN_ABSENT = {
    "probe": "系统先向平台核对；查不到的用原编号再问一次：平台认得编号，不会公布两次，上次没有发出的这次会发出。",
    "resend": "系统几次向平台核对；几次都没有查到、草稿也还在的，用原来那份草稿再提交一次。万一平台处理得太慢、公布了两篇，系统会查出来，请人删除多出的一篇。",
    "person": "系统几次向平台核对；核对不到的转人工，系统自己不再发。",
}


@dataclass(frozen=True, slots=True)
class RemovalSpec:
    """What can be taken back of a post that is public, as data: the desk for withdrawals shows it before anybody decides.

    `by_machine`: `Channel.withdraw` calls the platform; else a person follows `steps` there. `effect` says in Chinese what
    followers see afterwards, `final` what nobody can undo. `tells_apart`: a read-back shows one article of several that is
    gone; else it speaks of all of them together.
    """

    by_machine: bool = False
    effect: str = ""
    final: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    tells_apart: bool = True


@dataclass(frozen=True, slots=True)
class ModeSpec:
    """One way of going public on a channel. `effect` says in Chinese what followers get.

    `by_hand`: the machine only leaves a draft there (`DraftKeeper`), which a person makes public on the platform's own
    console. There is no public call of ours then, and `unknown`, `confirm`, `verdict_within` say nothing.
    """

    name: str
    label: str
    effect: str
    max_posts: int
    unknown: UnknownPolicy
    confirm: tuple[timedelta, ...]  # delays after acceptance at which look() is asked; the last repeats
    verdict_within: timedelta  # no verdict after this: a person
    quotas: Mapping[str, tuple[Quota, ...]] = made(default_factory=dict)  # by account type, "" = any
    call: str = ""  # method and path of the public call, as the platform's own pages name it
    removal: RemovalSpec = RemovalSpec()
    used_up: frozenset[str] = frozenset()  # codes of refusals that say that the quota of the window is gone
    by_hand: bool = False
    reads_back: bool = True  # a look recognises the post itself; False: it asks the platform how far it is


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """A plain setting of an account, e.g. account_type. `choices` empty = free text; `words`: what staff read for each."""

    name: str
    label: str
    default: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    words: tuple[str, ...] = ()

    def worded(self) -> list[tuple[str, str]]:
        """Each choice and what staff read for it: the value itself where it has no word."""
        return [*zip(self.choices, self.words or self.choices, strict=True)]


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """All that the rest of the product must know of a vendor, as data."""

    name: str
    label: str
    fields: tuple[FieldSpec, ...]
    modes: tuple[ModeSpec, ...]
    endpoints: Mapping[str, str]  # name -> default address; `api` is the base the others default from
    credentials: tuple[OptionSpec, ...]  # names of secrets, e.g. app_secret
    options: tuple[OptionSpec, ...]
    identity: str = ""  # the option by which the platform knows the account; "" where no setting tells
    identity_in_links: bool = False  # the addresses of its posts name it by that option
    cover: CoverSpec | None = None
    link_field: str = ""  # payload field whose link carries the marker
    metrics: tuple[str, ...] = ()  # names this vendor can report; others show as "not reported"
    metric_labels: Mapping[str, str] = made(default_factory=dict)  # staff's words for those that no other vendor has
    metrics_lag: str = ""  # Chinese note on when numbers come
    metrics_daily: bool = False  # the vendor reports whole days, the day after: ask from 08:30 Beijing time
    spacing: timedelta = timedelta(seconds=5)  # least wait between posts of one lane
    cannot: tuple[str, ...] = ()  # Chinese sentences: what the vendor cannot do
    waits_for: Mapping[str, str] = made(default_factory=dict)  # code of an answer -> Chinese: who must act in time
    post_links: tuple[PostLink, ...] = ()  # what the address of a published post looks like
    shown_to: str = (
        ""  # Chinese: what names a person who can be shown an unpublished post ("微信号"); "" where none can
    )
    holds_drafts: bool = True  # staging leaves something on the platform that a person could change before T
    rehearsed: bool = False  # bot/rehearsal plays it, under this name
    recognised_by: str = (
        ""  # Chinese: how the numbers of a post made by hand are found (Recogniser); "" where they are not
    )
    fetches_token: bool = False  # the machine gets its token from the platform, and the next one when that ends
    has_admin: bool = False  # the platform asks an administrator of the account, whom it knows by WeChat
    links_later: str = ""  # Chinese: when the platform gives a link that it did not give at once; "" where none comes

    def mode(self, name: str) -> ModeSpec:
        """The mode of that name; KeyError if there is none."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise KeyError(f"{self.name} has no mode {name}")

    @property
    def public_modes(self) -> tuple[ModeSpec, ...]:
        """Those by which a post becomes public: what a person chooses who leaves a draft is not known to the machine."""
        return tuple(mode for mode in self.modes if not mode.by_hand)

    def identity_of(self, options: Mapping[str, str]) -> str:
        """Which account of the platform these settings mean, however it was typed; "" where they do not tell."""
        return str(options.get(self.identity, "")).strip().casefold() if self.identity else ""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One account of one unit, as an adapter sees it."""

    slug: str
    channel: str
    name: str
    mode: str
    endpoints: Mapping[str, str]
    credentials: Mapping[str, Secret]
    options: Mapping[str, str]
    proxy: str = ""

    def option(self, name: str, default: str = "") -> str:
        """A plain setting, or `default`."""
        return self.options.get(name) or default


# --- the wire -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WireRequest:
    """The bytes of one HTTP request, but for framing: the launcher adds Host, Content-Length, Connection.

    `url` is absolute and may hold a token: it is never logged. `headers` are in sending order.
    """

    method: str
    url: str = made(repr=False)
    headers: tuple[tuple[str, str], ...] = made(repr=False)
    body: bytes = made(repr=False)
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What came back. `complete` is False when the body was cut, over 1 MiB, or not HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    complete: bool = True

    def header(self, name: str) -> str:
        """First value of a header, case-insensitive, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to call: a token and when it ends. Never stored with a request, never logged."""

    token: Secret
    expires_at: datetime


# --- what a channel answers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging left on the platform, as a JSON-able table (media ids, image addresses, draft id).

    `verified` says that it was read back and equals the approved post under the closed list of
    normalisations.
    """

    table: Mapping[str, Any]
    verified: bool


@dataclass(frozen=True, slots=True)
class PositionReceipt:
    """One post's place on the platform; `url` is None where the platform has not told it yet."""

    platform_id: str
    url: str | None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Live: read back and recognised, every position."""

    ids: Mapping[str, str]
    positions: tuple[PositionReceipt, ...]
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """Accepted, not yet proved live."""

    ids: Mapping[str, str]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Provably without effect."""

    code: str
    remedy: Remedy
    message: str
    wait_until: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say. `ids` are hints worth keeping (45065 returns the msg_id). `hold`: for so long the call is not
    replayed, because the platform itself waits for somebody."""

    code: str
    message: str
    ids: Mapping[str, str] = made(default_factory=dict)
    detail: str = ""
    hold: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Absent:
    """This look did not find it. One look proves nothing; the engine spaces several."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The platform itself says that it did not become public, or that it was taken away."""

    code: str
    message: str
    gone: bool = False  # it was public before
    position: int | None = None  # 0-based, where the platform names one


@dataclass(frozen=True, slots=True)
class Unclear:
    """This look could not tell (reads failed, contradiction)."""

    message: str
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Doubled(Unclear):
    """The platform shows it more than once: a person must take the surplus down. `urls`: where each of them stands, in
    order of publication; `ids` as of a receipt."""

    needs_person: bool = True
    urls: tuple[str, ...] = ()
    ids: Mapping[str, str] = made(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Taken down by machine."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """The vendor has no call for it: what a person must do, in Chinese."""

    message: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Numbers of one post at one time. A metric that the platform did not report is absent from `values`
    or None there; it is never 0. `stat_date` is the platform's own date (ISO) for daily figures."""

    platform_id: str
    values: Mapping[str, int | None]
    raw: str
    stat_date: str = ""
    url: str | None = None
    absent: bool = False  # the platform no longer lists it


@dataclass(frozen=True, slots=True)
class HandMade:
    """A post that a person made on the platform's own console, as it stands in our book: nobody has read it back.

    `text`: what was given to copy, where it was a task. `known_id`: by what an earlier question found it ("" not yet): that
    one is its own, and no other's.
    """

    url: str
    title: str
    mode: str
    text: Post | None = None
    known_id: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """What we published ourselves: nothing of it is a post made by hand."""

    receipt: Receipt
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """Nobody can say for sure which post of the platform it is: it has no numbers. `message` is Chinese and says why."""

    message: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of a pre-flight: a named reason, and what to do when it is not ok.

    `code` is a stable word for scripts and records; `remedy` says who must do what ("" where `message` says it). `asked`:
    False where the platform was not asked, to spare calls: then it tells neither that all is well nor that it is not.
    """

    name: str
    ok: bool
    message: str
    warning: bool = False
    code: str = ""
    remedy: str = ""
    asked: bool = True

    def line(self) -> dict[str, Any]:
        """What is kept and shown of it; that nobody was asked stands in `message`."""
        return {name: value for name, value in asdict(self).items() if name != "asked"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one public act, for `look` and `probe_request`.

    `ids` are platform ids gathered so far; `owned_ids` are ids that other receipts already own, which must
    not be matched again; `since` is the newest own platform id known before the act ("" = none). `sent_at` is when it
    was last begun, `first_at` when for the first time (None: the same): what is older than that is not ours. `submits`:
    how often it was begun: more than once may mean more than one post. `told`: the ids in each event of the account since
    then; whose it is a read-back has to tell.
    """

    key: str
    posts: tuple[Post, ...]
    staged: Mapping[str, Any]
    ids: Mapping[str, str]
    sent_at: datetime
    now: datetime
    after_unknown: bool = False
    owned_ids: frozenset[str] = frozenset()
    since: str = ""
    first_at: datetime | None = None
    submits: int = 1
    told: tuple[Mapping[str, str], ...] = ()

    @property
    def begun_at(self) -> datetime:
        """When it was begun for the first time."""
        return self.first_at or self.sent_at


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """A callback's news about one of our acts, already verified and decrypted.

    `dedupe` is stable over repeats; `ids` say which act it is about; `outcome` is what it proves. `said_public`: the
    platform says that it became public, even where only a read-back would prove it; `urls` are the addresses it names.
    """

    name: str
    dedupe: str
    ids: Mapping[str, str]
    outcome: Receipt | Failed | Pending | None
    raw: str
    said_public: bool = False
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallbackReply:
    """What to answer to a callback request, and the events it carried."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    events: tuple[PlatformEvent, ...] = ()
    refusal: str = ""  # Chinese reason for the log when status is not 200


# --- what a channel is given ----------------------------------------------------------------------------


class Ports(Protocol):
    """The product's side of an adapter. One object per account; safe to share between threads."""

    def asset(self, sha256: str) -> Asset:
        """The picture's bytes. KeyError if unknown."""

    def token(self, fetch: Callable[[bool], Grant] | None, *, refused: Secret | None = None) -> Grant:
        """The shared token of the account.

        `fetch(force)` asks the platform; at most one process does so at a time, the others wait and get
        its result. `refused` is a token that the platform just rejected: a stored token that differs is
        returned without a fetch. `fetch=None` (no way to renew by machine): raises ChannelFault(OPERATOR)
        when nothing valid is stored.
        """

    def spend(self, bucket: str, *, limit: int, period: str, reserve: int = 0, each: int = 0) -> None:
        """Count one call in our own counter (`period` "hour" or "day", Beijing calendar).

        Raises ChannelFault(WAIT, OWN_QUOTA, wait_until=end of the period) instead of going over `limit`. A call that is no
        part of sending leaves at least `reserve` of it alone, and `each` for every push that is signed for the period and
        not through yet: OWN_RESERVE.
        """

    def platform_date(self, value: str, took: float = 0.0, sent: datetime | None = None) -> None:
        """Tell the product the `Date` header of an answer just received, for clock safety.

        `took`: steady seconds since the request was sent; `sent`: what our clock said then (None: as it says now, less
        `took`).
        """

    def record(self, call: str, outcome: str, detail: str = "") -> None:
        """Note one platform answer for the evidence trail. No secrets, no tokens, no full URLs."""

    def now(self) -> datetime:
        """The present instant, aware."""


class Channel(Protocol):
    """One account of a vendor. Methods that do HTTP raise ChannelFault; those marked pure do none."""

    spec: ChannelSpec
    account: AccountConfig

    def check(self, posts: Sequence[Post]) -> list[Finding]:
        """Pure. Limits of the platform, over the posts of one publication in order."""

    def grant(self) -> Grant:
        """A token with life left for the public act."""

    def stage(
        self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None, keep: bool = False
    ) -> Staged:
        """Put everything in place that followers cannot see; read it back and compare.

        Repeatable: `previous` is the table of an earlier, perhaps broken-off stage, whose uploads and draft
        are used again where they still stand. Raises ChannelFault(PERSON) when the read-back differs.

        `keep`: there was an intent with it already. Nothing is made anew then: where the draft does not stand unchanged,
        ChannelFault(PERSON) with the code `DRAFT_GONE`; what was the newest own post before that act stays noted as such.
        """

    def public_request(
        self, posts: Sequence[Post], staged: Mapping[str, Any], grant: Grant, *, key: str
    ) -> WireRequest:
        """Pure. The one call that makes it public. Same inputs, same bytes."""

    def read_answer(self, answer: WireAnswer, *, after_unknown: bool = False) -> Receipt | Pending | Refused | Unknown:
        """Pure. Class of (call, code, after_unknown). Whatever is not listed is Unknown."""

    def look(self, evidence: Evidence) -> Receipt | Pending | Absent | Failed | Unclear:
        """Read-only, repeatable: is it public? Never raises for a platform's answer; Unclear instead."""

    def probe_request(self, evidence: Evidence, grant: Grant) -> WireRequest | None:
        """Pure. A replay that cannot double (same key), or None where the vendor has no such thing."""

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> Withdrawn | ByHand:
        """Take it down, or say how a person does."""

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        """Numbers for posts. `day` (ISO, Beijing) is the day of publication, for vendors that report by day."""

    def preflight(self) -> list[CheckResult]:
        """Token, rights, allow-list, quota, clock: what would stop a release."""

    def newest_own_id(self) -> str:
        """The newest own platform id now ("" where the vendor needs none): kept with the intent."""


class CallbackReceiver(Protocol):
    """Implemented by channels whose platform calls back."""

    def callback(self, method: str, query: Mapping[str, str], body: bytes, *, now: datetime) -> CallbackReply:
        """Verify first, parse later. Pure but for `now`."""


class DraftKeeper(Protocol):
    """Implemented by channels that have a mode `by_hand`: what `stage` left there may be taken back."""

    def unstage(self, staged: Mapping[str, Any]) -> None:
        """Delete what `stage` left and nobody has made public, so that nobody does. `staged` is its table; nothing left is
        no fault, nor is another call. Raises ChannelFault where it may still be there."""


class Shower(Protocol):
    """Implemented by channels that can show an unpublished post to one person; their spec says how that person is named."""

    def show(self, posts: Sequence[Post], *, to: str) -> str:
        """Nothing becomes public and nothing is left behind. Returns what was done, in Chinese. Raises ChannelFault."""


class Recogniser(Protocol):
    """Implemented by channels that can be asked for the numbers of what a person posted on the platform's own console;
    their spec says how such a post is recognised."""

    def recognise(
        self, posts: Sequence[HandMade], ours: Sequence[Published], *, day: str
    ) -> list[Receipt | Unrecognised]:
        """For each of `posts`, in order: with what `measure` is asked for it, one position each. Read-only; raises ChannelFault.

        A doubt is never a receipt: wrong numbers are worse than none. For vendors that report by day, `posts` are all that
        the book holds of `day` (ISO, Beijing), and `ours` all that we published on it.
        """


class Authorizer(Protocol):
    """Implemented by channels that are authorised by a person in a browser (OAuth code exchange)."""

    def authorize_url(self, *, redirect_uri: str, state: str) -> str:
        """Where the person goes."""

    def exchange(self, *, code: str, redirect_uri: str) -> Grant:
        """Code for token; raises ChannelFault when the authorised user is not the configured one."""


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """What each folder under `bot/channels/` exports as `KIND`: its spec and how to make an adapter."""

    spec: ChannelSpec
    build: Callable[[AccountConfig, Ports], Channel]
