"""Every environment variable that Tongfa reads: name, default, meaning. Data for `env`, the docs and the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `default` is what holds when it is unset, in words where it is worked out."""

    name: str
    default: str
    meaning: str
    secret: bool = False


VARIABLES: tuple[Variable, ...] = (
    Variable("TONGFA_HOME", "./var", "Folder of this installation: database, keys, logs, sockets, media."),
    Variable(
        "DATABASE_URL",
        "sqlite:///<home>/tongfa.sqlite3",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME; query parameters go to the driver.",
        secret=True,
    ),
    Variable(
        "BROKER_URL",
        "redis+socket://<home>/run/valkey.sock",
        "Redis or Valkey: redis+socket:///FILE, redis://:PASSWORD@HOST:PORT/DB or rediss://. Only a doorbell.",
        secret=True,
    ),
    Variable("TONGFA_SECRET_KEY", "", "Signing key of sessions and forms, at least 32 characters.", secret=True),
    Variable(
        "TONGFA_SECRET_KEY_FILE", "<home>/keys/secret.key", "File that holds the signing key; `tongfa init` makes it."
    ),
    Variable(
        "TONGFA_PUBLIC_URL",
        "http://127.0.0.1:8000, or the --port of tongfa up, demo, run web",
        "Address under which staff open Tongfa; https in earnest.",
    ),
    Variable(
        "TONGFA_ALLOWED_HOSTS",
        "the host of TONGFA_PUBLIC_URL and the loopback names",
        "Host names that the web process answers to, separated by commas.",
    ),
    Variable(
        "TONGFA_CSRF_ORIGINS",
        "TONGFA_PUBLIC_URL",
        "Origins (scheme://host) whose forms are accepted, separated by commas.",
    ),
    Variable("TONGFA_CA_FILE", "", "PEM file with further certificate authorities, beside certifi's."),
    Variable("TONGFA_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    Variable(
        "TONGFA_MIN_LEAD",
        "90 (rehearsal: 25)",
        "Seconds that a release must lie ahead when it is signed; 20 at least.",
    ),
    Variable("TONGFA_MAX_LATENESS", "1800", "Seconds after the promised instant beyond which no machine sends."),
    Variable(
        "TONGFA_REQUIRE_PLATFORM_DATE",
        "1",
        "1: hold a release when the platform gives no usable Date. 0: go without one. A clock that differs by over 2 s holds in "
        "either case.",
    ),
    Variable(
        "TONGFA_NOTIFY",
        "<home>/notify.toml",
        "TOML file that names who is told of alarms, in which ring; read whenever a message is due.",
    ),
    Variable(
        "TONGFA_PORTAL_HOSTS",
        "",
        "Host names of the government portal, separated by commas; empty: Hedong's. Source links to others draw a warning, and a release can wait only for pages on these.",
    ),
    Variable(
        "TONGFA_TRUSTED_PROXY",
        "",
        "IP address of the one TLS proxy before the pages: the last address in its `X-Forwarded-For` is where a visitor comes from. "
        "Empty: no such header is believed, and behind a proxy all visitors count as one address when wrong logins are counted.",
    ),
    Variable(
        "TONGFA_IDLE_MINUTES",
        "60",
        "Minutes without a click after which a session ends; what a page fetches by itself does not count.",
    ),
    Variable(
        "TONGFA_REST_AFTER",
        "120",
        "Seconds without a bell after which a worker ends and leaves a small process to wait for the next, at least 5; 0: it never does.",
    ),
    Variable(
        "TONGFA_SECOND_FACTOR",
        "privileged (rehearsal: off)",
        "Who must use an authenticator app: all, privileged (签发, 值班 and the administrators) or off. Anybody may.",
    ),
)

NAMES = frozenset(variable.name for variable in VARIABLES)
