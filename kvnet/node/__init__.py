"""Carry out the plans of a machine's pod on this host, by CNI plugins, the kernel, nft and dnsmasq.

It needs root, Linux, and the extra ``kvnet[node]``. ``pod_up`` makes the network of a pod and ``pod_down`` removes it;
``found`` and ``facts`` collect what is there, for other launchers too.
"""

from kvnet.node.collect import facts, found, network_status
from kvnet.node.pods import Pod, pod, pod_change, pod_down, pod_up, pods
from kvnet.node.programs import NodeError, check_host
from kvnet.node.state import StateFolder
from kvnet.node.work import Progress

__all__ = [
    "NodeError",
    "Pod",
    "Progress",
    "StateFolder",
    "check_host",
    "facts",
    "found",
    "network_status",
    "pod",
    "pod_change",
    "pod_down",
    "pod_up",
    "pods",
]
