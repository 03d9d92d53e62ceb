"""The records. Only `bot.services` writes them."""

from .accounts import Account, AuthorizationRequest, ClockReading, Counter, Credential, Token
from .documents import Document, Edition, FindingRecord, Review, Waiver
from .evidence import AccountSample, AuditEvent, CallbackRecord, SampleRecord
from .inbox import Opened, ReturnPhrase, ReviewLink
from .people import Person, Unit
from .posts import AssetRecord, PostRecord
from .releases import Attempt, Batch, Freeze, Item, PortalGate, Publication, Release, Reservation
from .watch import Alarm, AlarmNotice, Chore, Preflight, PreflightCheck

__all__ = [
    "Account",
    "AccountSample",
    "Alarm",
    "AlarmNotice",
    "AssetRecord",
    "Attempt",
    "AuditEvent",
    "AuthorizationRequest",
    "Batch",
    "CallbackRecord",
    "Chore",
    "ClockReading",
    "Counter",
    "Credential",
    "Document",
    "Edition",
    "FindingRecord",
    "Freeze",
    "Item",
    "Opened",
    "Person",
    "PortalGate",
    "PostRecord",
    "Preflight",
    "PreflightCheck",
    "Publication",
    "Release",
    "Reservation",
    "ReturnPhrase",
    "Review",
    "ReviewLink",
    "SampleRecord",
    "Token",
    "Unit",
    "Waiver",
]
