"""The instancetypes and preferences that KubeVirt deploys, from the bundle that this package holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kvnet.manifest import binder
from kvnet.spec import Instancetype, InstancetypeSpec, Preference, PreferenceSpec

__all__ = ["common_instancetypes", "common_preferences"]

_BUNDLE = Path(__file__).with_name("common-instancetypes.json")


@cache
def common_instancetypes() -> tuple[Instancetype, ...]:
    """The cluster-wide instancetypes that KubeVirt deploys, by their names in order.

    The bundle has what decides vCPUs, memory and NICs. Source: https://github.com/kubevirt/common-instancetypes, at the
    commit that ``source`` in the bundle names.

    >>> import kvnet
    >>> target = kvnet.Target(instancetypes=common_instancetypes(), preferences=common_preferences())
    >>> [each.spec.cpu.guest for each in target.instancetypes if each.name == "u1.2xlarge"]
    [8]
    """
    specs = _bundle()["instancetypes"].items()
    return tuple(Instancetype(name=name, spec=binder.bind(InstancetypeSpec, spec)) for name, spec in specs)


@cache
def common_preferences() -> tuple[Preference, ...]:
    """The cluster-wide preferences that KubeVirt deploys; otherwise as ``common_instancetypes``."""
    specs = _bundle()["preferences"].items()
    return tuple(Preference(name=name, spec=binder.bind(PreferenceSpec, spec)) for name, spec in specs)


def _bundle() -> Mapping[str, Any]:
    bundle: Mapping[str, Any] = json.loads(_BUNDLE.read_text(encoding="utf-8"))
    return bundle
