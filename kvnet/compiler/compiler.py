"""A machine and its target become libvirt devices. Pure: everything it reads is in its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve

from kvnet._lazy import lazy
from kvnet.compiler import kubevirt
from kvnet.compiler._learnt import compiled, learn
from kvnet.compiler.guest import Context, guest_of
from kvnet.compiler.pod import PodNetworks
from kvnet.compiler.releases import for_releases
from kvnet.compiler.result import Compiled, CompiledNic
from kvnet.defaults import default_nic_refusal, with_cpu_request, with_default_nic
from kvnet.device import PciGuestAddress
from kvnet.errors import Problem, Rejected
from kvnet.instancetypes import expand
from kvnet.root_complex import asks_for_root_complex, is_on_root_complex, root_slots
from kvnet.spec import Machine
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Profile, Target, architecture_conflict, checked_target
from kvnet.values import PciAddress

if TYPE_CHECKING:
    from kvnet.compiler import host, losses
else:
    # the plain host needs the classes of CNI plugins, which take a tenth of the start of kvnet render
    host, losses = lazy("kvnet.compiler.host"), lazy("kvnet.compiler.losses")

__all__ = ["compile"]


def compile(machine: Machine, target: Target | None = None) -> Compiled:
    """Compile a machine's interfaces into libvirt devices for a target.

    The machine gets its instancetype, its preference and its defaults first, but is not admitted: that is
    ``kvnet.check``. What could not be compiled is in ``problems`` of the result, NIC by NIC. Without a target, it is
    KubeVirt's own XML with nothing known of the host. Source: KubeVirt 1.9's converter
    (``pkg/virt-launcher/virtwrap/converter``).

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: red, bridge: {}}]}}, networks: [{name: red, pod: {}}]}"
    >>> machine = kvnet.loads(spec)
    >>> kvnet.compile(machine).devices[0].target
    'tap0'
    """
    target = checked_target(machine, target)
    if not machine.text_shape:
        return _compiled(machine, target)
    learnt = compiled(machine, target)
    if learnt is not None:
        return learnt
    made = _compiled(machine, target)
    learn(machine, target, made, _compiled)
    return made


def _compiled(machine: Machine, target: Target) -> Compiled:
    """The devices of a machine, in the ordinary way."""
    cluster, facts = target.cluster.in_effect, target.facts
    if machine.refers:
        expansion = expand(machine, target)
        if expansion.refusals:
            return Compiled(nics=(), general_problems=expansion.refusals)
        machine = expansion.machine
    if not machine.interfaces and not default_nic_refusal(machine, cluster):
        machine = with_default_nic(machine, cluster)
    try:
        machine = with_cpu_request(machine, cluster)
        guest, notes = guest_of(machine, target)
    except Rejected as uncountable:
        return Compiled(nics=(), general_problems=uncountable.problems)
    conflict = architecture_conflict(machine, target)
    plugins = facts.binding_plugins or cluster.binding_plugins or {}
    context = Context(machine, target, guest, PodNetworks(machine, facts), plugins)
    lower = _LOWER[target.profile]
    nics = tuple([_lowered(nic, context, lower) for nic in nics_of(machine) if nic.interface.state != "absent"])
    if nics and target.profile is Profile.HOST:
        notes = (*notes, *losses.lost_of_machine(machine))
    made = Compiled(nics=nics, general_notes=notes, general_problems=(conflict,) if conflict else ())
    return _on_root_complex(made, machine, target) if asks_for_root_complex(machine) else made


def _lowered(nic: Nic, context: Context, lower: Callable[[Nic, Context], CompiledNic]) -> CompiledNic:
    if nic.network is None:
        problem = Problem(nic.at / "name", "KN305", f"interface '{nic.name}' has no network", hint=_NETWORK_HINT)
        return CompiledNic(name=nic.name, problems=(problem,))
    try:
        return lower(nic, context)
    except ValueError as reason:
        return CompiledNic(name=nic.name, problems=(_misfit(nic, reason),))


def _on_root_complex(made: Compiled, machine: Machine, target: Target) -> Compiled:
    """The same devices on bus 0. A NIC that could not be compiled keeps its slot, for it would have one if it could."""
    if not is_on_root_complex(machine, target):
        return made
    present = [n for n, each in enumerate(machine.interfaces) if not each.is_absent]
    nics = dict(zip(present, made.nics, strict=True))
    slots = root_slots(machine, target, [n for n, nic in nics.items() if nic.device or nic.problems])
    for n, slot in slots.nics.items():
        device = nics[n].device
        if device is not None:
            nics[n] = evolve(nics[n], device=evolve(device, address=PciGuestAddress.of(PciAddress(0, 0, slot, 0))))
    return Compiled(
        nics=tuple(nics.values()),
        general_notes=(*made.general_notes, *slots.notes),
        general_problems=(*made.general_problems, *slots.problems),
    )


def _misfit(nic: Nic, reason: ValueError) -> Problem:
    """The problem of a value that no device can have, at its field where the reason tells which one it is."""
    interface, text = nic.interface, str(reason)
    written = {"macAddress": interface.mac_address, "pciAddress": interface.pci_address}
    quoted = next((field for field, value in written.items() if text.startswith(f"'{value}' ")), None)
    field = quoted or _FIELDS.get(text.partition(": ")[0])
    at = nic.at / field if field else nic.at
    return Problem(at, "KN304", _without_class(reason), hint="write what the message asks for, or leave the field out")


def _without_class(reason: ValueError) -> str:
    """The reason for which a device refuses a value, without the device's class: ``mtu: -1 is not between …``."""
    where, colon, message = str(reason).partition(": ")
    if " " in where:
        return str(reason)
    return f"{where.rpartition('.')[2]}{colon}{message}"


_FIELDS = {
    "Acpi.index": "acpiIndex",
    "Hostdev.alias": "name",
    "Hostdev.boot_order": "bootOrder",
    "Interface.alias": "name",
    "Interface.boot_order": "bootOrder",
}
"""The fields of a spec's interface by those of devices that hold their values."""
_NETWORK_HINT = "list a network of the same name"


def _on_a_host(nic: Nic, context: Context) -> CompiledNic:
    return for_releases(host.lower(nic, context), nic, context.target)


_LOWER: dict[Profile, Callable[[Nic, Context], CompiledNic]] = {
    Profile.KUBEVIRT: kubevirt.lower,
    Profile.HOST: _on_a_host,
}
