"""The only reader of the process environment: everything else gets a checked, typed `Environment`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

from bot.domain.secret import Secret
from bot.runtime.paths import Home
from config.broker import BrokerUrlError, broker_address
from config.database import DatabaseUrlError, database_settings

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LIVE_MIN_LEAD = timedelta(seconds=90)
REHEARSAL_MIN_LEAD = timedelta(seconds=25)
SECOND_FACTOR = ("all", "privileged", "off")
LEAST_REST = 5  # seconds; while a release is near the clock rings every second or two
LEAST_MIN_LEAD = 20  # staging must be over 15 s before the instant (design.md section 7)


class ConfigurationError(SystemExit):
    """A variable is wrong: names it and the remedy, in Chinese and English. Ends the process with status 2."""

    def __init__(self, name: str, chinese: str, english: str) -> None:
        super().__init__(2)
        self.name = name
        self.message = f"配置有误：环境变量 {name} {chinese}\nConfiguration: {name} {english}"

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of this installation, read once at start."""

    home: Home
    database_url: Secret
    broker_url: Secret
    embedded_broker: bool
    secret_key: Secret | None
    secret_key_file: Path
    allowed_hosts: tuple[str, ...]
    csrf_origins: tuple[str, ...]
    public_url: str
    ca_file: Path | None
    log_level: str
    min_lead: timedelta | None
    max_lateness: timedelta
    require_platform_date: bool
    portal_hosts: frozenset[str]
    trusted_proxy: str
    idle: timedelta
    rest_after: timedelta
    second_factor: str
    notify_given: Path | None
    inherited: Mapping[str, str] = field(repr=False)

    @property
    def https(self) -> bool:
        """Whether staff reach Tongfa over https; cookies are marked secure only then."""
        return self.public_url.startswith("https://")

    @property
    def notify_file(self) -> Path:
        """Where the targets of notices stand; it may not exist, and is read only when a message is due."""
        return self.notify_given or self.home.path / "notify.toml"

    def least_lead(self, *, rehearsal: bool) -> timedelta:
        """How far ahead a release must lie when it is signed."""
        return self.min_lead or (REHEARSAL_MIN_LEAD if rehearsal else LIVE_MIN_LEAD)

    def asks_second_factor(self, *, rehearsal: bool) -> str:
        """Of whom a second factor is demanded: "all", "privileged" or "off"."""
        return self.second_factor or ("off" if rehearsal else "privileged")

    def variable(self, name: str) -> Secret | None:
        """The value of any variable that an administrator names (`--secret-env NAME`), or None if it is unset."""
        value = self.inherited.get(name)
        return None if value is None else Secret(value)

    def for_child(self, **extra: str) -> dict[str, str]:
        """The environment of a child process: ours, with the home and both addresses made absolute."""
        return {
            **self.inherited,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "TONGFA_HOME": str(self.home.path),
            "DATABASE_URL": self.database_url.reveal(),
            "BROKER_URL": self.broker_url.reveal(),
            **extra,
        }

    def on_port(self, port: int) -> dict[str, str]:
        """What the processes of a machine whose pages are on that port are told, for `for_child`: where no address was
        given, links in notices and review links, and the way back from an authorisation, lead to that port."""
        return {} if self.inherited.get("TONGFA_PUBLIC_URL") else {"TONGFA_PUBLIC_URL": f"http://127.0.0.1:{port}"}


def use_settings() -> None:
    """Point Django at `config.settings`. Entry points (wsgi, Celery, the command line) call this first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Celery would have Django look through every page's address, and with them load all pages into each worker: a second of a
    # start and a fifth of its memory. `tongfa init` and `up` look; senders compare the database's rules (tasks/starting.py).
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")


def load() -> Environment:
    """The environment of this process. Raises ConfigurationError, which ends it with a message on stderr."""
    try:
        return read(os.environ)
    except ConfigurationError as error:
        os.write(2, f"{error}\n".encode())
        raise


def read(values: Mapping[str, str]) -> Environment:
    """Check `values` and give them types. Raises ConfigurationError on the first that is wrong."""
    home = Home(Path(values.get("TONGFA_HOME") or "var").expanduser().absolute())
    public_url = _public_url(values)
    key_file = Path(values.get("TONGFA_SECRET_KEY_FILE") or home.keys / "secret.key").expanduser().absolute()
    return Environment(
        home=home,
        database_url=_database_url(values, home),
        broker_url=_broker_url(values, home),
        embedded_broker=not values.get("BROKER_URL"),
        secret_key=_secret_key(values, key_file),
        secret_key_file=key_file,
        allowed_hosts=_list(values, "TONGFA_ALLOWED_HOSTS") or _hosts_of(public_url),
        csrf_origins=_origins(values, public_url),
        public_url=public_url,
        ca_file=_ca_file(values),
        log_level=_log_level(values),
        min_lead=_min_lead(values),
        max_lateness=timedelta(seconds=_seconds(values, "TONGFA_MAX_LATENESS", 1800, least=1)),
        require_platform_date=_flag(values, "TONGFA_REQUIRE_PLATFORM_DATE", default=True),
        idle=timedelta(minutes=_seconds(values, "TONGFA_IDLE_MINUTES", 60, least=1)),
        rest_after=_rest_after(values),
        second_factor=_one_of(values, "TONGFA_SECOND_FACTOR", SECOND_FACTOR),
        notify_given=Path(values["TONGFA_NOTIFY"]).expanduser().absolute() if values.get("TONGFA_NOTIFY") else None,
        portal_hosts=frozenset(host.lower() for host in _list(values, "TONGFA_PORTAL_HOSTS")),
        trusted_proxy=_trusted_proxy(values),
        inherited=dict(values),
    )


def _list(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in values.get(name, "").split(",") if item.strip())


def _trusted_proxy(values: Mapping[str, str]) -> str:
    text = values.get("TONGFA_TRUSTED_PROXY", "").strip()
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ConfigurationError(
            "TONGFA_TRUSTED_PROXY",
            "应是一个 IP 地址，即前面那台 TLS 代理连过来时的地址，如 127.0.0.1。没有代理就不设。",
            "must be one IP address, that from which the TLS proxy connects.",
        ) from None


def _database_url(values: Mapping[str, str], home: Home) -> Secret:
    url = values.get("DATABASE_URL") or f"sqlite:///{quote(str(home.path / 'tongfa.sqlite3'))}"
    try:
        database_settings(url, test_folder=home.path)
    except (DatabaseUrlError, ValueError) as error:
        raise ConfigurationError(
            "DATABASE_URL",
            "不是可用的数据库地址。请写成 sqlite:///文件路径 或 postgresql://用户:口令@主机:端口/库名。",
            f"is not a usable address: {error}.",
        ) from error
    return Secret(url)


def _broker_url(values: Mapping[str, str], home: Home) -> Secret:
    try:
        return Secret(broker_address(values.get("BROKER_URL", ""), home.broker_socket()))
    except (BrokerUrlError, ValueError) as error:
        raise ConfigurationError(
            "BROKER_URL",
            "不可用。请写成 redis+socket:///套接字文件、redis://:口令@主机:端口/库号 或 rediss://…；"
            "不在本机的 Redis 必须设口令。不设此变量则使用内置 Valkey。",
            f"is not usable: {error}.",
        ) from error


def _secret_key(values: Mapping[str, str], key_file: Path) -> Secret | None:
    """The signing key, or None before `tongfa init` has made one."""
    name = "TONGFA_SECRET_KEY"
    text = values.get(name, "")
    if not text:
        name = "TONGFA_SECRET_KEY_FILE"
        try:
            text = key_file.read_text("utf-8").strip()
        except FileNotFoundError:
            if values.get(name):
                raise ConfigurationError(
                    name, "指定的文件不存在，请检查路径。", "names a file that is missing."
                ) from None
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                name,
                "指定的密钥文件无法读取，请检查文件权限。",
                f"names a file that cannot be read ({type(error).__name__}).",
            ) from error
    if len(text) < 32:
        raise ConfigurationError(
            name,
            "中的密钥太短，至少要 32 个字符；请用 tongfa init 生成。",
            "holds under 32 characters; tongfa init makes one.",
        )
    return Secret(text)


def _public_url(values: Mapping[str, str]) -> str:
    url = (values.get("TONGFA_PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise ConfigurationError(
            "TONGFA_PUBLIC_URL",
            "应是员工打开本系统的网址，如 https://tongfa.example.gov.cn，不带路径。",
            "must be scheme://host[:port] without a path.",
        )
    return url


def _hosts_of(public_url: str) -> tuple[str, ...]:
    host = urlsplit(public_url).hostname or ""
    return tuple(dict.fromkeys((f"[{host}]" if ":" in host else host, *LOOPBACK_HOSTS)))


def _origins(values: Mapping[str, str], public_url: str) -> tuple[str, ...]:
    origins = _list(values, "TONGFA_CSRF_ORIGINS") or (public_url,)
    if any("://" not in origin for origin in origins):
        raise ConfigurationError(
            "TONGFA_CSRF_ORIGINS", "每一项都要写成 https://主机 的形式。", "needs scheme://host in every entry."
        )
    return origins


def _ca_file(values: Mapping[str, str]) -> Path | None:
    text = values.get("TONGFA_CA_FILE", "")
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise ConfigurationError(
            "TONGFA_CA_FILE", "指定的证书文件不存在，请检查路径。", "names a file that is missing."
        )
    return path


def _log_level(values: Mapping[str, str]) -> str:
    level = (values.get("TONGFA_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise ConfigurationError(
            "TONGFA_LOG_LEVEL", f"只能是 {'、'.join(LEVELS)} 之一。", f"must be one of {', '.join(LEVELS)}."
        )
    return level


def _min_lead(values: Mapping[str, str]) -> timedelta | None:
    if not values.get("TONGFA_MIN_LEAD"):
        return None
    return timedelta(seconds=_seconds(values, "TONGFA_MIN_LEAD", 0, least=LEAST_MIN_LEAD))


def _rest_after(values: Mapping[str, str]) -> timedelta:
    seconds = _seconds(values, "TONGFA_REST_AFTER", 120, least=0)
    if 0 < seconds < LEAST_REST:
        raise ConfigurationError(
            "TONGFA_REST_AFTER",
            f"应是 0（从不退下）或 {LEAST_REST} 以上的整数（秒）。",
            f"must be 0 (never) or at least {LEAST_REST} seconds.",
        )
    return timedelta(seconds=seconds)


def _seconds(values: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = values.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= 86_400:
        raise ConfigurationError(
            name, f"应是 {least} 到 86400 之间的整数（秒）。", f"must be a whole number of seconds, {least} to 86400."
        )
    return int(text)


def _one_of(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    text = values.get(name, "").strip().lower()
    if text and text not in known:
        raise ConfigurationError(name, f"只能是 {'、'.join(known)} 之一。", f"must be one of {', '.join(known)}.")
    return text


def _flag(values: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = values.get(name, "").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    if text:
        raise ConfigurationError(name, "只能是 1（是）或 0（否）。", "must be 1 or 0.")
    return default
