"""Many VMs: rendered through any executor, none of them in the way of another; not loaded by ``import kvnet``."""

from kvnet.bulk.fleet import Fleet
from kvnet.bulk.rendered import Rendered
from kvnet.bulk.rendering import render
from kvnet.bulk.repeats import Repeat
from kvnet.bulk.uses import Uses

__all__ = ["Fleet", "Rendered", "Repeat", "Uses", "render"]
