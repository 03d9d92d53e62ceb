"""Where an issuing body is: city and district before its name, none of them twice, and never before another place's authority."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.place import Place

HERE = Place.parse("临沂市河东区")


@pytest.mark.parametrize(
    ("unit", "full"),
    [
        ("", "临沂市河东区"),
        ("河东区财政局", "临沂市河东区财政局"),
        ("财政局", "临沂市河东区财政局"),
        ("区政务服务中心", "临沂市河东区政务服务中心"),
        ("九曲街道办事处", "临沂市河东区九曲街道办事处"),
        ("社区服务中心", "临沂市河东区社区服务中心"),
        ("市场监督管理局", "临沂市河东区市场监督管理局"),
        ("临沂市人民政府", "临沂市人民政府"),
    ],
)
def test_our_own_are_named_with_city_and_district(unit: str, full: str) -> None:
    assert HERE.full_unit(unit) == full


@pytest.mark.parametrize(
    ("unit", "full"),
    [
        ("国务院办公厅", "国务院办公厅"),
        ("山东省人民政府", "山东省人民政府"),
        ("山东省财政厅", "山东省财政厅"),
        ("兰山区人民政府", "兰山区人民政府"),
        ("郯城县人民政府办公室", "郯城县人民政府办公室"),
        ("新疆维吾尔自治区财政厅", "新疆维吾尔自治区财政厅"),
        ("国家税务总局临沂市河东区税务局", "国家税务总局临沂市河东区税务局"),
        ("市生态环境局河东分局", "临沂市生态环境局河东分局"),
        ("市委宣传部", "临沂市委宣传部"),
    ],
)
def test_others_are_not_put_into_our_district(unit: str, full: str) -> None:
    assert HERE.full_unit(unit) == full


def test_another_home_has_another_place() -> None:
    there = Place.parse("鲁东市测试区")
    assert there.full_unit("测试区人民政府") == "鲁东市测试区人民政府"
    assert there.full_unit("河东区人民政府") == "河东区人民政府"


@given(st.text("临沂市河东区县人民政府国务院省办公厅", max_size=20))
def test_what_is_written_out_once_is_not_written_out_again(unit: str) -> None:
    full = HERE.full_unit(unit)
    assert HERE.full_unit(full) == full
