"""Compile generated functions, write the code that makes a value, and keep sources where debuggers look for them."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import attrs
from attrs import define, field

__all__ = ["UnlearnableError", "ValueCode", "function", "title"]

_LINE_CACHE = 512
_DEEPEST = 24
_filenames: dict[str, None] = {}
"""The names of functions in ``linecache``, oldest first."""


def function(name: str, lines: list[str], names: Mapping[str, Any], label: str) -> Callable[..., Any]:
    """Compile ``lines``, which define the function ``name``; ``names`` are the globals that it uses.

    The function has its ``label`` and ``source`` as attributes. ``linecache`` keeps the last 512 sources under
    ``<kvnet label>``, with a number after the label if another function has it already.
    """
    text = "\n".join(lines) + "\n"
    candidates = (f"<kvnet {label}{f' ({n})' if n > 1 else ''}>" for n in count(1))
    filename = next(each for each in candidates if each not in _filenames)
    scope: dict[str, Any] = dict(names)
    exec(compile(text, filename, "exec"), scope)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    _filenames[filename] = None
    if len(_filenames) > _LINE_CACHE:
        oldest = next(iter(_filenames))
        del _filenames[oldest]
        linecache.cache.pop(oldest, None)
    made: Callable[..., Any] = scope[name]
    vars(made).update(label=label, source=text)
    return made


def title(cls: type) -> str:
    """The module and qualified name of a class, for labels."""
    return f"{cls.__module__}.{cls.__qualname__}"


class UnlearnableError(Exception):
    """A value holds what no code is written for."""


@define
class ValueCode:
    """Code that makes a value like an example: lines that make its objects, and the names that they use.

    ``varying`` gives the expression for a value that differs each time, and ``None`` for others. What varies is made
    anew each time, and so is what could be changed; all else is shared with the example.
    """

    varying: Callable[[Any], str | None]
    names: dict[str, Any] = field(factory=lambda: {"new": object.__new__})
    lines: list[str] = field(factory=list)
    made: int = 0

    def make(self, local: str, example: Any, **given: str) -> None:
        """Add the lines that make an object, with the fields of an example and others that are given as code.

        The fields are set as the class's ``__init__`` would, without its checks. Raises UnlearnableError.
        """
        cls = type(example)
        if hasattr(cls, "__attrs_post_init__") or not hasattr(example, "__dict__"):
            raise UnlearnableError
        fields = {name: self.value(each) for name, each in vars(example).items()} | given
        holder = next(each for each in cls.__mro__ if "__dict__" in vars(each))
        name = title(cls).replace(".", "_")
        self.names |= {name: cls, f"set_{name}": vars(holder)["__dict__"].__set__}
        shown = ", ".join(f"{field!r}: {code}" for field, code in fields.items())
        self.lines += [f"    {local} = new({name}); set_{name}({local}, {{{shown}}})"]

    def value(self, value: Any, depth: int = 0) -> str:
        """The expression for a value like an example. Raises UnlearnableError."""
        if depth > _DEEPEST:
            raise UnlearnableError
        code = self.varying(value)
        if code is not None:
            return code
        if value is None or type(value) in (bool, str):
            return repr(value)
        if not self._is_new(value):
            name = f"shared_{len(self.names)}"
            self.names[name] = value
            return name
        if type(value) is dict:
            return f"{{{', '.join(f'{key!r}: {self.value(each, depth + 1)}' for key, each in value.items())}}}"
        if type(value) in (list, tuple):
            codes = "".join(f"{self.value(each, depth + 1)}, " for each in value)
            return f"[{codes}]" if type(value) is list else f"({codes})"
        self.made += 1
        local = f"made_{self.made}"
        self.make(local, value)
        return local

    def _is_new(self, value: Any) -> bool:
        """Whether a value is made anew each time."""
        if self.varying(value) is not None or type(value) in (dict, list):
            return True
        if value is None or type(value) in (bool, int, float, str):
            return False
        if type(value) is tuple:
            return any(map(self._is_new, value))
        if attrs.has(type(value)):
            return any(self._is_new(getattr(value, each.name)) for each in attrs.fields(type(value)))
        raise UnlearnableError
