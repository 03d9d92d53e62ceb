"""Every HTTP call that a push costs when nothing goes wrong, by the platforms' own journal: these, and no more.

docs/explanation/performance.md lists them, measured on the whole product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.delivery import State
from bot.models import Account
from bot.rehearsal import RehearsalServer

from .delivery_drill import PUBLIC, Drill
from .delivery_support import states
from .factories import Office

DRAFTED = {"material/add_material": 1, "draft/add": 1, "draft/get": 2}  # read back when staged, and right before T
#: mode -> (the token and the one pre-flight, which asks for it again with the secret, staging and the last seconds,
#: the public call, looks)
CALLS: dict[str, tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, int]]] = {
    "mass": (
        {"stable_token": 2, "draft/count": 1, "message/mass/speed/get": 1, "openapi/quota/get": 1},
        DRAFTED,
        {"message/mass/sendall": 1},
        {"message/mass/get": 1},
    ),
    "publish": (
        {"stable_token": 2, "draft/count": 1, "freepublish/batchget": 1, "openapi/quota/get": 1},
        DRAFTED,
        {"freepublish/submit": 1},
        {"freepublish/get": 1, "freepublish/getarticle": 1},
    ),
    "share": (
        {"oauth2/get_token_info": 1, "account/rate_limit_status": 1},
        {"statuses/user_timeline": 1},
        {"statuses/share": 1},
        {"statuses/user_timeline": 1},
    ),
}


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        yield Drill(server, Office.make(api=server.base_url))


@pytest.mark.parametrize("mode", CALLS)
def test_a_push_costs_these_calls_and_exactly_one_at_its_instant(drill: Drill, mode: str) -> None:
    account = drill.office.weibo if mode == "share" else drill.office.wechat
    Account.objects.filter(pk=account.pk).update(mode=mode)
    account.refresh_from_db()
    release = drill.released(on=[account])
    drill.settle()
    assert states(release) == [State.LIVE]
    made = [line["call"] for line in drill._get("journal")]
    (at,) = [place for place, call in enumerate(made) if call in PUBLIC]
    preflight, ahead, act, looks = map(Counter, CALLS[mode])
    assert Counter(made[:at]) == preflight + ahead
    assert Counter(made[at : at + 1]) == act
    assert Counter(made[at + 1 :]) == looks
