"""Define, start, change and watch domains on libvirt; needs the extra ``kvnet[libvirt]``.

This is the only package that calls libvirt. Functions take libvirt's own connection, such as ``connect`` gives.
"""

from kvnet.hotplug import Action, Call, DomainPlan, DomainState, HotplugPolicy, Step
from kvnet.live._apply import Applied, Failure, apply, plan
from kvnet.live._define import Defined, Started, define, lost, start
from kvnet.live._libvirt import LibvirtError, domain_texts
from kvnet.live._machine import Existing, agent_report, define_machine, status
from kvnet.live.connection import connect, virt_type, with_releases
from kvnet.live.events import Event, EventKind, watch
from kvnet.spec import InterfaceStatus

__all__ = [
    "Action",
    "Applied",
    "Call",
    "Defined",
    "DomainPlan",
    "DomainState",
    "Event",
    "EventKind",
    "Existing",
    "Failure",
    "HotplugPolicy",
    "InterfaceStatus",
    "LibvirtError",
    "Started",
    "Step",
    "agent_report",
    "apply",
    "connect",
    "define",
    "define_machine",
    "domain_texts",
    "lost",
    "plan",
    "start",
    "status",
    "virt_type",
    "watch",
    "with_releases",
]
