"""Releases, numbers and health in requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.delivery import State
from bot.domain.handdraft import Stage
from bot.domain.sync import GateState
from bot.services.manualtasks import Standing

from ..fields import Address, Body, Count, Id, Instant, Line, Slug, Whole


class AtTimeIn(Body):
    """At the instant, whatever the portal shows."""

    kind: Literal["at_time"]


class AfterLiveIn(Body):
    """Not before the instant, and not before the page is live with the title on it."""

    kind: Literal["after_live"]
    url: Address = Field(description="The page on the portal; its host must be listed.")
    title: Line = Field("", description="The title that the page must show; empty: that of the first document.")
    wait_seconds: Count = Field(600, ge=5, le=3600, description="How long to wait at most after the instant.")
    then: Literal["hold", "go", "ask"] = Field(
        "ask", description="When it is still not live: hold the release, let it go all the same, or ask a person."
    )


class ReleaseIn(Body):
    """A release to be composed. A policy brings its interpretation along, right behind it."""

    instant: Instant = Field(
        description="When it goes out, with an offset. An instant without one is refused.",
        examples=["2099-12-01T09:00:00+08:00"],
    )
    documents: list[Id] = Field(
        min_length=1, max_length=50, description="Ids of approved documents, in order.", examples=[["HD-1"]]
    )
    accounts: list[Slug] = Field(
        [], max_length=20, description="Slugs; empty: all accounts of the unit that are in use."
    )
    modes: dict[str, Slug] = Field({}, max_length=20, description="Another mode for single accounts, by slug.")
    title: Line = Field("", description="Empty: the title of the first document.")
    sync: Annotated[AtTimeIn | AfterLiveIn, Field(discriminator="kind")] = AtTimeIn(kind="at_time")


class Place(Whole):
    """One post of a publication."""

    position: int
    document: str
    edition: int
    title: str
    platform_id: str | None
    url: str | None = Field(description="Address of the public post; null while it is not known.")


class PublicationOut(Whole):
    """One account's push."""

    id: int
    account: str
    channel: str
    mode: str
    lane: int = Field(description="Place in the row of pushes that one release has on one account.")
    state: State
    reason: str = Field(description="Why it stands as it does; for staff, in Chinese.")
    instant: datetime
    sent_at: datetime | None = Field(description="When the first byte left.")
    late_ms: float | None = Field(
        description="Milliseconds from when it was due, as signed, to the first byte; null: nothing left."
    )
    live_at: datetime | None
    items: list[Place]


class Task(Whole):
    """One post that a person makes of a release."""

    position: int
    document: str
    edition: int
    title: str
    url: str | None = Field(description="Address of the public post, as a person entered it; null: nobody has.")
    posted_at: datetime | None = Field(description="When a person says that it went out.")
    dropped: str = Field(description="Why nobody is to post it any more, or it was taken down; for staff, in Chinese.")


class DraftOut(Whole):
    """The draft that the machine leaves on the account, which a person makes public there."""

    stage: Stage
    label: str = Field(description="The stage for staff, in Chinese.")
    note: str = Field(description="What went wrong and what to do, for staff, in Chinese; empty where nothing did.")


class ByHand(Whole):
    """What people post on one account as one message: no push of the machine."""

    account: str
    channel: str
    mode: str
    lane: int = Field(description="Place in the row of messages that one release has on one account.")
    standing: Standing = Field(description="Whether people may post now what of it is not posted; `due`: they may.")
    draft: DraftOut | None = Field(description="Null where the machine leaves none, or no signature stands.")
    tasks: list[Task]


class Gate(Whole):
    """The portal page that the release waits for."""

    url: str
    title: str
    wait_seconds: int
    then: Literal["hold", "go", "ask"]
    state: GateState
    effective: datetime | None = Field(description="When the release goes because of the page.")


class Pending(Whole):
    """Something that only a person does. The machine interface neither reviews nor signs nor decides."""

    what: Literal["signature", "decision"]
    roles: list[str] = Field(description="Who may do it: roles as `tongfa user add` takes them.")
    publication: int | None
    until: datetime | None = Field(description="The last moment that is of use.")
    message: str = Field(description="For staff, in Chinese.")


class ReleaseOut(Whole):
    """A release with everything that is known of it."""

    id: int
    title: str
    instant: datetime
    sync: Literal["at_time", "after_live"]
    gate: Gate | None
    created_at: datetime
    signed: bool
    signed_at: datetime | None
    cancelled: bool
    urgent: bool = Field(
        description="It went out on two people's word, and is reviewed afterwards. People only ask for that."
    )
    publications: list[PublicationOut]
    by_hand: list[ByHand] = Field(description="What people post, beside or instead of the pushes.")
    pending: list[Pending] = Field(description="What must still be done by a person.")


class ReleasePlanned(ReleaseOut):
    """A release that was composed and is not signed."""

    warnings: list[str] = Field(description="What will stand in the way of the signature; for staff, in Chinese.")


class ReleasePage(Whole):
    """A part of the list, newest first."""

    releases: list[ReleaseOut]
    next: int | None = Field(description="The `before` of the next page; null: there is none.")


class Numbers(Whole):
    """The newest numbers of one post."""

    cursor: int
    release: int
    publication: int
    document: str
    title: str
    account: str
    channel: str
    state: State
    url: str | None
    sent_at: datetime | None
    live_at: datetime | None
    sampled_at: datetime | None
    stat_date: str | None = Field(description="The platform's own date of the newest sample.")
    absent: bool = Field(description="The platform did not list the post when it was last asked.")
    values: dict[str, int | None] = Field(description="By metric; null: not reported, which is never the same as 0.")


class NumbersPage(Whole):
    """A part of the numbers."""

    items: list[Numbers]
    next: int | None = Field(description="The `after` of the next page; null: there is none.")


class NumbersByHand(Whole):
    """The newest numbers of one post that a person made on a platform's own console, as it stands in the book."""

    cursor: int
    document: str | None = Field(description="Null for what has no document here.")
    title: str
    account: str
    channel: str
    url: str
    posted_at: datetime
    sampled_at: datetime | None
    stat_date: str | None = Field(description="The platform's own date of the newest sample.")
    absent: bool = Field(description="The platform did not list the post when it was last asked.")
    note: str = Field(description="Why there are no numbers, for staff, in Chinese; empty where there are.")
    values: dict[str, int | None] = Field(description="By metric; null: not reported, which is never the same as 0.")


class NumbersByHandPage(Whole):
    """A part of them."""

    items: list[NumbersByHand]
    next: int | None = Field(description="The `after` of the next page; null: there is none.")


class AccountHealth(Whole):
    """What is known of an account without asking its platform."""

    account: str
    channel: str
    enabled: bool
    disabled_reason: str
    token_expires_at: datetime | None
    token_ok: bool = Field(description="False: a person must authorise the account, or do so soon.")
    last_contact_at: datetime | None
    clock_offset_ms: int | None = Field(description="How far the platform's clock was ahead of ours.")
    clock_ok: bool = Field(description="False where the clocks differ by more than 2 seconds: then nothing is sent.")


class ClockHealth(Whole):
    """The process without which nothing goes out."""

    runs: bool = Field(description="It gave a sign of life on this machine within 45 seconds.")
    seconds_since_sign: float | None = Field(description="Null: it never gave one on this machine.")


class Health(Whole):
    """The state of the installation and of the unit."""

    environment: Literal["live", "rehearsal"]
    database: Literal["sqlite", "postgresql"] = Field(description="It answers; else the answer is status 503.")
    clock: ClockHealth
    frozen: bool = Field(description="The unit has stopped everything.")
    waiting_for_a_person: int = Field(description="Pushes that nothing but a person moves on.")
    open_alarms: int
    accounts: list[AccountHealth]
