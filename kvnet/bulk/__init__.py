"""Render very many machines through any executor, and find what two of them use and only one may.

``import kvnet`` does not load this package.
"""

from kvnet.bulk.duplicates import Fleet
from kvnet.bulk.rendering import BulkResult, MachineSource, render
from kvnet.fleet import Duplicate, Uses

__all__ = ["BulkResult", "Duplicate", "Fleet", "MachineSource", "Uses", "render"]
