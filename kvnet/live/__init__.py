"""libvirt itself: the only package that talks to it. Needs the extra ``kvnet[libvirt]``."""

from kvnet.live.connection import connect, virt_type
from kvnet.live.define import Defined, define
from kvnet.live.embedded import LibvirtError
from kvnet.live.loss import lost

__all__ = ["Defined", "LibvirtError", "connect", "define", "lost", "virt_type"]
