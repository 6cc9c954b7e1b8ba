"""kvnet turns the network part of KubeVirt manifests into libvirt XML, and back, without a cluster.

``load`` reads a manifest, and ``render`` makes its domain, in the steps ``check``, ``compile`` and ``build``. ``patch``
puts NICs into an existing domain, and ``import_domain`` makes a manifest from one. For a running machine, ``status``
reports its NICs, ``plan_changes`` plans their changes, and ``restart_required`` says which need a restart.
``pod_annotations``, ``pod_links``, ``pod_nat`` and ``pod_dhcp`` plan what a machine needs of its pod, and
``network_data`` what its guest is told.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kvnet.checks import check as check
    from kvnet.compiler import Compiled as Compiled
    from kvnet.compiler import CompiledNic as CompiledNic
    from kvnet.compiler import Requirement as Requirement
    from kvnet.compiler import compile as compile
    from kvnet.device import Device as Device
    from kvnet.device import Hostdev as Hostdev
    from kvnet.device import Interface as Interface
    from kvnet.device import read_device as read_device
    from kvnet.device.diff import Change as Change
    from kvnet.device.diff import Changes as Changes
    from kvnet.device.diff import Noticed as Noticed
    from kvnet.device.diff import diff as diff
    from kvnet.domain.build import build as build
    from kvnet.domain.import_ import DomainText as DomainText
    from kvnet.domain.import_ import Imported as Imported
    from kvnet.domain.import_ import facts_of as facts_of
    from kvnet.domain.import_ import import_domain as import_domain
    from kvnet.domain.import_ import import_domains as import_domains
    from kvnet.domain.patch import patch as patch
    from kvnet.domain.read import read_domain as read_domain
    from kvnet.errors import Cause as Cause
    from kvnet.errors import FactsError as FactsError
    from kvnet.errors import FieldPath as FieldPath
    from kvnet.errors import KvnetError as KvnetError
    from kvnet.errors import Place as Place
    from kvnet.errors import Problem as Problem
    from kvnet.errors import Rejected as Rejected
    from kvnet.errors import Severity as Severity
    from kvnet.errors import XmlError as XmlError
    from kvnet.facts import Confidential as Confidential
    from kvnet.facts import HostFacts as HostFacts
    from kvnet.facts import HostNetwork as HostNetwork
    from kvnet.facts import PodLink as PodLink
    from kvnet.facts import PodNetwork as PodNetwork
    from kvnet.fleet import check_all as check_all
    from kvnet.hotplug import Action as Action
    from kvnet.hotplug import HotplugPolicy as HotplugPolicy
    from kvnet.hotplug import LiveDomain as LiveDomain
    from kvnet.hotplug import Plan as Plan
    from kvnet.hotplug import Step as Step
    from kvnet.hotplug import plan_changes as plan_changes
    from kvnet.instancetypes import Expansion as Expansion
    from kvnet.instancetypes import expand as expand
    from kvnet.instancetypes.references import common_instancetypes as common_instancetypes
    from kvnet.instancetypes.references import common_preferences as common_preferences
    from kvnet.interface_status import status as status
    from kvnet.lifecycle import live_migratable as live_migratable
    from kvnet.lifecycle import restart_required as restart_required
    from kvnet.manifest import Manifest as Manifest
    from kvnet.manifest import dump as dump
    from kvnet.manifest import load as load
    from kvnet.manifest import load_all as load_all
    from kvnet.manifest import load_cluster as load_cluster
    from kvnet.manifest import load_facts as load_facts
    from kvnet.manifest import loads as loads
    from kvnet.manifest import loads_all as loads_all
    from kvnet.manifest import loads_cluster as loads_cluster
    from kvnet.manifest import loads_facts as loads_facts
    from kvnet.manifest.converter import configure_converter as configure_converter
    from kvnet.manifest.converter import converter as converter
    from kvnet.pipeline import Rendered as Rendered
    from kvnet.pipeline import render as render
    from kvnet.pod.annotations import PodAnnotations as PodAnnotations
    from kvnet.pod.annotations import pod_annotations as pod_annotations
    from kvnet.pod.dhcp import PodDhcp as PodDhcp
    from kvnet.pod.dhcp import pod_dhcp as pod_dhcp
    from kvnet.pod.found import PodFound as PodFound
    from kvnet.pod.found import load_found as load_found
    from kvnet.pod.found import loads_found as loads_found
    from kvnet.pod.links import PodLinks as PodLinks
    from kvnet.pod.links import pod_links as pod_links
    from kvnet.pod.nat import PodNat as PodNat
    from kvnet.pod.nat import pod_nat as pod_nat
    from kvnet.pod.network_data import NetworkData as NetworkData
    from kvnet.pod.network_data import check_network_data as check_network_data
    from kvnet.pod.network_data import network_data as network_data
    from kvnet.spec import Instancetype as Instancetype
    from kvnet.spec import InterfaceStatus as InterfaceStatus
    from kvnet.spec import Machine as Machine
    from kvnet.spec import Nad as Nad
    from kvnet.spec import Network as Network
    from kvnet.spec import Preference as Preference
    from kvnet.spec.cluster import BindingPlugin as BindingPlugin
    from kvnet.spec.cluster import ClusterConfig as ClusterConfig
    from kvnet.target import Profile as Profile
    from kvnet.target import Target as Target
    from kvnet.values import MacAddress as MacAddress
    from kvnet.values import PciAddress as PciAddress
    from kvnet.xml import to_element as to_element
    from kvnet.xml import write as write

_HOMES = {
    "kvnet.checks": "check",
    "kvnet.compiler": "Compiled CompiledNic Requirement compile",
    "kvnet.device": "Device Hostdev Interface read_device",
    "kvnet.device.diff": "Change Changes Noticed diff",
    "kvnet.domain.build": "build",
    "kvnet.domain.import_": "DomainText Imported facts_of import_domain import_domains",
    "kvnet.domain.patch": "patch",
    "kvnet.domain.read": "read_domain",
    "kvnet.errors": "Cause FactsError FieldPath KvnetError Place Problem Rejected Severity XmlError",
    "kvnet.facts": "Confidential HostFacts HostNetwork PodLink PodNetwork",
    "kvnet.fleet": "check_all",
    "kvnet.hotplug": "Action HotplugPolicy LiveDomain Plan Step plan_changes",
    "kvnet.instancetypes": "Expansion expand",
    "kvnet.instancetypes.references": "common_instancetypes common_preferences",
    "kvnet.interface_status": "status",
    "kvnet.lifecycle": "live_migratable restart_required",
    "kvnet.manifest": "Manifest dump load load_all load_cluster load_facts loads loads_all loads_cluster loads_facts",
    "kvnet.manifest.converter": "configure_converter converter",
    "kvnet.pipeline": "Rendered render",
    "kvnet.pod.annotations": "PodAnnotations pod_annotations",
    "kvnet.pod.dhcp": "PodDhcp pod_dhcp",
    "kvnet.pod.found": "PodFound load_found loads_found",
    "kvnet.pod.links": "PodLinks pod_links",
    "kvnet.pod.nat": "PodNat pod_nat",
    "kvnet.pod.network_data": "NetworkData check_network_data network_data",
    "kvnet.spec": "Instancetype InterfaceStatus Machine Nad Network Preference",
    "kvnet.spec.cluster": "BindingPlugin ClusterConfig",
    "kvnet.target": "Profile Target",
    "kvnet.values": "MacAddress PciAddress",
    "kvnet.xml": "to_element write",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562), so that a program pays for what it needs."""
    if name == "__version__":
        return import_module("importlib.metadata").version("kvnet")  # slow to import
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
