"""declaration → plan → generated check: what cannot be written is refused when the object is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvnet.xml.declare import Unread, header
from kvnet.xml.plan import plan_of
from kvnet.xml.source import function

__all__ = ["install_check"]


def install_check(cls: type) -> None:
    """Give an element class the check that its ``__init__`` calls."""
    cls.__attrs_post_init__ = _generate(cls)  # type: ignore[attr-defined]


def _generate(cls: type) -> Callable[[Any], None]:
    plan = plan_of(cls)
    names: dict[str, Any] = {"_refuse": _refuse, "_one_of": _one_of, "_each_of": _each_of}
    lines = ["def check(o):", "    try:", "        field = ''"]
    for leaf in plan.leaves():
        names[f"check_{leaf.field}"] = leaf.scalar.check
        guard = "" if leaf.required else f"if o.{leaf.field} is not None: "
        lines += [f"        field = '{leaf.field}'", f"        {guard}check_{leaf.field}(o.{leaf.field})"]
    for branch in plan.branches():
        names[f"classes_{branch.field}"] = (*branch.classes, Unread) if branch.required else branch.classes
        guard = "" if branch.required or branch.repeated else f"if o.{branch.field} is not None: "
        one = f"_one_of(o.{branch.field}, classes_{branch.field})"
        each = f"_each_of(o.{branch.field}, classes_{branch.field}, {branch.required})"
        lines += [f"        field = '{branch.field}'", f"        {guard}{each if branch.repeated else one}"]
    for wrapper in plan.wrappers():
        key, others = wrapper.key, [each for each in wrapper.fields() if each is not wrapper.key]
        if others and key and not key.required:
            present = " or ".join(f"o.{each.field} is not None" for each in others)
            lines += [f"        if o.{key.field} is None and ({present}):"]
            lines += [f"            field = '{key.field}'; raise ValueError('its element cannot be without it')"]
    lines += ["    except ValueError as problem:", "        _refuse(o, field, problem)"]
    if header(cls).agree:
        names |= {"agree": header(cls).agree, "_disagree": _disagree}
        lines += ["    _disagree(o, agree(o))"]
    return function("check", lines, names, f"check {cls.__name__}")


def _one_of(value: Any, classes: tuple[type, ...]) -> None:
    # a subclass may stand for another element
    if type(value) not in classes:
        raise ValueError(f"{value!r} is not one of {', '.join(cls.__name__ for cls in classes)}")


def _each_of(values: Any, classes: tuple[type, ...], required: bool) -> None:
    if not isinstance(values, tuple):
        raise ValueError(f"{values!r} is not a tuple")
    if required and not values:
        raise ValueError("there has to be one at least")
    for value in values:
        _one_of(value, classes)


def _refuse(o: Any, field: str, problem: ValueError) -> None:
    raise ValueError(f"{type(o).__name__}.{field}: {problem}") from None


def _disagree(o: Any, problem: tuple[str, str] | None) -> None:
    if problem is not None:
        raise ValueError(f"{type(o).__name__}.{problem[0]}: {problem[1]}")
