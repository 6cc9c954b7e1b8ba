"""Annotations of KubeVirt's that have no effect: misspelt, at the wrong place, or with a value that it ignores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kvnet._spelling import near_word, sure_word
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.root_complex import is_on_root_complex
from kvnet.rules.context import Rule, RuleContext
from kvnet.rules.occasions import ANNOTATIONS
from kvnet.spec import Machine

__all__ = ["KNOWN", "RULES", "annotations_around"]

_ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"
KNOWN = (
    _ROOT_COMPLEX,
    "kubevirt.io/allow-pod-bridge-network-live-migration",
    "kubevirt.io/pci-interface-slot-count",
    "kubevirt.io/pci-topology-version",
    "sidecar.istio.io/inject",
)
"""The annotations of a VMI that decide something for NICs.

Source: KubeVirt 1.9's ``staging/src/kubevirt.io/api/core/v1/types.go``, and ``pkg/network/istio``.
"""
_FOLDED = {each.lower(): each for each in KNOWN}
_GROUPS = frozenset(each.partition("/")[0] for each in KNOWN)
_LONGEST_NAME = 80


def annotations_have_effect(context: RuleContext) -> Iterator[Problem]:
    """KubeVirt reads the annotations of the VMI, spelled as it has them, and passes over all others in silence."""
    machine = context.machine
    at = FieldPath((*machine.root.parts[:-1], "metadata", "annotations"))
    for key in machine.annotations:
        meant = _meant(key)
        if meant is not None and meant != key:
            message = f"KubeVirt has no annotation '{key}', so it has no effect"
            instead = sure_word(key, KNOWN)
            yield _warning(at / key, message, f"did you mean '{meant}'?", instead)
    yield from _of_root_complex(context, at / _ROOT_COMPLEX)
    for path, keys in annotations_around(machine):
        for key in keys:
            if _meant(key) is not None:
                message = f"the annotation '{key}' has no effect here, for KubeVirt reads those of the VMI"
                yield _warning(path / key, message, f"move it to {at}")


def _of_root_complex(context: RuleContext, at: FieldPath) -> Iterator[Problem]:
    machine = context.machine
    value = machine.annotations.get(_ROOT_COMPLEX)
    if value in (None, "false"):
        return
    if value != "true":
        yield _warning(
            at, f"'{value}' has no effect, for KubeVirt reads this annotation only as 'true'", 'write "true"'
        )
    elif not is_on_root_complex(machine, context.target):
        yield _warning(at, "s390x has no PCI root complex, so this annotation has no effect", "leave it out")


def annotations_around(machine: Machine) -> Iterator[tuple[FieldPath, list[str]]]:
    """The annotations of the objects around the template of a machine, each with their path."""
    holder: Any = machine.around
    template = machine.root.parts[:-1]
    for n, step in enumerate(template):
        metadata = holder.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        if isinstance(annotations, Mapping):
            yield (
                FieldPath((*template[:n], "metadata", "annotations")),
                [each for each in annotations if isinstance(each, str)],
            )
        holder = holder.get(step)
        if not isinstance(holder, Mapping):
            return


@lru_cache(maxsize=1024)
def _meant(key: str) -> str | None:
    """The annotation that a key is or is nearly spelled like. Fleets have the same few."""
    folded = key[:_LONGEST_NAME].lower()
    if folded.partition("/")[0] not in _GROUPS:
        return None
    return _FOLDED.get(near_word(folded, _FOLDED, cutoff=0.9))


def _warning(at: FieldPath, message: str, hint: str, instead: str = "") -> Problem:
    return Problem(at, "KN931", message, hint=hint, severity=Severity.WARNING, instead=instead)


RULES = (Rule(annotations_have_effect, ANNOTATIONS),)
