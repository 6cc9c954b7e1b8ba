"""Read from labels and annotations what a machine's spec does not say: its guest's system, and Istio's sidecar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.spec import PREFERENCE_KINDS, TEMPLATES, Machine
from kvnet.spec.wire import member
from kvnet.target import Target, objects_named

__all__ = ["has_sidecar", "is_windows"]

_SIDECAR = "sidecar.istio.io/inject"
_PREFERENCE_KEYS = dict(
    zip(PREFERENCE_KINDS, ("kubevirt.io/cluster-preference-name", "kubevirt.io/preference-name"), strict=True)
)
"""The annotation that names a machine's preference, by the kind of the preference."""
_DEFAULT_NAMESPACE = "default"
_SYSTEM_KEYS = frozenset(
    {
        "os",
        "kubevirt.io/os",
        "vm.kubevirt.io/os",
        "vm.kubevirt.io/template",
        *_PREFERENCE_KEYS.values(),
        "instancetype.kubevirt.io/default-preference",
        "instancetype.kubevirt.io/os-type",
    }
)
"""The keys whose values name the guest's system: of KubeVirt, its templates and its preferences."""
_SYSTEM_PREFIX = "os.template.kubevirt.io/"
"""What begins the keys of KubeVirt's templates that name a system themselves."""
_WINDOWS = re.compile(r"(?<![a-z])(?:windows|win(?![a-z])|win2k)", re.IGNORECASE)


def has_sidecar(machine: Machine) -> bool:
    """Whether Istio injects its sidecar into the machine's pod, as an annotation or a label of the VMI asks.

    KubeVirt copies the annotation to a label of the pod, which also has the labels of the VMI. Source: KubeVirt 1.9's
    ``pkg/network/istio`` and ``pkg/virt-controller/services``.
    """
    asked = machine.annotations.get(_SIDECAR) or _labels(machine, TEMPLATES.get(machine.kind, ())).get(_SIDECAR)
    return isinstance(asked, str) and asked.lower() == "true"


def is_windows(machine: Machine, target: Target) -> bool:
    """Whether the guest's system is Windows, as its preference, its labels or its annotations tell.

    Its instancetype and preference have been applied, and annotations name them; the target has the preference itself.
    """
    if not machine.annotations and not machine.around:
        return False
    return any(_WINDOWS.search(name) for name in _system_names(machine, target))


def _system_names(machine: Machine, target: Target) -> Iterator[str]:
    holders = [machine.annotations]
    for path in _holders(machine):
        holders += [_labels(machine, path), member(machine.around, *path, "metadata", "annotations") or {}]
    named = [(kind, machine.annotations.get(key)) for kind, key in _PREFERENCE_KEYS.items()]
    holders += [
        member(each.around, "metadata", "labels") or {}
        for kind, name in named
        for each in objects_named(target, name or "")
        if each.kind == kind and each.namespace in (None, machine.namespace or _DEFAULT_NAMESPACE)
    ]
    for holder in holders:
        for key, value in holder.items():
            if isinstance(key, str) and key.startswith(_SYSTEM_PREFIX):
                yield key.removeprefix(_SYSTEM_PREFIX)
            elif key in _SYSTEM_KEYS and isinstance(value, str):
                yield value


def _holders(machine: Machine) -> list[tuple[str, ...]]:
    """The paths of the objects with metadata: the machine's own, and those of its templates."""
    template = TEMPLATES.get(machine.kind, ())
    return [template[:length] for length in range(0, len(template) + 1, 2)]


def _labels(machine: Machine, holder: tuple[str, ...]) -> Mapping[str, Any]:
    return member(machine.around, *holder, "metadata", "labels") or {}
