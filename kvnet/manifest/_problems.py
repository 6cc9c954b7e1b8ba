"""What can be wrong with a manifest before any rule reads it: the codes, flaws of plain data, and their wording."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from kvnet._spelling import near_word, sure_word
from kvnet.errors import FieldPath, Place, Problem

UNREADABLE = "KN001"
DUPLICATE = "KN002"
UNKNOWN_FIELD = "KN003"
WRONG_TYPE = "KN004"
MISSING = "KN005"
OUT_OF_RANGE = "KN006"
UNSUPPORTED_YAML = "KN007"
NAD_CONFIG = "KN008"
NOTHING_FOUND = "KN009"
SEVERAL_FOUND = "KN010"
NO_KIND = "KN011"
UNKNOWN_KIND = "KN012"
TOO_MANY = "KN013"
TEMPLATE = "KN015"
ODD_KEY = "KN016"
UNSERVED = "KN017"
REPEATED = "KN018"

CODES: dict[str, str] = {
    UNREADABLE: "the text cannot be read, or is neither YAML nor JSON",
    DUPLICATE: "a key is given twice in one mapping",
    UNKNOWN_FIELD: "KubeVirt has no field of this name here",
    WRONG_TYPE: "a value is not of the type that its field has",
    MISSING: "a required field is absent",
    OUT_OF_RANGE: "a number does not fit the field's integer type",
    UNSUPPORTED_YAML: "a YAML tag, alias or nesting that manifests do not use",
    NAD_CONFIG: "spec.config of a NetworkAttachmentDefinition is not a CNI configuration",
    NOTHING_FOUND: "the source holds no VirtualMachine",
    SEVERAL_FOUND: "the source holds several machines, and one was expected",
    NO_KIND: "a document does not say its kind, and is not a VMI spec either",
    UNKNOWN_KIND: "a kind is nearly spelled like one of KubeVirt's",
    TOO_MANY: "a list is longer than KubeVirt allows",
    TEMPLATE: "the text is a template of Helm or Jinja that has not been rendered",
    ODD_KEY: "a key outside interfaces and networks is misspelt, or belongs at another level",
    UNSERVED: "KubeVirt never served this API version",
    REPEATED: "an object takes the place of an earlier one with its kind, namespace and name",
}
"""What each code means, in one line."""

MOST_TOLD: Final = 1000
"""Flaws of an object that are told: a small text may have a hundred thousand, each of which takes time and memory."""

_PLAIN = re.compile("[0-9A-Za-z][0-9A-Za-z.-]{0,50}")
"""Text that YAML reads as it is."""
_LONGEST_SHOWN: Final = 60
_EMPTY = {"domain": "write `domain: {devices: {}}`", "devices": "write `devices: {}`"}
"""How required objects are written that may be empty."""
_MEMBERS = {
    **{"memory": "guest", "instancetype": "name", "preference": "name", "multus": "networkName"},
    **dict.fromkeys(("bridge", "masquerade", "sriov", "passtBinding", "pod"), ""),
}
"""Mappings that are easily taken for values, with the member that holds the value; some hold nothing."""
_UNQUOTED = {"a whole number": re.compile("[+-]?[0-9]+"), "true or false": re.compile("true|false|yes|no|on|off")}

_WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,18}")
"""A number that is the same in JSON and YAML, which reads others as octal."""
_TRUTH = {**dict.fromkeys(("true", "yes", "on"), "true"), **dict.fromkeys(("false", "no", "off"), "false")}


@attrs.frozen(kw_only=True)
class Flaw:
    """One thing that is wrong with plain data.

    - ``code``: one of ``CODES``
    - ``path``: leads to the place
    - ``value``: what was found there; of an unknown or a missing field, its name
    - ``wanted``: what belongs there
    - ``known``: the fields that exist, where one is unknown
    - ``message``, ``hint``: replace the wording that would be made of those
    - ``instead``: the key or value that must have been meant, where ``known`` does not tell
    - ``offset``: where the flaw is, in characters: of a text that cannot be read, in that text; else in the text at
      the place
    """

    code: str = WRONG_TYPE
    path: tuple[str | int, ...] = ()
    value: Any = None
    wanted: str = ""
    known: tuple[str, ...] = ()
    message: str = ""
    hint: str = ""
    instead: str = ""
    offset: int | None = None

    def under(self, *path: str | int) -> Flaw:
        """The flaw as seen from an object around."""
        return attrs.evolve(self, path=(*path, *self.path))


class Misfit(Exception):
    """Plain data that cannot be read, and every reason why; of very many, the first ones, and that there are more."""

    def __init__(self, *flaws: Flaw) -> None:
        self.flaws = flaws if len(flaws) <= MOST_TOLD else (*flaws[:MOST_TOLD], _untold(flaws[MOST_TOLD]))
        super().__init__(*self.flaws)

    def under(self, *path: str | int) -> tuple[Flaw, ...]:
        """The flaws as seen from an object around."""
        return tuple(flaw.under(*path) for flaw in self.flaws)


def _untold(flaw: Flaw) -> Flaw:
    """What stands for a flaw and all after it."""
    message = f"this has over {MOST_TOLD:,} problems, and those from here on are not told"
    return attrs.evolve(flaw, value=None, known=(), message=message, hint="correct the others first", instead="")


def collected(read: Callable[[Any], Any], values: Iterable[tuple[str | int, Any]]) -> list[Any]:
    """What a reader makes of each value. Raises Misfit with the flaws of all of them, under the values' keys.

    After more flaws than are told, no further value is looked at.
    """
    items: list[Any] = []
    flaws: list[Flaw] = []
    for key, value in values:
        try:
            items.append(read(value))
        except Misfit as misfit:
            flaws += misfit.under(key)
            if len(flaws) > MOST_TOLD:
                break
    if flaws:
        raise Misfit(*flaws)
    return items


def problem_of(flaw: Flaw, written: str | None = None, place: Place | None = None) -> Problem:
    """The problem that tells of a flaw; ``written`` is the scalar there as it stands in the text."""
    message, hint = (flaw.message, "") if flaw.message else _wording(flaw, written)
    instead = flaw.instead or _instead(flaw, written)
    return Problem(FieldPath(flaw.path), flaw.code, message, hint=flaw.hint or hint, place=place, instead=instead)


def _instead(flaw: Flaw, written: str | None) -> str:
    """What to write in place of an unknown key, or of a value with quotes too many or too few; empty where unsure."""
    value = flaw.value
    if flaw.code == UNKNOWN_FIELD:
        return sure_word(str(value), flaw.known)
    if flaw.code != WRONG_TYPE or flaw.message:
        return ""
    if flaw.wanted == "a whole number" and isinstance(value, str):
        return value if _WHOLE_NUMBER.fullmatch(value) else ""
    if flaw.wanted == "true or false" and isinstance(value, str):
        return _TRUTH.get(value.lower(), "")
    is_plain = isinstance(value, int | float) and (type(value) is not bool or written in ("true", "false"))
    return f'"{written}"' if is_plain and written is not None and _takes_text(flaw) else ""


def _wording(flaw: Flaw, written: str | None) -> tuple[str, str]:
    """Message and hint of a flaw."""
    if flaw.code == UNKNOWN_FIELD:
        return f"there is no field '{flaw.value}' here", _meant(str(flaw.value), flaw.known)
    if flaw.code == MISSING:
        return f"the field '{flaw.value}' is missing", _EMPTY.get(str(flaw.value), "")
    if flaw.code == TOO_MANY:
        return f"{len(flaw.value)} entries are too many", f"give {flaw.wanted}"
    if flaw.code == OUT_OF_RANGE:
        return f"{_shown(flaw.value, None)} is not {flaw.wanted}", ""
    if flaw.value is None:
        is_entry = bool(flaw.path) and isinstance(flaw.path[-1], int)
        message = "an entry is empty, not" if is_entry else "null is not"
        return f"{message} {flaw.wanted}", "remove it, or fill it in"
    shown = _shown(flaw.value, written)
    return f"{shown} is {_kind(flaw.value)}, not {flaw.wanted}", _remedy(flaw, shown)


def _shown(value: Any, written: str | None) -> str:
    if isinstance(value, str):
        return json.dumps(value[:_LONGEST_SHOWN], ensure_ascii=False)
    try:
        shown = written if written is not None else json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):  # of a mapping made in Python: its keys, its size, its depth
        return "this"
    return shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "..."


def _kind(value: Any) -> str:
    kinds = {Mapping: "a mapping", bool: "a boolean", int | float: "a number", str: "text", list | tuple: "a list"}
    of_type = f"a value of type {type(value).__name__}"
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), of_type)


def _remedy(flaw: Flaw, shown: str) -> str:
    if flaw.wanted == "a mapping" and flaw.path and isinstance(flaw.value, str | int | float):
        return _as_mapping(str(flaw.path[-1]), flaw.value, shown)
    if _takes_text(flaw) and isinstance(flaw.value, bool | int | float):
        return f'quote it: "{shown}"'
    unquoted = _UNQUOTED.get(flaw.wanted)
    if unquoted and isinstance(flaw.value, str) and unquoted.fullmatch(flaw.value):
        return f"drop the quotes: {flaw.value}"
    return ""


def _as_mapping(name: str, value: str | float, shown: str) -> str:
    """How a mapping is written that was taken for a value."""
    member = _MEMBERS.get(name)
    if member is None or value is False:
        return "leave it out" if member == "" else ""
    plain = value if isinstance(value, str) and _PLAIN.fullmatch(value) else shown
    return f"write `{name}: {{{member}: {plain}}}`" if member else f"write `{name}: {{}}`"


def _takes_text(flaw: Flaw) -> bool:
    """Whether text belongs there, alone or beside a number that this one is not."""
    return flaw.wanted.startswith("text") or (", or text" in flaw.wanted and isinstance(flaw.value, float))


def _meant(name: str, known: tuple[str, ...]) -> str:
    """A hint for an unknown field: the known one that it is the first word of or is spelled nearly so, or all."""
    folded = {each.lower(): each for each in known}
    longer = [each for each in known if each.startswith(name) and each[len(name) :][:1].isupper()]
    close = folded.get(name.lower()) or next(iter(longer), None) or near_word(name, known)
    if close:
        return f"did you mean '{close}'?"
    return f"the fields are {', '.join(known)}" if known else "write {}"
