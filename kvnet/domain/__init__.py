"""The whole ``<domain>``: built anew, or somebody's own with NICs put in."""

from kvnet.domain.build import build, domain_uuid, left_out
from kvnet.domain.imported import Imported, import_domain
from kvnet.domain.naming import domain_name
from kvnet.domain.patch import patch
from kvnet.domain.read import read_domain

__all__ = ["Imported", "build", "domain_name", "domain_uuid", "import_domain", "left_out", "patch", "read_domain"]
