"""Carry out the plans of a machine's pod on this host, by CNI plugins, the kernel, nft and dnsmasq, and run its domain.

It needs root, Linux, and the extra ``kvnet[node]``. ``pod_up`` makes the network of a pod and ``pod_down`` removes it;
``found`` and ``facts`` collect what is there, for other launchers too. ``machine_up`` brings a whole machine up, which
takes ``kvnet[libvirt]`` and QEMU too; ``machine_change`` brings it to a changed manifest while it runs, and
``machine_down`` takes it down.
"""

from kvnet.node.change_plan import MachinePlan, machine_plan
from kvnet.node.changes import MachineChange, machine_change
from kvnet.node.collect import facts, found, network_status
from kvnet.node.domains import Boot, Domain
from kvnet.node.machines import machine_down, machine_up
from kvnet.node.pods import Pod, pod, pod_change, pod_down, pod_up, pods
from kvnet.node.programs import NodeError, check_host
from kvnet.node.running import Running, running_machines, wait_for_leases
from kvnet.node.state import StateFolder
from kvnet.node.work import Progress

__all__ = [
    "Boot",
    "Domain",
    "MachineChange",
    "MachinePlan",
    "NodeError",
    "Pod",
    "Progress",
    "Running",
    "StateFolder",
    "check_host",
    "facts",
    "found",
    "machine_change",
    "machine_down",
    "machine_plan",
    "machine_up",
    "network_status",
    "pod",
    "pod_change",
    "pod_down",
    "pod_up",
    "pods",
    "running_machines",
    "wait_for_leases",
]
