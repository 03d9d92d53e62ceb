"""The records. Only `bot.services` writes them."""

from .accounts import (
    Account,
    AccountCheck,
    AuthorizationRequest,
    ClockReading,
    Counter,
    Credential,
    Custody,
    Token,
)
from .documents import Document, Edition, FindingRecord, Review, Waiver
from .evidence import AccountSample, AuditEvent, CallbackRecord, SampleRecord
from .manual import ManualPost, ManualTask, ManualVoid
from .people import Person, Unit
from .posts import AssetRecord, PostRecord
from .releases import Attempt, Batch, Freeze, Item, PortalGate, Publication, Release, Reservation
from .watch import Alarm, AlarmNotice, Chore, Preflight, PreflightCheck

__all__ = [
    "Account",
    "AccountCheck",
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
    "Custody",
    "Document",
    "Edition",
    "FindingRecord",
    "Freeze",
    "Item",
    "ManualPost",
    "ManualTask",
    "ManualVoid",
    "Person",
    "PortalGate",
    "PostRecord",
    "Preflight",
    "PreflightCheck",
    "Publication",
    "Release",
    "Reservation",
    "Review",
    "SampleRecord",
    "Token",
    "Unit",
    "Waiver",
]
