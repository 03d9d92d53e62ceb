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
from .documents import (
    AttachmentFile,
    AttachmentReading,
    Document,
    Draft,
    Edition,
    FindingRecord,
    Review,
    SavedView,
    Waiver,
)
from .evidence import AccountSample, AuditEvent, CallbackRecord, SampleRecord, TrailLine
from .inbox import Opened, ReturnPhrase, ReviewLink
from .machine import ApiCall, ApiToken
from .manual import HandDraft, ManualCount, ManualPost, ManualSample, ManualTask, ManualVoid
from .people import Deputy, Person, RecoveryCode, SecondFactor, Unit
from .posts import AssetRecord, AssetUse, PostRecord
from .releases import Attempt, Batch, Freeze, Item, PortalGate, Publication, Release, Reservation
from .urgent import Urgency, UrgentWord
from .watch import Alarm, AlarmNotice, Chore, Preflight, PreflightCheck, Standstill
from .withdrawals import Correction, Takedown, TakedownCall, Withdrawal

__all__ = [
    "Account",
    "AccountCheck",
    "AccountSample",
    "Alarm",
    "AlarmNotice",
    "ApiCall",
    "ApiToken",
    "AssetRecord",
    "AssetUse",
    "AttachmentFile",
    "AttachmentReading",
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
    "Custody",
    "Deputy",
    "Document",
    "Draft",
    "Edition",
    "FindingRecord",
    "Freeze",
    "HandDraft",
    "Item",
    "ManualCount",
    "ManualPost",
    "ManualSample",
    "ManualTask",
    "ManualVoid",
    "Opened",
    "Person",
    "PortalGate",
    "PostRecord",
    "Preflight",
    "PreflightCheck",
    "Publication",
    "RecoveryCode",
    "Release",
    "Reservation",
    "ReturnPhrase",
    "Review",
    "ReviewLink",
    "SampleRecord",
    "SavedView",
    "SecondFactor",
    "Standstill",
    "Takedown",
    "TakedownCall",
    "Token",
    "TrailLine",
    "Unit",
    "Urgency",
    "UrgentWord",
    "Waiver",
    "Withdrawal",
]
