"""Compare the network data that a machine has with what KubeVirt leaves to its guest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kvnet.errors import Problem, Severity
from kvnet.manifest.network_data import GuestLink, Written
from kvnet.pipeline import placed
from kvnet.pod._whole import whole
from kvnet.pod.network_data import NetworkDataLink, links_of
from kvnet.rules.context import Nic, RuleContext
from kvnet.rules.guest_links import VolumeData, is_nic, network_data_of
from kvnet.rules.ipv6_advice import guest_has_its_addresses
from kvnet.spec import Machine
from kvnet.target import Target, checked_target

__all__ = ["check_network_data"]

_HINT: Final = "`kvnet cloud-init` prints the network data"


def check_network_data(machine: Machine, target: Target | None = None) -> tuple[Problem, ...]:
    """What the network data in a machine's cloud-init volumes lacks, or has otherwise than ``network_data``.

    Differences are errors, with their places where the machine was read from text. Without network data, cloud-init
    asks a DHCP server on the first NIC; what is left then is told. Data in a Secret is not read, which is a note. IPv6
    that is only assumed is not missed.
    """
    target = checked_target(machine, target)
    expansion = whole(machine, target)
    if expansion.refusals:
        return placed(machine.origin, expansion.refusals)
    context = RuleContext(expansion.machine, target)
    data = list(network_data_of(context))
    unread = [each for each in data if each.links is None]
    if unread:
        return placed(machine.origin, map(_unread, unread))
    wrong = list(guest_has_its_addresses(context))
    return placed(machine.origin, (*wrong, *_lacking(context, data, has_wrong=bool(wrong))))


def _lacking(context: RuleContext, data: Sequence[VolumeData], *, has_wrong: bool) -> Iterator[Problem]:
    nics = {nic.name: nic for nic in context.nics}
    for wanted in links_of(context):
        nic = nics[wanted.network]
        holder, link = _configured(context, nic, wanted, data)
        missing = list(_missing(wanted, link, has_wrong=has_wrong))
        if missing and holder is None:
            message = f"no network data configures '{nic.name}' in the guest, which needs {_listed(missing)}"
            yield Problem(context.root / "volumes", "KN834", message, hint=_HINT)
        elif missing and holder is not None:
            message = f"the network data of '{nic.name}' lacks {_listed(missing)}"
            problem = Problem(holder.at, "KN834", message, hint=_HINT)
            yield problem.placed(holder.place(context, Written("", link.path)))
        if holder is not None and link.mtu is not None and wanted.mtu is not None and link.mtu.text != str(wanted.mtu):
            message = f"the MTU of '{nic.name}' is {wanted.mtu}, not {link.mtu.text}"
            problem = Problem(holder.at, "KN834", message, hint=f"write `mtu: {wanted.mtu}`")
            yield problem.placed(holder.place(context, link.mtu))


def _listed(missing: Sequence[str]) -> str:
    return " and ".join(f"`{each}`" for each in missing)


def _configured(
    context: RuleContext, nic: Nic, wanted: NetworkDataLink, data: Sequence[VolumeData]
) -> tuple[VolumeData | None, GuestLink]:
    """What is configured of a NIC, and where. Without any data, cloud-init asks for DHCP on the first NIC."""
    for each in data:
        for link in each.links or ():
            is_it = link.mac == wanted.mac if link.mac and wanted.mac else is_nic(context, nic, link)
            if link.is_nic and is_it:
                return each, link
    return None, GuestLink(dhcp4=wanted.name == "eth0" and not data)


def _missing(wanted: NetworkDataLink, link: GuestLink, *, has_wrong: bool) -> Iterator[str]:
    """What has to be added to a link of the network data. Another IPv6 address has been told already."""
    if wanted.dhcp4 and not link.dhcp4:
        yield "dhcp4: true"
    needs_ipv6 = wanted.ipv6 is not None and (not wanted.is_ipv6_assumed or bool(link.gateways))
    if needs_ipv6 and not link.addresses and not has_wrong:
        yield f'addresses: ["{wanted.ipv6}"]'
        if not link.gateways:
            yield f'routes: [{{to: "::/0", via: "{wanted.gateway6}"}}]'
    if wanted.mtu is not None and link.mtu is None:
        yield f"mtu: {wanted.mtu}"


def _unread(data: VolumeData) -> Problem:
    message = "this network data is not compared: it is in a Secret, or of another form than versions 1 and 2"
    return Problem(data.at, "KN836", message, hint=_HINT, severity=Severity.NOTE)
