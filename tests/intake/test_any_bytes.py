"""Whatever the bytes are: rows, or one SourceError in Chinese. Nothing else ever comes out of a file."""

import io
import random
import zipfile

import docx
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.intake import Rejected, SourceError, Taken, open_source
from bot.intake.source import kinds

from .support import GOOD, csv_text, good

SUFFIXES = sorted(kinds())


def survive(path, data, suffix):
    """Read the bytes as that kind of file and check the only two ways it may end."""
    file = path / f"any{suffix}"
    file.write_bytes(data)
    try:
        rows = list(open_source(file))
    except SourceError as error:
        rows, message = [], error.message
    else:
        message = "可读"
    assert any("\u4e00" <= char <= "\u9fff" for char in message)
    assert all(isinstance(row, Taken | Rejected) for row in rows)


HEAD = ",".join(GOOD).encode() + b"\n"
PIECES = [
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"items",
    b"<p>",
    b"<![",
    b"---\n",
]
BYTES = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=40).map(b"".join),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=BYTES,
    start=st.sampled_from([b"", HEAD, b'{"items":[', b"PK\x03\x04", b"# \xe7\x94\xb2\n"]),
    suffix=st.sampled_from(SUFFIXES),
)
def test_any_bytes_under_any_ending(tmp_path, data, start, suffix):
    survive(tmp_path, start + data, suffix)


def office(kind):
    """A small valid document of that kind, as bytes."""
    out = io.BytesIO()
    if kind == ".xlsx":
        book = openpyxl.Workbook()
        book.active.append(list(GOOD))
        book.active.append(list(GOOD.values()))
        book.save(out)
    else:
        document = docx.Document()
        document.add_heading("标题", 0)
        document.save(out)
    return out.getvalue()


@pytest.mark.parametrize("suffix", [".xlsx", ".docx"])
def test_office_files_with_flipped_bytes(tmp_path, suffix):
    whole, chance = office(suffix), random.Random(7)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        survive(tmp_path, bytes(data), suffix)


@pytest.mark.parametrize("suffix", [".xlsx", ".docx"])
def test_office_files_whose_parts_are_damaged_inside_a_sound_archive(tmp_path, suffix):
    chance = random.Random(11)
    with zipfile.ZipFile(io.BytesIO(office(suffix))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in parts:
        out = io.BytesIO()
        cut = chance.randrange(1, len(parts[name]))
        with zipfile.ZipFile(out, "w") as archive:
            for other, data in parts.items():
                archive.writestr(other, data[:cut] if other == name else data)
        survive(tmp_path, out.getvalue(), suffix)


def test_a_good_table_with_flipped_bytes(tmp_path):
    whole, chance = csv_text(good(id=f"HD-{n}") for n in range(20)).encode(), random.Random(3)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.choice(b'",\n\r\0;\xff\xe4=<')
        survive(tmp_path, bytes(data), ".csv")


def test_every_folder_is_a_source_and_every_ending_has_one():
    assert {kind.name for kind in kinds().values()} == {"csv", "xlsx", "json", "docx", "md", "html"}
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in kinds())
