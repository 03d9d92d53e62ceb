"""A picture is stored once by its hash and shown to the units that brought it, or for which it was drawn."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

from django.apps import apps
from django.db import connection

from bot.domain.hashing import assets_in
from bot.domain.post import Asset
from bot.models import AssetRecord, AssetUse, PostRecord
from bot.services import documents, drafting

from .factories import Office

PHOTO = Asset(b"\x89PNG a photo", "image/png", "图.png")


def units_of(asset: Asset) -> set[str]:
    return set(AssetUse.objects.filter(asset=asset.sha256).values_list("unit__code", flat=True))


def test_the_same_bytes_are_kept_once_and_are_every_units_that_brought_them(office: Office) -> None:
    other = Office.make("town", prefix="t-")
    documents.keep_assets([PHOTO], unit=office.unit)
    assert units_of(PHOTO) == {"office"}
    for _ in range(2):
        documents.keep_assets([PHOTO], unit=other.unit)
    assert units_of(PHOTO) == {"office", "town"}
    assert AssetRecord.objects.filter(sha256=PHOTO.sha256).count() == 1


def test_a_drawn_cover_is_its_units(office: Office) -> None:
    office.submitted()
    drawn = {sha for post in PostRecord.objects.all() for sha in assets_in(post.payload)}
    assert drawn
    assert set(AssetUse.objects.filter(unit=office.unit).values_list("asset", flat=True)) >= drawn


def test_nobody_writes_with_a_picture_of_another_unit_though_they_know_its_hash(office: Office) -> None:
    other = Office.make("town", prefix="t-")
    documents.keep_assets([PHOTO], unit=office.unit)
    fields = drafting.fields_of(office.took().current) | {"body_html": f'<p>正文</p><img src="{PHOTO.ref}">'}
    mine, theirs = (drafting.article_from("X-1", fields, unit=unit) for unit in (office.unit, other.unit))
    assert PHOTO.sha256 in str(mine)
    assert getattr(theirs, "assets", ()) == ()


def test_what_was_kept_before_units_were_noted_is_found_in_what_names_it(office: Office) -> None:
    office.submitted()
    before = set(AssetUse.objects.values_list("asset", "unit"))
    AssetUse.objects.all().delete()
    AssetRecord.objects.create(sha256="f" * 64, media_type="image/png", data=b"named nowhere")
    found = importlib.import_module("bot.migrations.0028_assets_have_units")
    found.find_their_units(apps, SimpleNamespace(connection=connection))
    assert before
    assert set(AssetUse.objects.values_list("asset", "unit")) == before
