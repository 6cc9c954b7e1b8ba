"""Instancetypes and preferences, applied to the machines that refer to them as KubeVirt does."""

from kvnet.instancetypes.expand import Expansion, expand

__all__ = ["Expansion", "expand"]
