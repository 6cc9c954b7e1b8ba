"""Rules on the fields of an interface: name, model, MAC, guest PCI address, forwarded ports and DHCP options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Final

from kvnet._spelling import folded_word, near_word, sure_word
from kvnet.errors import Cause, FieldPath, Problem
from kvnet.rules.context import Nic, Rule, RuleContext, refusal
from kvnet.rules.occasions import NAMES
from kvnet.spec import Masquerade, Network, PortRange, PrivateOption
from kvnet.spec.cluster import Gate
from kvnet.spec.nic import MODELS
from kvnet.values import MacAddress, PciAddress, ip_of

__all__ = ["RULES"]

_OCTETS: Final = 6
_is_name = re.compile("[A-Za-z0-9_-]+").fullmatch
_PROTOCOLS = ("TCP", "UDP")
_HIGHEST_PORT = 65535
_PORTS_HINT = f"write 1 to {_HIGHEST_PORT}"
_MOST_RANGES = 10
# RFC 6335, section 5.1, as Kubernetes' IsValidPortName has it
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_LOWEST_PRIVATE, _HIGHEST_PRIVATE = 224, 254


def unique_interface_names(context: RuleContext) -> Iterator[Problem]:
    """Interface names are unique."""
    seen: set[str] = set()
    for nic in context.nics:
        if nic.interface.name in seen:
            yield refusal(
                nic.at / "name",
                "KN126",
                f"interface '{nic.interface.name}' is already listed",
                "each network has one interface",
                cause=Cause.DUPLICATE,
            )
        seen.add(nic.interface.name)


def interface_has_network(context: RuleContext) -> Iterator[Problem]:
    """Every interface has a network of the same name."""
    for nic in context.nics:
        if nic.network is None:
            name = nic.interface.name
            hint = _network_meant(name, context.machine.networks)
            yield refusal(nic.at / "name", "KN127", f"no network is named '{name}'", hint)


def _network_meant(name: str, networks: Sequence[Network]) -> str:
    """What to do about the name of an interface that no network has: it may be that of a network's NAD."""
    attached = next(
        (each.name for each in networks if each.multus and each.multus.network_name.rpartition("/")[2] == name), ""
    )
    if attached:
        return f"it is the NAD of network '{attached}', whose name the interface has to have"
    close = near_word(name, [each.name for each in networks])
    return f"did you mean '{close}'?" if close else "list it in spec.networks under the same name"


def interface_name(context: RuleContext) -> Iterator[Problem]:
    """Names are made of letters, digits, dashes and underscores."""
    for nic in context.nics:
        if not _is_name(nic.interface.name):
            yield refusal(
                nic.at / "name",
                "KN128",
                f"'{nic.interface.name}' is not a valid interface name",
                "use only letters, digits, - and _: the name becomes libvirt's alias",
            )


def known_model(context: RuleContext) -> Iterator[Problem]:
    """The model is one that KubeVirt lists."""
    for nic in context.nics:
        model = nic.interface.model
        if not model or model in MODELS:
            continue
        close = near_word(model.lower(), MODELS)
        meant = f"did you mean '{close}'? " if close else ""
        yield refusal(
            nic.at / "model",
            "KN129",
            f"'{model}' is not a NIC model",
            f"{meant}the models are {', '.join(MODELS)}",
            cause=Cause.NOT_SUPPORTED,
            instead=sure_word(model, MODELS),
        )


def mac_address(context: RuleContext) -> Iterator[Problem]:
    """The MAC address has six bytes in one of the spellings that Go reads."""
    for nic, mac in context.macs:
        if mac is not None:
            continue
        try:
            MacAddress.parse(nic.interface.mac_address or "")
        except ValueError as reason:
            yield refusal(
                nic.at / "macAddress",
                "KN130",
                str(reason),
                "write six two-digit bytes, as in 52:54:00:12:34:56",
                instead=_usual_mac(nic.interface.mac_address or ""),
            )


def pci_address(context: RuleContext) -> Iterator[Problem]:
    """The guest's PCI address is spelled dddd:bb:ss.f."""
    for nic, address in context.guest_addresses:
        if address is not None:
            continue
        try:
            PciAddress.parse(nic.interface.pci_address or "")
        except ValueError as reason:
            yield refusal(
                nic.at / "pciAddress",
                "KN131",
                str(reason),
                "write domain:bus:slot.function in hexadecimal, as in 0000:81:00.1",
                instead=_usual_pci_address(nic.interface.pci_address or ""),
            )


def _usual_mac(text: str) -> str:
    """The usual spelling of a MAC address whose bytes are told apart, and may lack a digit; empty for other text."""
    octets = re.split("[:-]| +", text.strip())
    are_bytes = len(octets) == _OCTETS and all(re.fullmatch("[0-9a-fA-F]{1,2}", each) for each in octets)
    return ":".join(each.zfill(2).lower() for each in octets) if are_bytes else ""


def _usual_pci_address(text: str) -> str:
    """A PCI address of which the domain 0000 was left out, with it; empty for other text."""
    return f"0000:{text.strip()}" if re.fullmatch(r"[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]", text.strip()) else ""


def port_names(context: RuleContext) -> Iterator[Problem]:
    """Port names are IANA service names, and unique within an interface."""
    for nic in _on_pod_network(context):
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
    for nic in _on_pod_network(context):
        for n, port in enumerate(nic.interface.ports or ()):
            at = (nic.at / "ports")[n]
            if port.port == 0:
                yield refusal(at / "port", "KN134", "port 0 stands for no port", _PORTS_HINT, cause=Cause.REQUIRED)
            elif not 0 < port.port <= _HIGHEST_PORT:
                yield refusal(at / "port", "KN135", f"{port.port} is not a port number", _PORTS_HINT)
            if port.protocol and port.protocol not in _PROTOCOLS:
                yield refusal(
                    at / "protocol",
                    "KN136",
                    f"'{port.protocol}' cannot be forwarded",
                    "write TCP or UDP, in upper case",
                    instead=folded_word(port.protocol, _PROTOCOLS),
                )


def _on_pod_network(context: RuleContext) -> list[Nic]:
    return [nic for nic in context.nics if nic.on_pod_network]


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
        flaw = _range_flaw(at[n], each)
        if flaw is None:
            sound.append(each)
        else:
            yield flaw
    yield from _overlaps(at, sound)


def _range_flaw(at: FieldPath, span: PortRange) -> Problem | None:
    """The first thing wrong with a range, or nothing."""
    if span.protocol not in _PROTOCOLS:
        message, hint = f"'{span.protocol}' cannot be forwarded", "write TCP or UDP, in upper case"
        instead = folded_word(span.protocol, _PROTOCOLS)
        return refusal(at / "protocol", "KN141", message, hint, instead=instead)
    if not 0 < span.start <= _HIGHEST_PORT:
        message = f"{span.start} is not a port number"
        return refusal(at / "start", "KN142", message, _PORTS_HINT)
    if not 0 < span.end <= _HIGHEST_PORT:
        message = f"{span.end} is not a port number"
        return refusal(at / "end", "KN143", message, _PORTS_HINT)
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


def unique_private_options(context: RuleContext) -> Iterator[Problem]:
    """A private DHCP option is given once."""
    for nic in context.nics:
        numbers = [option.option for option in _private_options(nic)]
        if len(set(numbers)) < len(numbers):
            twice = next(number for number in numbers if numbers.count(number) > 1)
            yield refusal(
                nic.at / "dhcpOptions" / "privateOptions",
                "KN146",
                f"private DHCP option {twice} is given twice",
                "keep one of the values",
                reported_at=context.root,
            )


def private_option_numbers(context: RuleContext) -> Iterator[Problem]:
    """Private DHCP options are 224 to 254 (RFC 3942)."""
    for nic in context.nics:
        for n, option in enumerate(_private_options(nic)):
            if not _LOWEST_PRIVATE <= option.option <= _HIGHEST_PRIVATE:
                yield refusal(
                    (nic.at / "dhcpOptions" / "privateOptions")[n] / "option",
                    "KN147",
                    f"DHCP option {option.option} is not for private use",
                    f"use {_LOWEST_PRIVATE} to {_HIGHEST_PRIVATE}",
                    reported_at=context.root,
                )


def ntp_servers(context: RuleContext) -> Iterator[Problem]:
    """NTP servers are IPv4 addresses, because they are sent in DHCPv4 option 42."""
    for nic in context.nics:
        options = nic.interface.dhcp_options
        for n, server in enumerate(options.ntp_servers if options else ()):
            if not isinstance(ip_of(server), IPv4Address):
                yield refusal(
                    (nic.at / "dhcpOptions" / "ntpServers")[n],
                    "KN148",
                    f"'{server}' is not an IPv4 address",
                    "write the server's IPv4 address: names and IPv6 do not fit DHCP option 42",
                )


def _private_options(nic: Nic) -> tuple[PrivateOption, ...]:
    options = nic.interface.dhcp_options
    return options.private_options if options else ()


RULES = (
    Rule(unique_interface_names, NAMES),
    Rule(interface_has_network, NAMES),
    Rule(interface_name),
    Rule(known_model, "model"),
    Rule(mac_address, "mac_address"),
    Rule(pci_address, "pci_address"),
    Rule(port_names, "ports"),
    Rule(port_numbers, "ports"),
    Rule(port_ranges, "port_ranges"),
    Rule(unique_private_options, "dhcp_options"),
    Rule(private_option_numbers, "dhcp_options"),
    Rule(ntp_servers, "dhcp_options"),
)
