"""libvirt's network devices as values; each element is declared once, and listed once, in its module's ``__all__``."""
# ruff: noqa: F403

from kvnet.device import address, devices, driver, ip, source, traffic
from kvnet.device.address import *
from kvnet.device.devices import *
from kvnet.device.driver import *
from kvnet.device.ip import *
from kvnet.device.source import *
from kvnet.device.traffic import *
from kvnet.xml.schema import RawElement

__all__ = ["RawElement"]
__all__ += address.__all__
__all__ += devices.__all__
__all__ += driver.__all__
__all__ += ip.__all__
__all__ += source.__all__
__all__ += traffic.__all__
