"""Spec and facts → devices: naming, queues, resolving, and one lowering for each profile."""

from kvnet.compile.compiler import compile
from kvnet.compile.naming import ordinal_link_names, pod_link_names
from kvnet.compile.pod import found_links
from kvnet.compile.requirements import Requirement
from kvnet.compile.result import Compiled, CompiledNic, Profile
from kvnet.compile.topology import MAX_QUEUES, Topology, queue_capacity, topology, vcpus

__all__ = [
    "MAX_QUEUES",
    "Compiled",
    "CompiledNic",
    "Profile",
    "Requirement",
    "Topology",
    "compile",
    "found_links",
    "ordinal_link_names",
    "pod_link_names",
    "queue_capacity",
    "topology",
    "vcpus",
]
