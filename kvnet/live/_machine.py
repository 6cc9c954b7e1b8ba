"""The domain of a machine on libvirt: define it, beside or over what libvirt has already, and report its status.

The status of its NICs comes from the domain and its guest agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attrs import evolve, frozen

from kvnet import interface_status
from kvnet.compiler import compile
from kvnet.compiler.releases import too_new
from kvnet.defaults import defaulted
from kvnet.device import Device
from kvnet.device.diff import Noticed, diff
from kvnet.domain.build import build, domain_name, domain_uuid
from kvnet.domain.read import about, effective, read_domain
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.hotplug import DomainState, HotplugPolicy, redefine, with_fixed_addresses
from kvnet.instancetypes import expand
from kvnet.live._define import Defined, define, missing_elements
from kvnet.live._libvirt import LibvirtError, domain_of, found, libvirt_error, libvirt_module, refused
from kvnet.live.connection import of_connection, virt_type
from kvnet.spec import InterfaceStatus, Machine
from kvnet.target import Profile, Target, architecture_of, checked_target
from kvnet.xml.parser import parse

if TYPE_CHECKING:
    import libvirt
if TYPE_CHECKING:
    import libvirt

__all__ = ["Existing", "agent_report", "define_machine", "status"]

_AT = FieldPath(("domain", "name"))


class Existing(StrEnum):
    """What to do where libvirt has a domain of the machine's name already."""

    REFUSE = "refuse"
    """Refuse to define the machine (``KN406``)."""
    INTO = "into"
    """Put the NICs into the definition that is there, and keep everything else of it."""
    REPLACE = "replace"
    """Replace the definition that is there. The domain keeps its UUID, and the NICs of the same names their MACs."""


@frozen(kw_only=True)
class _Known:
    """A domain that libvirt has.

    ``text`` is its definition with its secrets, or what it runs with where it has no definition (``is_transient``).
    ``is_saved`` says that its next start resumes a saved state.
    """

    name: str
    uuid: str
    text: str
    runs: bool
    is_transient: bool
    is_saved: bool


def define_machine(
    machine: Machine,
    connection: libvirt.virConnect,
    target: Target | None = None,
    *,
    existing: Existing | str = Existing.REFUSE,
    keep: bool = True,
) -> Defined:
    """Define a machine's domain, and read it back. The domain is not started, and one that runs goes on as it is.

    A NIC without a MAC address gets that which ``apply`` would give it, always the same. ``existing`` says what to do
    where libvirt has the domain. The releases of libvirt and QEMU, and the domain's type, are those of the connection.
    Without ``keep``, the domain is undefined again; it is then refused wherever libvirt has one of its name or UUID.

    Returns what libvirt wrote back. Raises LibvirtError where libvirt refuses the domain or has it already, and
    Rejected where the machine cannot be compiled for this libvirt. Nothing has changed then.
    """
    target, existing = checked_target(machine, target), Existing(existing)
    expansion = expand(machine, target)
    if expansion.refusals:
        raise Rejected(expansion.refusals)
    machine = expansion.machine
    try:
        target = of_connection(target, connection)
        target = evolve(target, virt_type=virt_type(connection, architecture_of(machine, target)))
        known = _known(connection, machine, target)
        if known is None or not keep or existing is Existing.REFUSE:
            if existing is Existing.INTO:
                raise _nothing_to_keep(connection, domain_name(machine, target.profile), target)
            return _define_new(machine, connection, target, keep=keep)
        if existing is Existing.REPLACE:
            return _replace(known, machine, connection, target)
        return _define_into(known, machine, connection, target)
    except libvirt_module().libvirtError as error:
        raise refused(error) from error
    except LibvirtError as error:
        causes = _causes(error, machine, target)
        if not causes:
            raise
        raise LibvirtError([*causes, *error.problems]) from error


def _causes(error: LibvirtError, machine: Machine, target: Target) -> tuple[Problem, ...]:
    """What may be the cause where libvirt refuses a domain: the parts of the machine's NICs that are too new for it."""
    if all(problem.code != "KN402" for problem in error.problems):
        return ()
    machine = defaulted(machine, target)
    return too_new(machine, compile(machine, target), target)


def _known(connection: libvirt.virConnect, machine: Machine, target: Target) -> _Known | None:
    libvirt = libvirt_module()
    domain = found(connection.lookupByName, domain_name(machine, target.profile))
    if domain is None:
        return None
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    return _Known(
        name=domain.name(),
        uuid=domain.UUIDString(),
        text=domain.XMLDesc(flags),
        runs=bool(domain.isActive()),
        is_transient=not domain.isPersistent(),
        is_saved=_has_saved_state(domain),
    )


def _has_saved_state(domain: libvirt.virDomain) -> bool:
    with suppress(libvirt_module().libvirtError):  # not every driver can save a domain
        return bool(domain.hasManagedSaveImage())
    return False


def _nothing_to_keep(connection: libvirt.virConnect, name: str, target: Target) -> Exception:
    message = f"{connection.getURI()} has no domain '{name}' to put NICs into"
    hint = f"define it without --into, or look at the name: this is the one for `--profile {target.profile}`"
    return libvirt_error("KN870", message, hint, "domain", "name")


def _define_new(machine: Machine, connection: libvirt.virConnect, target: Target, *, keep: bool) -> Defined:
    document, notes = _built(machine, target, DomainState(uuid=str(domain_uuid(machine)), live=None, persistent=None))
    return evolve(define(document, connection, keep=keep), notes=notes)


def _replace(known: _Known, machine: Machine, connection: libvirt.virConnect, target: Target) -> Defined:
    firmware = machine.spec.domain.firmware
    if firmware is not None and firmware.uuid and domain_uuid(machine) != UUID(known.uuid):
        message = f"'{known.name}' has the UUID {known.uuid}, and the machine asks for {firmware.uuid}"
        hint = "a domain keeps its UUID: leave firmware.uuid out, or undefine that domain first"
        raise libvirt_error("KN406", message, hint, "domain", "uuid")
    state = DomainState(uuid=known.uuid, live=None, persistent=known.text)
    document, notes = _built(machine, target, state)
    defined = define(document, connection, keep=True, replace=True)
    return _compared(known, defined, (*notes, *_gone(known, defined)))


def _define_into(known: _Known, machine: Machine, connection: libvirt.virConnect, target: Target) -> Defined:
    if known.is_transient:
        message = f"'{known.name}' runs without a definition that NICs could be put into"
        hint = "change the running domain with `kvnet apply`, or define it with --replace"
        raise libvirt_error("KN406", message, hint, "domain", "name")
    made = redefine(known.text, known.uuid, machine, target)
    errors = [problem for problem in made.problems if problem.is_error]
    if errors:
        raise Rejected(errors)
    return _compared(known, define(made.document, connection, keep=True, replace=True), made.problems)


def _built(machine: Machine, target: Target, state: DomainState) -> tuple[str, tuple[Problem, ...]]:
    """The document of a machine whose NICs have MAC addresses, and the notes of compiling it. Raises Rejected."""
    fixed = with_fixed_addresses(defaulted(machine, target), target, state, HotplugPolicy.PLAIN)
    compiled = compile(fixed, target)
    return build(fixed, target, compiled.devices, uuid=UUID(state.uuid)), compiled.notes


def _compared(known: _Known, defined: Defined, notes: tuple[Problem, ...]) -> Defined:
    """What was defined, with what has changed of the NICs, and a note where the domain runs on as it was."""
    if known.runs:
        message = f"'{known.name}' runs on as it is: this is the definition of its next start"
        hint = "`kvnet apply` changes the NICs of the running domain"
        notes = (*notes, Problem(_AT, "KN407", message, hint=hint, severity=Severity.NOTE))
    if known.is_saved:
        message = f"the next start of '{known.name}' resumes its saved state, with the NICs that it had then"
        hint = f"start it and shut it down, or drop the state with `virsh managedsave-remove {known.name}`"
        notes = (*notes, Problem(_AT, "KN409", message, hint=hint, severity=Severity.WARNING))
    changes = diff(_effective_devices(known.text), _effective_devices(defined.persistent))
    real = tuple(change for change in changes if change.noticed is not Noticed.NOISE)
    return evolve(defined, has_replaced=True, changes=real, notes=notes)


def _effective_devices(text: str) -> tuple[Device, ...]:
    return effective(read_domain(text, lossless=True), about(parse(text)))


def _gone(known: _Known, defined: Defined) -> Iterator[Problem]:
    """A warning for each kind of element that the old definition had more of. libvirt adds controllers as needed."""
    before, after = (parse(each) for each in (known.text, defined.persistent))
    for at, count in missing_elements(before, after):
        if at.parts[-1] != "controller":
            message = f"the definition of '{known.name}' that was replaced had {count} <{at.parts[-1]}> more"
            yield Problem(at, "KN408", message, hint="keep it with --into", severity=Severity.WARNING)


def status(
    machine: Machine,
    connection: libvirt.virConnect,
    *,
    profile: Profile | str = Profile.KUBEVIRT,
    name: str | None = None,
    multus: Any = None,
    pod_ips: Any = None,
    timeout: int = 5,
) -> tuple[InterfaceStatus, ...]:
    """The ``status.interfaces`` of a machine from its domain now, as ``kvnet.status`` gives it.

    ``name`` is the domain's, else ``domain_name`` of the machine for ``profile``. ``multus`` and ``pod_ips`` are those
    of ``kvnet.status``. The guest agent has ``timeout`` seconds to answer; without an agent, the status has what the
    domain says. For a domain that does not run, it is what the machine's own status says.

    Raises LibvirtError where there is no such domain, or libvirt cannot describe it, and what ``kvnet.status`` raises.
    """
    try:
        domain = domain_of(connection, machine, Profile(profile), name)
        text = domain.XMLDesc() if domain.isActive() else None
        report = None if text is None else agent_report(domain, timeout=timeout)
    except libvirt_module().libvirtError as error:
        raise refused(error) from error
    return interface_status.status(machine, text, report, multus, pod_ips=pod_ips)


def agent_report(domain: libvirt.virDomain, *, timeout: int = 5) -> list[dict[str, Any]] | None:
    """The guest's links, in the form of the guest agent's command guest-network-get-interfaces.

    Returns ``None`` where there is no agent, or it does not answer within ``timeout`` seconds. Afterwards libvirt waits
    for the agent without limit again, which is its default. Raises libvirtError where the connection is lost.
    """
    libvirt = libvirt_module()
    try:
        with _agent_timeout(domain, timeout):
            links = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
    except libvirt.libvirtError:
        if not domain.connect().isAlive():
            raise
        return None
    kinds = {libvirt.VIR_IP_ADDR_TYPE_IPV4: "ipv4", libvirt.VIR_IP_ADDR_TYPE_IPV6: "ipv6"}
    return [
        {
            "name": name,
            "hardware-address": link.get("hwaddr") or "",
            "ip-addresses": [
                {"ip-address": each["addr"], "ip-address-type": kinds[each["type"]], "prefix": each["prefix"]}
                for each in link.get("addrs") or ()
            ],
        }
        for name, link in links.items()
    ]


@contextmanager
def _agent_timeout(domain: libvirt.virDomain, timeout: int) -> Iterator[None]:
    libvirt = libvirt_module()
    with suppress(libvirt.libvirtError):  # a driver without agents has no timeout for them
        domain.agentSetResponseTimeout(timeout, 0)
    try:
        yield
    finally:
        with suppress(libvirt.libvirtError):
            domain.agentSetResponseTimeout(libvirt.VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0)
