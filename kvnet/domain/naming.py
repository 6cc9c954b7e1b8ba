"""What a machine's domain is called."""

from __future__ import annotations

from kvnet.spec import Machine
from kvnet.target import Profile

__all__ = ["domain_name"]

_NAMELESS = "vm"


def domain_name(machine: Machine, profile: Profile | str = Profile.KUBEVIRT) -> str:
    """The domain's name: KubeVirt puts the namespace before it."""
    name = machine.name or _NAMELESS
    return f"{machine.namespace or 'default'}_{name}" if Profile(profile) is Profile.KUBEVIRT else name
