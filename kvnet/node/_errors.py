"""The error of this package: what the host lacks, and what a plugin, a program or the kernel refuses."""

from __future__ import annotations

from kvnet.errors import FieldPath, KvnetError, Problem

__all__ = ["NodeError", "node_error"]


class NodeError(KvnetError):
    """The network of a pod cannot be made or removed on this host."""


def node_error(code: str, message: str, hint: str = "") -> NodeError:
    """The error with one problem."""
    return NodeError([Problem(FieldPath(), code, message, hint=hint)])
