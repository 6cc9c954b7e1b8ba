"""kvnet: what a VM's owner asks of its network, as libvirt understands it, and back.

``load`` a manifest, ``check`` it, ``compile`` it into devices, and ``build`` or ``patch`` a domain. Of a machine that
runs, tell its ``status``, ``plan_changes`` of it, and whether a change is ``restart_required``.
"""

from kvnet.compile import Compiled, CompiledNic, Profile, Requirement, compile
from kvnet.device.diff import Change, Noticed, diff
from kvnet.device.read import read_device
from kvnet.domain import Imported, build, import_domain, patch, read_domain
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
from kvnet.running import Plan, live_migratable, plan_changes, restart_required, status
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
