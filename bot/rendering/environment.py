"""The one Jinja2 environment of posts. Templates are ours; every value is somebody else's.

Values are only ever data: nothing compiles a string that is not a packaged template file. Should a template
be changed carelessly, the sandbox still gives it nothing to hold on to: no attributes but a loop's counters,
no methods, no calls but macros and a capped `range`, filters and tests from a short list, no string
arithmetic, and an end to the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.runtime import BlockReference, LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_OUTPUT = 1_000_000  # characters; fifty times what WeChat takes
MAX_RANGE = 200
_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_FILTERS = frozenset({"default", "e", "escape", "first", "join", "last", "length", "list", "trim"})
_TESTS = frozenset({"defined", "none", "eq", "ne", "in"})


class OutputTooLongError(SecurityError):
    """A template produced more than MAX_OUTPUT characters."""


class PostEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that allows what our templates use, instead of forbidding what attackers are known to use."""

    intercepted_binops = frozenset({"*", "**", "%", "//", "/"})

    def __init__(self, root: Path, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=FileSystemLoader(root, encoding="utf-8"),
            undefined=StrictUndefined,
            autoescape=lambda name: name is None or not name.endswith(".txt"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            auto_reload=False,
        )
        self.globals = {"range": capped_range}
        self.filters = {name: self.filters[name] for name in _FILTERS} | dict(filters)
        self.tests = {name: self.tests[name] for name in _TESTS}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the counters of a loop; entries of mappings are reached as items."""
        return isinstance(obj, LoopContext) and attr in _LOOP

    def is_safe_callable(self, obj: Any) -> bool:
        """Only macros, `super()` and the capped range."""
        return isinstance(obj, Macro | BlockReference) or obj is capped_range

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Numbers only: a multiplied or formatted string is a bomb or a leak."""
        if not (isinstance(left, int | float) and isinstance(right, int | float)) or operator == "**":
            raise SecurityError(f"operator {operator} is not available in templates")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`mapping.name` is an entry, never a method that happens to have the name."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Like getattr for mappings; `value["__class__"]` on anything else finds no attribute."""
        if isinstance(argument, str) and not isinstance(obj, Mapping | Undefined):
            return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def find(self, names: Iterable[str]) -> Template:
        """The first template of these names that exists; TemplateNotFound (of the last) otherwise."""
        missing = ""
        for name in names:
            try:
                return self.get_template(name)
            except TemplateNotFound as error:
                if error.name != name:  # an `extends` or `import` inside of it is missing: a fault of ours
                    raise
                missing = name
        raise TemplateNotFound(missing)


def capped_range(*bounds: int) -> range:
    """`range` of at most MAX_RANGE steps."""
    steps = range(*bounds)
    if len(steps) > MAX_RANGE:
        raise SecurityError(f"range of {len(steps)} steps")
    return steps


def write(template: Template, variables: Mapping[str, Any]) -> str:
    """Render, stopping at MAX_OUTPUT characters."""
    pieces: list[str] = []
    size = 0
    for piece in template.generate(variables):
        size += len(piece)
        if size > MAX_OUTPUT:
            raise OutputTooLongError(f"{template.name} writes more than {MAX_OUTPUT} characters")
        pieces.append(piece)
    return "".join(pieces)


def template_root() -> Path:
    """Where the templates of posts are: `templates/channels`, beside the package `bot`."""
    return Path(str(resources.files("templates"))) / "channels"


__all__ = ["MAX_OUTPUT", "MAX_RANGE", "OutputTooLongError", "PostEnvironment", "template_root", "write"]
