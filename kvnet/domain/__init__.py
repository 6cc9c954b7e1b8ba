"""The whole ``<domain>``: built anew, or somebody's own with NICs put in."""

from kvnet.domain.build import build, domain_uuid, left_out
from kvnet.domain.patch import patch
from kvnet.domain.read import read_domain

__all__ = ["build", "domain_uuid", "left_out", "patch", "read_domain"]
