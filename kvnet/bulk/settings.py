"""What all VMs of a run have in common, made ready to be sent to workers."""

from __future__ import annotations

import pickle
from functools import lru_cache

from attrs import evolve, field, frozen

from kvnet.target import Target

__all__ = ["Settings"]


def _without_origins(target: Target) -> Target:
    """The target without the texts that its NADs were read from."""
    return evolve(target, nads=tuple([evolve(nad, origin=None) for nad in target.nads]))


@frozen(kw_only=True)
class Settings:
    """How to render: ``whole`` asks for domains; the target's facts are for machines without facts of their own."""

    target: Target = field(factory=Target, converter=_without_origins)
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
