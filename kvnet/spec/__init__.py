"""KubeVirt's API as frozen attrs classes; each module lists what it adds to it."""

from kvnet.spec import instancetype, interface, machine, network
from kvnet.spec.instancetype import *  # noqa: F403
from kvnet.spec.interface import *  # noqa: F403
from kvnet.spec.machine import *  # noqa: F403
from kvnet.spec.network import *  # noqa: F403
from kvnet.spec.wire import Origin

__all__ = ["Origin"]
__all__ += instancetype.__all__
__all__ += interface.__all__
__all__ += machine.__all__
__all__ += network.__all__
