"""JSON in the four shapes that systems export."""

import json
import tracemalloc

import pytest

from bot.intake import SourceError, open_source

from .support import good, read, read_json, rejected, taken

TWO = [good(), good(id="HD-2")]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(TWO),
        json.dumps({"items": TWO}),
        json.dumps({"total": 2, "page": {"no": 1}, "items": TWO, "next": None}, indent=2),
        "\n".join(map(json.dumps, TWO)),
        "\ufeff" + json.dumps(TWO, indent=1),
    ],
)
def test_lists_wrapped_lists_and_json_lines_are_read(tmp_path, text):
    rows = read(tmp_path / "a.json", text)
    assert [taken(row).article.external_id for row in rows] == ["HD-1", "HD-2"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_single_object_is_one_row(tmp_path, indent):
    (row,) = read(tmp_path / "a.json", json.dumps(good(), indent=indent))
    taken(row)


def test_json_lines_count_lines_and_pass_over_blank_ones(tmp_path):
    first, broken, last = read(
        tmp_path / "a.jsonl", json.dumps(good()) + "\n\n{oops\n" + json.dumps(good(id="HD-2")) + "\n"
    )
    assert (taken(first).number, rejected(broken).number, taken(last).number) == (1, 3, 4)


@pytest.mark.parametrize("value", [["甲"], {"zh": "甲"}, True, 10**20, [[[]]]])
def test_nested_and_odd_values_are_refused_naming_the_field(tmp_path, value):
    assert rejected(read_json(tmp_path, good(title=value))[0]).field == "title"


def test_unknown_keys_may_hold_anything(tmp_path):
    taken(read_json(tmp_path, good(attachments=[{"a": 1}], extra=None))[0])


def test_items_that_are_no_objects_are_refused_one_by_one(tmp_path):
    results = read_json(tmp_path, "甲", 1, None, [good()], good())
    assert [rejected(row).number for row in results[:4]] == [1, 2, 3, 4]
    taken(results[4])


def test_two_keys_with_one_meaning_are_refused_unless_they_agree(tmp_path):
    assert rejected(read_json(tmp_path, good(标题="另一个"))[0]).field == "title"
    taken(read_json(tmp_path, good(标题=good()["title"]))[0])


@pytest.mark.parametrize("tail", [", {oops}]", ", NaN]", ', {"a": ', "", " x]"])
def test_what_comes_before_a_fault_is_taken_and_the_fault_is_reported(tmp_path, tail):
    first, broken = read(tmp_path / "a.json", "[" + json.dumps(good()) + tail)
    taken(first)
    assert "没有读取" in rejected(broken).reason


@pytest.mark.parametrize("text", ["12", '"甲"', "null", "甲", "<html>", " "])
def test_other_json_and_other_text_are_refused_as_a_whole(tmp_path, text):
    with pytest.raises(SourceError, match="没有导入任何内容"):
        read(tmp_path / "a.json", text)


@pytest.mark.parametrize("text", ["[" * 100_000, '[{"a":' * 50_000, "[" + "9" * 10_000 + "]"])
def test_absurd_json_is_a_refused_row(tmp_path, text):
    assert rejected(read(tmp_path / "a.json", text)[0])


def test_lone_surrogates_are_removed(tmp_path):
    (row,) = read(tmp_path / "a.json", json.dumps([good(title="甲\ud800")]))
    assert taken(row).article.title == "甲"


def test_ten_thousand_items_stream_with_flat_memory(tmp_path):
    path = tmp_path / "many.json"
    items = [good(id=f"HD-{n}", summary="摘要" * 300) for n in range(10_000)]
    path.write_text(json.dumps({"items": items}, ensure_ascii=False))
    del items
    tracemalloc.start()
    count = sum(1 for row in open_source(path) if taken(row))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 8 << 20 < path.stat().st_size
