"""Render very many machines through any executor, and find what two of them use and only one may.

``import kvnet`` does not load this package.
"""

from kvnet.bulk.duplicates import Duplicate, Fleet, Uses
from kvnet.bulk.rendering import BulkResult, MachineSource, render

__all__ = ["BulkResult", "Duplicate", "Fleet", "MachineSource", "Uses", "render"]
