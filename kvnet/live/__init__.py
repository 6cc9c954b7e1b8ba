"""libvirt itself: the only package that talks to it. Needs the extra ``kvnet[libvirt]``."""

from kvnet.live.applied import Applied, Failure
from kvnet.live.apply import apply, plan
from kvnet.live.binding import LibvirtError
from kvnet.live.connection import connect, virt_type
from kvnet.live.define import Defined, define
from kvnet.live.events import Event, EventKind, watch
from kvnet.live.loss import lost
from kvnet.live.start import Started, start
from kvnet.live.status import agent_report, status

__all__ = [
    "Applied",
    "Defined",
    "Event",
    "EventKind",
    "Failure",
    "LibvirtError",
    "Started",
    "agent_report",
    "apply",
    "connect",
    "define",
    "lost",
    "plan",
    "start",
    "status",
    "virt_type",
    "watch",
]
