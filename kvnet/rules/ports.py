"""Rules on forwarded ports and port ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from kvnet._spelling import folded_word
from kvnet.errors import Cause, FieldPath, Problem
from kvnet.rules.context import Nic, Rule, RuleContext, refusal
from kvnet.spec import Masquerade, PortRange
from kvnet.spec.cluster import Gate

__all__ = ["RULES"]

_PROTOCOLS = ("TCP", "UDP")
_HIGHEST = 65535
_MOST_RANGES = 10
# RFC 6335, section 5.1, as Kubernetes' IsValidPortName has it
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def port_names(context: RuleContext) -> Iterator[Problem]:
    """Port names are IANA service names, and unique within an interface."""
    for nic in filter(_forwards, context.nics):
        seen: set[str] = set()
        for n, port in enumerate(nic.interface.ports or ()):
            at = nic.at / "ports"
            if not port.name:
                continue
            if port.name in seen:
                yield refusal(
                    at[n] / "name",
                    "KN132",
                    f"port name '{port.name}' is already taken",
                    "name each port once in an interface",
                    cause=Cause.DUPLICATE,
                )
            seen.add(port.name)
            if not _PORT_NAME.fullmatch(port.name):
                yield refusal(
                    at[n] / "name",
                    "KN133",
                    f"'{port.name}' is not a port name",
                    "use 1 to 15 of a-z, 0-9 and single dashes, with at least one letter, as in http-alt",
                )


def port_numbers(context: RuleContext) -> Iterator[Problem]:
    """Port numbers are 1 to 65535, protocols TCP or UDP."""
    for nic in filter(_forwards, context.nics):
        for n, port in enumerate(nic.interface.ports or ()):
            at = (nic.at / "ports")[n]
            if port.port == 0:
                yield refusal(
                    at / "port", "KN134", "port 0 stands for no port", f"write 1 to {_HIGHEST}", cause=Cause.REQUIRED
                )
            elif not 0 < port.port <= _HIGHEST:
                yield refusal(at / "port", "KN135", f"{port.port} is not a port number", f"write 1 to {_HIGHEST}")
            if port.protocol and port.protocol not in _PROTOCOLS:
                yield refusal(
                    at / "protocol",
                    "KN136",
                    f"'{port.protocol}' cannot be forwarded",
                    "write TCP or UDP, in upper case",
                    instead=folded_word(port.protocol, _PROTOCOLS),
                )


def port_ranges(context: RuleContext) -> Iterator[Problem]:
    """Port ranges need their feature gate, and masquerade on the pod network; an empty list counts as given."""
    for nic in context.nics:
        if nic.interface.port_ranges is None:
            continue
        if not context.target.cluster.allows(Gate.PORT_RANGES):
            yield refusal(
                nic.at / "name",
                "KN137",
                f"'{nic.interface.name}' has portRanges, which this cluster has switched off",
                "enable the feature gate PortRangesSpec, or list the ports",
            )
        elif nic.on_pod_network:
            yield from _ranges_fit(nic)
            yield from _ranges(nic.at / "portRanges", nic.interface.port_ranges)


def _ranges_fit(nic: Nic) -> Iterator[Problem]:
    if nic.interface.ports is not None:
        yield refusal(
            nic.at / "name",
            "KN138",
            f"'{nic.interface.name}' has both ports and portRanges",
            "put single ports into portRanges too, or drop one of the two",
        )
    if not any(isinstance(binding, Masquerade) for binding in nic.interface.bindings):
        yield refusal(
            nic.at / "name",
            "KN139",
            f"'{nic.interface.name}' has portRanges but is not bound with masquerade",
            "use `masquerade: {}`, or drop portRanges",
        )


def _ranges(at: FieldPath, ranges: tuple[PortRange, ...]) -> Iterator[Problem]:
    if len(ranges) > _MOST_RANGES:
        yield refusal(
            at,
            "KN140",
            f"{len(ranges)} port ranges are too many",
            f"an interface may have {_MOST_RANGES}: join neighbours",
        )
        return
    sound: list[PortRange] = []
    for n, each in enumerate(ranges):
        flaw = _flaw(at[n], each)
        if flaw is None:
            sound.append(each)
        else:
            yield flaw
    yield from _overlaps(at, sound)


def _flaw(at: FieldPath, span: PortRange) -> Problem | None:
    """The first thing wrong with a range, or nothing."""
    bounds = f"write 1 to {_HIGHEST}"
    if span.protocol not in _PROTOCOLS:
        message, hint = f"'{span.protocol}' cannot be forwarded", "write TCP or UDP, in upper case"
        instead = folded_word(span.protocol, _PROTOCOLS)
        return refusal(at / "protocol", "KN141", message, hint, instead=instead)
    if not 0 < span.start <= _HIGHEST:
        message = f"{span.start} is not a port number"
        return refusal(at / "start", "KN142", message, bounds)
    if not 0 < span.end <= _HIGHEST:
        message = f"{span.end} is not a port number"
        return refusal(at / "end", "KN143", message, bounds)
    if span.start > span.end:
        message, hint = f"the range starts at {span.start}, after its end {span.end}", "swap the two"
        return refusal(at / "start", "KN144", message, hint)
    return None


def _overlaps(at: FieldPath, ranges: list[PortRange]) -> Iterator[Problem]:
    for protocol in _PROTOCOLS:
        spans = sorted((each.start, each.end) for each in ranges if each.protocol == protocol)
        for (start, end), (next_start, next_end) in pairwise(spans):
            if next_start <= end:
                yield refusal(
                    at,
                    "KN145",
                    f"{protocol} ranges {start}-{end} and {next_start}-{next_end} overlap",
                    f"write {start}-{max(end, next_end)}",
                )


def _forwards(nic: Nic) -> bool:
    return nic.on_pod_network


RULES = (Rule(port_names, "ports"), Rule(port_numbers, "ports"), Rule(port_ranges, "port_ranges"))
