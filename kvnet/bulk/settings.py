"""What all VMs of a run have in common, made ready to be sent to workers."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from functools import lru_cache

from attrs import evolve, field, frozen

from kvnet.compile import Profile
from kvnet.facts import HostFacts
from kvnet.spec import Nad
from kvnet.spec.cluster import ClusterConfig

__all__ = ["Settings"]


def _without_origins(nads: Iterable[Nad]) -> tuple[Nad, ...]:
    """The definitions without the texts that they were read from."""
    return tuple(evolve(nad, origin=None) for nad in nads)


@frozen(kw_only=True)
class Settings:
    """How to render: ``whole`` asks for domains, ``facts`` are those of VMs that bring none of their own."""

    facts: HostFacts = field(factory=HostFacts)
    nads: tuple[Nad, ...] = field(default=(), converter=_without_origins)
    cluster: ClusterConfig = field(factory=ClusterConfig)
    profile: Profile = field(default=Profile.KUBEVIRT, converter=Profile)
    whole: bool = False

    def packed(self) -> bytes:
        """Bytes from which ``unpacked`` makes the settings again."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def unpacked(packed: bytes) -> Settings:
        """The settings; a worker that is sent the same bytes again and again reads them once."""
        return _unpacked(packed)


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Settings:
    settings: Settings = pickle.loads(packed)
    return settings
