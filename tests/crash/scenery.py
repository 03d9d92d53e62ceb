"""What every run starts from: an office with a signed release, and its two accounts on the platforms.

The release was planned, approved and signed by the services, half an hour before its instant. Only two things of the
template are changed for a run: the platforms' address, which differs by the port, and the token, which is fetched anew.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from bot.domain.article import Article
from bot.models import Account, Token
from bot.rehearsal import RehearsalServer
from bot.rehearsal.defaults import create_account
from bot.runtime.paths import Home
from bot.services import home, urgent, vault
from tests.services.factories import APP_ID, HALF_HOUR, NOW, UID, Office, article, tiny_cover
from tests.support import schema

from .databases import Databases

INSTANT: datetime = NOW + HALF_HOUR
BEGIN: datetime = INSTANT - timedelta(minutes=10)
"""When the runs begin: staging is due."""
SECRETS = ("wechat-secret", "weibo-secret", "a-token-of-a-test")
#: Words of the posts, which may not stand in any log. The title is not among them: staff find a case by its title.
WORDS = ("请市民留意站牌，暗记乙丑七三九", "部分站点，暗记甲子四一六")


@dataclass(frozen=True)
class Scene:
    """A release: on which accounts, in which WeChat mode, of how many documents."""

    name: str
    accounts: tuple[str, ...]
    mode: str = "mass"
    documents: int = 1
    urgent: bool = False  # on two people's words in place of reviews


SCENES = (
    Scene("mass", ("wechat",), documents=2),
    Scene("publish", ("wechat",), mode="publish"),
    Scene("weibo", ("weibo",)),
    Scene("both", ("wechat", "weibo"), documents=2),
    Scene("urgent", ("wechat", "weibo"), urgent=True),
)


def use_home(path: Path) -> None:
    """Let this process work in another home."""
    settings.TONGFA = dataclasses.replace(settings.TONGFA, home=Home(path))


def prepare(databases: Databases, folder: Path) -> None:
    """Templates: a home with keys, the platforms' state, an empty database with all tables, one database for each scene.

    Runs in a process of its own, because it leaves connections and threads behind.
    """
    use_home(folder / "home")
    vault.make_keys(folder / "home")
    home.write(home.HomeFacts(live=False, rehearsal_port=9))
    _prepare_platforms(folder / "platforms")
    databases.create("template")
    databases.use("template")
    with schema.copied():
        call_command("migrate", verbosity=0, interactive=False)
    connections.close_all()
    for scene in SCENES:
        databases.copy("template", f"template_{scene.name}")
        databases.use(f"template_{scene.name}")
        _sign(scene)
        connections.close_all()


def _sign(scene: Scene) -> None:
    with mock.patch.object(
        sys.modules["bot.rendering.render"], "draw_cover", lambda article, spec, *, place: tiny_cover(spec.layout)
    ):
        office = Office.make()
        Account.objects.filter(pk=office.wechat.pk).update(mode=scene.mode)
        Token.objects.filter(account=office.wechat).delete()
        accounts = [getattr(office, name) for name in scene.accounts]
        for account in accounts:
            account.refresh_from_db()
        articles = [
            article(
                number, body_html=f"<p>自12月1日起调整，{WORDS[0]}。</p>", summary=f"3路、8路公交车调整{WORDS[1]}。"
            )
            for number in range(1, scene.documents + 1)
        ]
        if scene.urgent:
            _on_two_words(office, articles[0], accounts)
        else:
            office.signed(*(office.approved(one) for one in articles), instant=INSTANT, on=accounts)


def _on_two_words(office: Office, notice: Article, accounts: list[Account]) -> None:
    document = office.took(notice)
    urgency = urgent.propose(
        document, modes={one.slug: one.mode for one in accounts}, instant=INSTANT, reason="汛情紧急",
        seen=document.current.content_hash, person=office.people["editor"], now=NOW,
    )  # fmt: skip
    urgent.confirm(urgency, seen=urgency.digest, person=office.people["final"], now=NOW)


def _prepare_platforms(folder: Path) -> None:
    server = RehearsalServer(folder, defaults=False)
    # Nothing of theirs catches a second send for us: what they do with one is promised nowhere.
    wechat = {"duplicate_submit": "a", "mass_per_day": 10}
    create_account(server.world, "wechat", {"appid": APP_ID, "secret": SECRETS[0], "switches": wechat})
    weibo = {"repeat_seconds": -1}
    create_account(server.world, "weibo", {"uid": UID, "app_key": "key", "token": SECRETS[2], "switches": weibo})
    server.start()
    server.stop()


def point_at(base: str) -> None:
    """Let the accounts of this process's database be on the platforms at `base`."""
    for account in Account.objects.all():
        places = dict.fromkeys(account.endpoints, f"{base}/{account.channel}")
        Account.objects.filter(pk=account.pk).update(endpoints=places)


def copy_home(template: Path, target: Path) -> None:
    """A home of its own for a run."""
    shutil.copytree(template / "home", target / "home")
    shutil.copytree(template / "platforms", target / "platforms")


def issued_tokens(state: Path) -> list[str]:
    """The WeChat tokens that the platform gave out: they may stand nowhere."""
    with sqlite3.connect(f"file:{state / 'rehearsal.sqlite3'}?mode=ro", uri=True) as session:
        rows = session.execute("SELECT data FROM docs WHERE kind = 'wx_token'").fetchall()
    return [json.loads(row[0])["token"] for row in rows]
