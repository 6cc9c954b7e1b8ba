"""kvnet: what a VM's owner asks of its network, as libvirt understands it, and back.

``load`` a manifest, ``check`` it, ``compile`` it into devices, and ``build`` or ``patch`` a domain. Each name is
imported when it is first used, so that a program pays for what it needs. Of a machine that runs, tell its ``status``,
``plan_changes`` of it, and whether a change is ``restart_required``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kvnet.compile import Compiled, CompiledNic, Profile, Requirement, compile
    from kvnet.device.diff import Change, Noticed, diff
    from kvnet.device.read import read_device
    from kvnet.domain import Imported, import_domain, read_domain
    from kvnet.domain.build import build
    from kvnet.domain.patch import patch
    from kvnet.errors import (
        Cause,
        FactsError,
        FieldPath,
        KvnetError,
        Place,
        Problem,
        Rejected,
        Severity,
        XmlError,
    )
    from kvnet.facts import HostFacts, load_facts
    from kvnet.manifest import Manifest, dump, load, load_all, load_cluster
    from kvnet.rules.check import check
    from kvnet.running import Plan, live_migratable, plan_changes, restart_required
    from kvnet.running.status import status
    from kvnet.spec.cluster import ClusterConfig
    from kvnet.xml import to_element, write

__all__ = [
    "Cause",
    "Change",
    "ClusterConfig",
    "Compiled",
    "CompiledNic",
    "FactsError",
    "FieldPath",
    "HostFacts",
    "Imported",
    "KvnetError",
    "Manifest",
    "Noticed",
    "Place",
    "Plan",
    "Problem",
    "Profile",
    "Rejected",
    "Requirement",
    "Severity",
    "XmlError",
    "build",
    "check",
    "compile",
    "diff",
    "dump",
    "import_domain",
    "live_migratable",
    "load",
    "load_all",
    "load_cluster",
    "load_facts",
    "patch",
    "plan_changes",
    "read_device",
    "read_domain",
    "restart_required",
    "status",
    "to_element",
    "write",
]

_NAMES = {
    "kvnet.compile": "Compiled CompiledNic Profile Requirement compile",
    "kvnet.device.diff": "Change Noticed diff",
    "kvnet.device.read": "read_device",
    "kvnet.domain": "Imported build import_domain patch read_domain",
    "kvnet.errors": "Cause FactsError FieldPath KvnetError Place Problem Rejected Severity XmlError",
    "kvnet.facts": "HostFacts load_facts",
    "kvnet.manifest": "Manifest dump load load_all load_cluster",
    "kvnet.rules.check": "check",
    "kvnet.running": "Plan live_migratable plan_changes restart_required status",
    "kvnet.spec.cluster": "ClusterConfig",
    "kvnet.xml": "to_element write",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


class _Package(ModuleType):
    """This package: a name from ``__all__`` is what it stands for, even where a subpackage is called the same."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
