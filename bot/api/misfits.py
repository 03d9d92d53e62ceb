"""What does not fit in a request, in Chinese. The parser speaks English and of Python; neither is for staff."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: By the parser's kind of error; what stands in braces is its context.
WORDS = {
    "missing": "缺少这一项，请补上。",
    "extra_forbidden": "没有这一项，请核对名称，或去掉。",
    "json_invalid": "不是有效的 JSON。",
    "string_type": "应为文字，加引号。",
    "string_too_short": "至少要有 {min_length} 个字符。",
    "string_too_long": "最多 {max_length} 个字符，请缩短。",
    "string_pattern_mismatch": "含有不能使用的字符，或写法不对。",
    "string_unicode": "含有不能使用的字符。",
    "bool_type": "应为 true 或 false。",
    "bool_parsing": "应为 true 或 false。",
    "int_type": "应为整数，不加引号。",
    "int_parsing": "应为整数。",
    "int_parsing_size": "数字过大。",
    "int_from_float": "应为整数，不带小数。",
    "float_type": "应为数字，不加引号。",
    "float_parsing": "应为数字。",
    "finite_number": "应为有限的数字。",
    "greater_than": "应大于 {gt}。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than": "应小于 {lt}。",
    "less_than_equal": "不能大于 {le}。",
    "list_type": "应为列表。",
    "dict_type": "应为对象（名称与值）。",
    "model_type": "应为对象（名称与值）。",
    "model_attributes_type": "应为对象（名称与值）。",
    "none_required": "应为 null。",
    "too_short": "至少要有 {min_length} 项。",
    "too_long": "最多 {max_length} 项，请分次办理。",
    "union_tag_not_found": "缺少 kind，请写明是哪一种。",
    "union_tag_invalid": "没有这一种。可用的有：{expected_tags}。",
    "literal_error": "没有这个值。可用的有：{expected}。",
    "enum": "没有这个值。可用的有：{expected}。",
    "datetime_type": "应为带时区的时刻，如 2026-12-01T09:00:00+08:00。",
    "datetime_parsing": "不是有效的时刻，请写成 2026-12-01T09:00:00+08:00。",
    "timezone_aware": "时刻没有写时区，不作猜测，请写成 2026-12-01T09:00:00+08:00。",
    "date_type": "应为日期，如 2026-12-01。",
    "date_parsing": "不是有效的日期，请写成 2026-12-01。",
}
OTHERWISE = "这一项不符合接口约定，请对照接口说明改正。"
_OURS = "Value error, "  # what the parser puts before the sentences of our own checks
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def in_chinese(error: Mapping[str, Any]) -> str:
    """One sentence for one error of the parser: `type`, `msg` and, for some, `ctx`."""
    kind, said = str(error.get("type", "")), str(error.get("msg", ""))
    if kind == "value_error" and _CHINESE.search(said):
        return said.removeprefix(_OURS)
    context = {name: _listed(value) for name, value in (error.get("ctx") or {}).items()}
    try:
        return WORDS.get(kind, OTHERWISE).format(**context)
    except KeyError:  # a version of the parser that tells less
        return OTHERWISE


def _listed(value: Any) -> str:
    """`'a', 'b' or 'c'` as `a、b、c`; anything else as it is."""
    return "、".join(re.findall(r"'([^']*)'", value)) or value if isinstance(value, str) else str(value)
