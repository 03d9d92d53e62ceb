"""The bytes of the one public call."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.weibo.request import boundary_for
from bot.domain.channel import Grant, WireRequest
from bot.domain.post import Asset
from bot.domain.secret import Secret

from .weibo_parts import NOW, PICTURE, TEXT, TOKEN, MemoryPorts, make_account, make_channel, make_post, png

GRANT = Grant(Secret(TOKEN), NOW + timedelta(days=1))
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def staged_for(post):
    """The table that staging leaves for a post."""
    return {"post": post.hash, "picture": post.payload.get("pic", "").removeprefix("asset:")}


def request(post=None, account=None, key="pub-1") -> WireRequest:
    post = post or make_post()
    return make_channel(account or make_account("https://api.example/weibo/")).public_request(
        [post], staged_for(post), GRANT, key=key
    )


def parts(wire: WireRequest) -> dict[str, bytes]:
    """A multipart body, read by an independent parser."""
    head = f"Content-Type: {dict(wire.headers)['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + wire.body, policy=email.policy.HTTP)
    found = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found[name] = part.get_payload(decode=True)
    return found


def test_without_a_picture_it_is_a_form():
    wire = request()
    assert (wire.method, wire.url) == ("POST", "https://api.example/weibo/2/statuses/share.json")
    assert dict(wire.headers)["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(wire.body.decode())) == {"status": TEXT, "rip": "203.0.113.7"}


def test_the_token_travels_in_the_header_only():
    wire = request()
    assert dict(wire.headers)["Authorization"] == f"OAuth2 {TOKEN}"
    assert TOKEN not in wire.url
    assert TOKEN.encode() not in wire.body
    assert TOKEN not in repr(wire)


def test_with_a_picture_it_is_multipart_with_raw_utf8():
    found = parts(request(make_post(picture=PICTURE)))
    assert list(found) == ["status", "rip", "pic"]
    assert found["status"].decode() == TEXT
    assert found["pic"] == PICTURE.data


def test_percent_encoding_of_multipart_is_a_setting():
    account = make_account(multipart_encoding="percent")
    text = f"100% %20 + & {TEXT}"
    found = parts(request(make_post(text, picture=PICTURE), account))
    assert found["status"].decode() == quote(text, safe="")
    assert parts(request(make_post(text, picture=PICTURE)))["status"].decode() == text


def test_the_files_type_follows_its_bytes():
    picture = Asset(b"\xff\xd8\xff" + b"x" * 50, "image/png")
    ports = MemoryPorts(assets={picture.sha256: picture})
    post = make_post(picture=picture)
    wire = make_channel(ports=ports).public_request([post], staged_for(post), GRANT, key="k")
    assert b'filename="cover.jpg"\r\nContent-Type: image/jpeg' in wire.body


def test_same_inputs_same_bytes_and_no_call():
    post, ports = make_post(picture=PICTURE), MemoryPorts()
    channel = make_channel(ports=ports)
    one, two = (channel.public_request([post], staged_for(post), GRANT, key="k") for _ in range(2))
    assert one == two
    assert not ports.spent
    assert request(post, key="a").body != request(post, key="b").body


def test_the_boundary_is_in_none_of_the_contents():
    first = boundary_for("k")
    second = boundary_for("k", first.removeprefix("tongfa-").encode())
    assert second != first


@given(texts)
def test_any_text_arrives_as_it_was_approved(text):
    assert dict(parse_qsl(request(make_post(text)).body.decode(), keep_blank_values=True))["status"] == text


@given(texts)
def test_any_text_arrives_beside_a_picture(text):
    wire = request(make_post(text, picture=PICTURE))
    boundary = dict(wire.headers)["Content-Type"].split("boundary=")[1]
    value = wire.body.split(f"--{boundary}\r\n".encode())[1].split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
    assert value.decode() == text


def test_what_differs_from_what_was_staged_is_not_sent():
    staged = staged_for(make_post(picture=PICTURE))
    with pytest.raises(ValueError, match="staged"):
        make_channel().public_request([make_post()], staged, GRANT, key="k")
    with pytest.raises(ValueError, match="staged"):
        make_channel().public_request([make_post(f"{TEXT}!")], staged_for(make_post()), GRANT, key="k")


def test_a_picture_whose_bytes_changed_is_not_sent():
    ports = MemoryPorts(assets={PICTURE.sha256: Asset(png(9), "image/png")})
    post = make_post(picture=PICTURE)
    with pytest.raises(ValueError, match="approved"):
        make_channel(ports=ports).public_request([post], staged_for(post), GRANT, key="k")


def test_the_accounts_proxy_is_handed_on():
    account = replace(make_account(), proxy="http://127.0.0.1:3128")
    assert request(account=account).proxy == "http://127.0.0.1:3128"


def test_nothing_is_ever_replayed():
    """Weibo has no idempotency key."""
    from .weibo_parts import make_evidence

    assert make_channel().probe_request(make_evidence(), GRANT) is None
