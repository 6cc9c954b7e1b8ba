"""From a machine and its target to libvirt devices: names, queues, links, and one module for each profile."""

from kvnet.compiler.compiler import compile
from kvnet.compiler.pod import found_links, ordinal_link_names, pod_link_names
from kvnet.compiler.result import Compiled, CompiledNic, Requirement
from kvnet.defaults import MAX_QUEUES, Topology, queue_capacity, topology, vcpus

__all__ = [
    "MAX_QUEUES",
    "Compiled",
    "CompiledNic",
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
