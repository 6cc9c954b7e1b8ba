"""Rules on the fields of an interface: name, model, MAC, guest PCI address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from kvnet._spelling import sure_word
from kvnet.errors import Cause, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import NAMES
from kvnet.spec.nic import MODELS
from kvnet.values import MacAddress, PciAddress

__all__ = ["MODELS", "RULES"]

_OCTETS: Final = 6
_is_name = re.compile("[A-Za-z0-9_-]+").fullmatch


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
    names = [network.name for network in context.machine.networks]
    for nic in context.nics:
        if nic.network is not None:
            continue
        close = get_close_matches(nic.interface.name, names, n=1)
        yield refusal(
            nic.at / "name",
            "KN127",
            f"no network is named '{nic.interface.name}'",
            f"did you mean '{close[0]}'?" if close else "list it in spec.networks under the same name",
        )


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
        close = get_close_matches(model.lower(), MODELS, n=1)
        meant = f"did you mean '{close[0]}'? " if close else ""
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


RULES = (
    Rule(unique_interface_names, NAMES),
    Rule(interface_has_network, NAMES),
    Rule(interface_name),
    Rule(known_model, "model"),
    Rule(mac_address, "mac_address"),
    Rule(pci_address, "pci_address"),
)
