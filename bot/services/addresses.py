"""Addresses of posts: which post each means, and which post of the machine's has it."""

from __future__ import annotations

from urllib.parse import urldefrag

from bot.domain.postlink import which_post
from bot.models import Account, Item, Publication

from . import home
from .accounts import on_loopback, spec_of

LONGEST_KEY = 300  # characters of a key that are kept with an item: what an index of every database holds


def post_at(account: Account, url: str) -> str:
    """Which post of the account's vendor an address leads to, "" when none. A rehearsal's posts stand on loopback."""
    spec = spec_of(account)
    if not spec.post_links or (not home.is_live() and on_loopback(url)):
        return urldefrag(url).url
    return which_post(url, spec.post_links)


def columns(account: Account, url: str) -> dict[str, str]:
    """What an item keeps of its address: it is looked for by the post that it means, however it was written."""
    return {"url": url, "post_key": post_at(account, url)[:LONGEST_KEY] if url else ""}


def of_the_machine(account: Account, key: str, *, but: Publication | None = None) -> Item | None:
    """The item that the machine published there, on whichever account of the vendor, `but` not that push's own. One look into
    an index."""
    found = Item.objects.filter(post_key=key[:LONGEST_KEY], account__channel=account.channel).exclude(url="")
    found = found.exclude(publication=but) if but else found
    rows = found.select_related("account", "publication__release").defer("payload", "publication__release__manifest")
    return next((item for item in rows.order_by("-pk") if post_at(item.account, item.url) == key), None)
