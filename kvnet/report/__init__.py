"""Problems as text, JSON, YAML, SARIF, GitHub's workflow commands and JUnit; which of them are told, and as what."""

from typing import TYPE_CHECKING

from kvnet._lazy import lazy_names

if TYPE_CHECKING:
    from kvnet.report.baseline import Baseline, read_baseline
    from kvnet.report.config import Config, read_config
    from kvnet.report.formats import FORMATS, write
    from kvnet.report.selection import Selection
    from kvnet.report.suppressions import Suppressions
else:
    # a command needs some of them
    _HOMES = {
        "kvnet.report.baseline": "Baseline read_baseline",
        "kvnet.report.config": "Config read_config",
        "kvnet.report.formats": "FORMATS write",
        "kvnet.report.selection": "Selection",
        "kvnet.report.suppressions": "Suppressions",
    }
    __getattr__ = lazy_names(__name__, _HOMES)

__all__ = ["FORMATS", "Baseline", "Config", "Selection", "Suppressions", "read_baseline", "read_config", "write"]
