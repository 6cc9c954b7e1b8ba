"""libvirt's own Python binding, as far as it is there, and its errors."""

from __future__ import annotations

from functools import cache
from typing import Any

from kvnet.errors import FieldPath, KvnetError, Problem

__all__ = ["LibvirtError", "libvirt_module"]


class LibvirtError(KvnetError):
    """libvirt cannot be reached, or refused what it was asked."""


@cache
def libvirt_module() -> Any:
    """The libvirt binding, its error messages kept off standard error."""
    try:
        import libvirt  # noqa: PLC0415 - an extra
    except ImportError:
        told = "libvirt's Python binding is not installed"
        hint = "pip install 'kvnet[libvirt]', which needs Debian's gcc, python3-dev, pkg-config and libvirt-dev"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)]) from None
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt
