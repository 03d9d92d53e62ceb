"""The records. Only `bot.services` writes them."""

from .accounts import Account, AuthorizationRequest, ClockReading, Counter, Credential, Token
from .documents import Document, Edition, FindingRecord, Review, Waiver
from .evidence import AccountSample, AuditEvent, CallbackRecord, SampleRecord
from .people import Person, Unit
from .posts import AssetRecord, PostRecord
from .releases import Attempt, Batch, Freeze, Item, PortalGate, Publication, Release, Reservation
from .watch import Alarm, AlarmNotice, Chore, Preflight, PreflightCheck
from .withdrawals import Correction, Takedown, TakedownCall, Withdrawal

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
    "Correction",
    "Counter",
    "Credential",
    "Document",
    "Edition",
    "FindingRecord",
    "Freeze",
    "Item",
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
    "Takedown",
    "TakedownCall",
    "Token",
    "Unit",
    "Waiver",
    "Withdrawal",
]
