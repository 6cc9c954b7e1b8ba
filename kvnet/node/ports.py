"""Say which of a pod's ports lead to the guest."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import frozen

from kvnet.pod import Ruleset
from kvnet.pod.nft import Action, AddRule, Match, PortSpan

__all__ = ["Forward", "forwards"]

_INBOUND: Final = "KUBEVIRT_PREINBOUND"
"""The chain in which KubeVirt forwards what arrives at the pod."""


@frozen(kw_only=True)
class Forward:
    """Ports of the pod that lead to the guest.

    - ``to``: the guest's address
    - ``protocol``: ``tcp`` or ``udp``; ``None`` for all
    - ``ports``: one, or a range such as ``8000-8010``; ``None`` for all
    """

    to: IPv4Address | IPv6Address
    protocol: str | None = None
    ports: str | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {self.ports}" if self.ports else "all ports"


def forwards(ruleset: Ruleset) -> tuple[Forward, ...]:
    """The forwarded ports of a pod's NAT, in its order."""
    return tuple(dict.fromkeys(each for rule in ruleset.operations for each in _forwards(rule)))


def _forwards(rule: object) -> Iterator[Forward]:
    if not isinstance(rule, AddRule) or rule.chain != _INBOUND or rule.verdict.action is not Action.DNAT:
        return
    to = rule.verdict.to
    if not isinstance(to, IPv4Address | IPv6Address):
        return
    matches = [each for each in rule.matches if each.key.endswith(" dport")]
    for match in matches:
        yield from (Forward(to=to, protocol=match.key.split()[0], ports=span) for span in _spans(match))
    if not matches:
        yield Forward(to=to)


def _spans(match: Match) -> Iterator[str]:
    values = match.value if isinstance(match.value, tuple) else (match.value,)
    yield from (str(each) for each in values if isinstance(each, PortSpan))
