"""What every channel must do, whatever the vendor: one suite over the contract in `bot.domain.channel`.

A vendor's test module makes a `Bench` (its adapter in front of a platform on loopback) and subclasses
`ChannelContract`::

    class TestMine(ChannelContract):
        @pytest.fixture
        def bench(self): ...
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.domain.channel import (
    DRAFT_GONE,
    Absent,
    ByHand,
    Channel,
    ChannelFault,
    Evidence,
    Failed,
    HandMade,
    Pending,
    Ports,
    Receipt,
    Refused,
    Remedy,
    Unclear,
    Unknown,
    Unrecognised,
    WireAnswer,
    WireRequest,
    Withdrawn,
)
from bot.domain.findings import blocking
from bot.domain.post import Post
from bot.domain.postlink import which_post
from bot.domain.sampling import METRIC_WORDS

CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Bench(ABC):
    """One account's adapter and the platform behind it."""

    channel: Channel
    ports: Ports
    posts: Sequence[Post]
    key: str

    @abstractmethod
    def public_effects(self) -> int:
        """How many posts followers can see now."""

    @abstractmethod
    def public_calls(self) -> int:
        """How often the public call arrived."""

    @abstractmethod
    def lose(self, *, executed: bool) -> None:
        """The next public call gets no answer; it is executed or not."""

    @abstractmethod
    def revoke_token(self) -> None:
        """The platform stops accepting the token that `grant` gave."""

    @abstractmethod
    def go_down(self) -> None:
        """Nothing answers any more."""

    def stage(self) -> Mapping[str, Any]:
        return self.channel.stage(self.posts, key=self.key).table

    def send(self, staged: Mapping[str, Any]) -> WireAnswer | None:
        """The public act; None when the line broke."""
        return exchange(self.channel.public_request(self.posts, staged, self.channel.grant(), key=self.key))

    def evidence(self, staged: Mapping[str, Any], ids: Mapping[str, str] | None = None, **more: Any) -> Evidence:
        now = self.ports.now()
        values = {"key": self.key, "ids": ids or {}, "sent_at": now, "now": now} | more
        return Evidence(posts=tuple(self.posts), staged=staged, **values)

    def settle(self, evidence: Evidence) -> Receipt | Absent | Failed | Unclear:
        """Look until the platform has made up its mind."""
        end = time.monotonic() + 8
        while time.monotonic() < end:
            found = self.channel.look(evidence)
            if not isinstance(found, Pending):
                return found
            time.sleep(0.02)  # the platform's own asynchronous work, in another thread
        raise AssertionError("still pending")


def exchange(request: WireRequest) -> WireAnswer | None:
    """Send a WireRequest as the launcher would, on a connection of its own."""
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request(request.method, f"{parts.path}?{parts.query}", request.body, dict(request.headers))
            response = connection.getresponse()
            return WireAnswer(response.status, tuple(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException):
            return None


class ChannelContract:
    """The suite. `bench` is the subclass's fixture."""

    # --- data ---

    def test_the_spec_describes_the_accounts_mode_in_words_for_staff(self, bench):
        spec = bench.channel.spec
        mode = spec.mode(bench.channel.account.mode)
        assert CHINESE.search(mode.label)
        assert CHINESE.search(mode.effect)
        assert mode.unknown.when_absent in {"resend", "probe", "person"}
        assert list(mode.unknown.looks) == sorted(mode.unknown.looks)
        assert mode.confirm
        assert 1 <= len(bench.posts) <= mode.max_posts
        assert all(field.label for field in spec.fields)

    def test_the_spec_tells_the_address_of_a_post_from_every_other(self, bench):
        links = bench.channel.spec.post_links
        assert links
        for host in {host for link in links for host in link.hosts}:
            for other in ("https://example.com/", f"https://{host}/", f"https://{host}.example.com/1/abcdefgh", ""):
                assert which_post(other, links) == ""
        assert all(link.example.startswith(f"https://{link.hosts[0]}/") for link in links)

    def test_an_address_that_the_channel_itself_gives_is_one(self, bench):
        staged = bench.stage()
        accepted = bench.channel.read_answer(bench.send(staged))
        receipt = bench.settle(bench.evidence(staged, accepted.ids))
        given = [place.url for place in receipt.positions if place.url]
        assert len({which_post(url, bench.channel.spec.post_links) for url in given} - {""}) == len(given)

    def test_an_approved_post_passes_the_channels_own_check(self, bench):
        assert blocking(bench.channel.check(bench.posts)) == []

    # --- staging ---

    def test_staging_shows_nothing_to_followers(self, bench):
        bench.stage()
        assert bench.public_effects() == 0
        assert bench.public_calls() == 0

    def test_staging_again_over_its_own_table_changes_nothing(self, bench):
        first = bench.channel.stage(bench.posts, key=bench.key)
        again = bench.channel.stage(bench.posts, key=bench.key, previous=json.loads(json.dumps(first.table)))
        assert first.verified
        assert again == first

    # --- the public act ---

    def test_the_public_request_is_pure_and_leaves_framing_to_the_launcher(self, bench):
        staged, grant = bench.stage(), bench.channel.grant()
        one = bench.channel.public_request(bench.posts, staged, grant, key=bench.key)
        assert one == bench.channel.public_request(bench.posts, json.loads(json.dumps(staged)), grant, key=bench.key)
        assert not {name.lower() for name, _ in one.headers} & {"host", "content-length", "connection", "expect"}
        assert grant.token.reveal() not in repr(replace(one, headers=()))
        assert bench.public_calls() == 0

    def test_the_mode_names_its_public_call(self, bench):
        """What the story of a release says was asked is what is asked."""
        request = bench.channel.public_request(bench.posts, bench.stage(), bench.channel.grant(), key=bench.key)
        method, path = bench.channel.spec.mode(bench.channel.account.mode).call.split(" ")
        assert (request.method, urlsplit(request.url).path.endswith(path)) == (method, True)

    def test_one_call_makes_all_posts_public_and_they_are_read_back(self, bench):
        staged = bench.stage()
        accepted = bench.channel.read_answer(bench.send(staged))
        assert isinstance(accepted, Pending | Receipt)
        receipt = bench.settle(bench.evidence(staged, accepted.ids))
        assert isinstance(receipt, Receipt)
        assert len(receipt.positions) == len(bench.posts)
        assert all(position.platform_id for position in receipt.positions)
        assert (bench.public_effects(), bench.public_calls()) == (len(bench.posts), 1)

    def test_looking_is_repeatable(self, bench):
        staged = bench.stage()
        proof = bench.evidence(staged, bench.channel.read_answer(bench.send(staged)).ids)
        assert bench.settle(proof).positions == bench.settle(proof).positions
        assert bench.public_effects() == len(bench.posts)

    def test_a_lost_answer_ends_with_one_effect_and_the_receipt(self, bench):
        """By looking; where looking cannot tell, by a replay that the vendor promises cannot double."""
        staged = bench.stage()
        bench.lose(executed=True)
        assert bench.send(staged) is None
        receipt = self.resolve(bench, staged)
        assert isinstance(receipt, Receipt)
        assert bench.public_effects() == len(bench.posts)

    def test_a_lost_request_is_never_taken_for_live(self, bench):
        staged = bench.stage()
        bench.lose(executed=False)
        assert bench.send(staged) is None
        found = bench.settle(bench.evidence(staged, after_unknown=True))
        assert isinstance(found, Absent | Unclear)
        assert bench.public_effects() == 0

    def resolve(self, bench, staged):
        found = self.look_a_while(bench, bench.evidence(staged, after_unknown=True))
        if isinstance(found, Receipt):
            return found
        probe = bench.channel.probe_request(bench.evidence(staged, after_unknown=True), bench.channel.grant())
        assert probe is not None, "neither a look nor a probe can tell"
        answer = bench.channel.read_answer(exchange(probe), after_unknown=True)
        assert isinstance(answer, Unknown | Pending)
        return bench.settle(bench.evidence(staged, answer.ids, after_unknown=True))

    def look_a_while(self, bench, evidence):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            found = bench.channel.look(evidence)
            if isinstance(found, Receipt):
                return found
            time.sleep(0.05)  # the platform publishes in another thread
        return found

    # --- answers ---

    @pytest.mark.parametrize("after_unknown", [False, True])
    @pytest.mark.parametrize("status", [200, 302, 500, 502])
    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b"<html></html>", b'{"a":', b"\xff\xfe", b"12"])
    def test_what_is_no_answer_is_unknown(self, bench, status, body, after_unknown):
        answer = bench.channel.read_answer(WireAnswer(status, (), body), after_unknown=after_unknown)
        assert isinstance(answer, Unknown)
        assert CHINESE.search(answer.message)

    def test_a_cut_answer_is_unknown_however_good_it_looks(self, bench):
        whole = bench.send(bench.stage())
        cut = WireAnswer(whole.status, whole.headers, whole.body, complete=False)
        assert isinstance(bench.channel.read_answer(cut), Unknown)

    def test_a_revoked_token_is_a_clean_refusal(self, bench):
        staged = bench.stage()
        request = bench.channel.public_request(bench.posts, staged, bench.channel.grant(), key=bench.key)
        bench.revoke_token()
        answer = bench.channel.read_answer(exchange(request))
        assert isinstance(answer, Refused)
        assert answer.remedy in {Remedy.REFRESH, Remedy.OPERATOR}
        assert bench.public_effects() == 0

    # --- drafts that people make public ---

    def test_a_channel_that_leaves_drafts_for_people_can_take_them_back_and_no_other(self, bench):
        spec = bench.channel.spec
        left = [mode for mode in spec.modes if mode.by_hand]
        assert bool(left) is hasattr(bench.channel, "unstage")
        assert spec.public_modes
        assert [*spec.public_modes, *left] == sorted(spec.modes, key=lambda mode: mode.by_hand)
        assert all(mode.effect and not mode.call and not mode.quotas for mode in left)

    def test_a_draft_that_was_taken_back_is_gone_and_may_be_taken_back_again(self, bench):
        if not hasattr(bench.channel, "unstage"):
            return
        staged = bench.stage()
        for _ in range(2):
            bench.channel.unstage(staged)
        with pytest.raises(ChannelFault) as gone:
            bench.channel.stage(bench.posts, key=bench.key, previous=staged, keep=True)
        assert gone.value.code == DRAFT_GONE
        assert bench.public_effects() == 0

    def test_nothing_was_left_and_nothing_is_taken_back(self, bench):
        if hasattr(bench.channel, "unstage"):
            bench.channel.unstage({})

    # --- afterwards ---

    def test_withdrawing_takes_it_down_or_tells_a_person_how(self, bench):
        staged = bench.stage()
        accepted = bench.channel.read_answer(bench.send(staged))
        receipt = bench.settle(bench.evidence(staged, accepted.ids))
        answer = bench.channel.withdraw(receipt)
        assert isinstance(answer, Withdrawn | ByHand)
        assert CHINESE.search(answer.message)
        removal = bench.channel.spec.mode(bench.channel.account.mode).removal
        assert removal.by_machine is isinstance(answer, Withdrawn)  # what the desk promises before anybody decides
        assert removal.effect
        assert removal.final
        assert removal.by_machine or removal.steps
        if isinstance(answer, Withdrawn):
            later = bench.channel.look(bench.evidence(staged, receipt.ids))
            assert isinstance(later, Failed | Absent)

    def test_a_number_of_its_own_has_a_word_for_staff(self, bench):
        spec = bench.channel.spec
        assert set(spec.metric_labels) <= set(spec.metrics) - set(METRIC_WORDS)
        assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in spec.metrics)
        assert all(CHINESE.search(word) for word in spec.metric_labels.values())

    def test_a_channel_that_says_how_it_recognises_what_people_posted_does_and_no_other(self, bench):
        spec = bench.channel.spec
        assert bool(spec.recognised_by) is hasattr(bench.channel, "recognise")
        assert not spec.recognised_by or CHINESE.search(spec.recognised_by)

    def test_a_post_that_nobody_made_there_is_not_recognised(self, bench):
        if not bench.channel.spec.recognised_by:
            return
        day = (bench.ports.now() - timedelta(days=3)).date().isoformat()
        links = bench.channel.spec.post_links
        posts = [HandMade(url, "没有人发过的文章", bench.channel.account.mode) for url in (links[0].example, "")]
        for found in bench.channel.recognise(posts, [], day=day):
            assert isinstance(found, Unrecognised)
            assert CHINESE.search(found.message)
        assert bench.channel.recognise([], [], day=day) == []

    def test_no_receipts_give_no_numbers(self, bench):
        day = (bench.ports.now() - timedelta(days=1)).date().isoformat()
        with contextlib.suppress(ChannelFault):
            assert bench.channel.measure([], day=day) == []

    # --- trouble ---

    def test_preflight_is_well_on_a_working_account(self, bench):
        lines = bench.channel.preflight()
        assert lines
        assert all(line.ok and CHINESE.search(line.message) for line in lines), lines

    def test_a_platform_that_is_down_is_said_to_be_down_and_never_absent(self, bench):
        staged = bench.stage()
        accepted = bench.channel.read_answer(bench.send(staged))
        bench.go_down()
        assert isinstance(bench.channel.look(bench.evidence(staged, accepted.ids)), Unclear)
        with pytest.raises(ChannelFault) as caught:
            bench.channel.stage(bench.posts, key=bench.key)
        assert CHINESE.search(caught.value.message)
        lines = [line for line in bench.channel.preflight() if not line.ok]
        assert lines
        assert all("网络" in line.remedy and "权限" not in line.remedy for line in lines)
