"""Problems as text, JSON, YAML, SARIF, GitHub's workflow commands and JUnit; which of them are told, and as what."""

from kvnet.report.baseline import Baseline, read_baseline
from kvnet.report.config import Config, read_config
from kvnet.report.formats import FORMATS, write
from kvnet.report.selection import Selection
from kvnet.report.suppressions import Suppressions

__all__ = ["FORMATS", "Baseline", "Config", "Selection", "Suppressions", "read_baseline", "read_config", "write"]
