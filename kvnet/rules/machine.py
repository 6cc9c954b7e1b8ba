"""Rules on what a machine has besides NICs: boot order, launch security, CPUs, and annotations that have no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kvnet._spelling import near_word, sure_word
from kvnet.defaults import counted_cpus, with_cpu_request, with_default_topology
from kvnet.errors import Cause, FieldPath, Problem, Rejected, Severity
from kvnet.root_complex import is_on_root_complex
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import ANNOTATIONS, CPU_QUANTITIES, DEDICATED, LAUNCH_SECURITY, MAX_SOCKETS
from kvnet.spec import LaunchSecurity, Machine, Resources
from kvnet.spec.cluster import Gate
from kvnet.spec.wire import member, text
from kvnet.target import architecture_of
from kvnet.values import quantity_ceil, quantity_milli

__all__ = ["ADVICE", "KNOWN", "RULES", "annotations_around"]

_ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"
KNOWN = (
    _ROOT_COMPLEX,
    "kubevirt.io/allow-pod-bridge-network-live-migration",
    "kubevirt.io/pci-interface-slot-count",
    "kubevirt.io/pci-topology-version",
    "sidecar.istio.io/inject",
)
"""The annotations of a VMI that decide something for NICs.

Source: KubeVirt 1.9's ``staging/src/kubevirt.io/api/core/v1/types.go``, and ``pkg/network/istio``.
"""
_FOLDED = {each.lower(): each for each in KNOWN}
_GROUPS = frozenset(each.partition("/")[0] for each in KNOWN)
_LONGEST_NAME = 80


def boot_order_counts_from_one(context: RuleContext) -> Iterator[Problem]:
    """Boot order counts from 1."""
    for n, nic in enumerate(context.nics):
        if nic.interface.boot_order == 0:
            yield refusal(
                nic.at / "bootOrder",
                "KN201",
                f"interface '{nic.interface.name}' has boot order 0",
                "boot order counts from 1; leave it out if the guest does not boot from this NIC",
                reported_at=context.root[n] / "bootOrder",
            )


def unique_boot_order(context: RuleContext) -> Iterator[Problem]:
    """Disks and interfaces share one boot order, in which each number is used once."""
    taken = {disk.boot_order: f"disk '{disk.name}'" for disk in context.machine.spec.domain.devices.disks}
    taken.pop(None, None)
    for nic in context.nics:
        order = nic.interface.boot_order
        if not order:
            continue
        if order in taken:
            yield refusal(
                nic.at / "bootOrder",
                "KN202",
                f"boot order {order} is taken by {taken[order]}",
                "number disks and interfaces in one sequence",
            )
        taken[order] = f"interface '{nic.interface.name}'"


def launch_security(context: RuleContext) -> Iterator[Problem]:
    """Launch security is of one kind, on an architecture that has it, and allows no NIC to boot from.

    On s390x it means Protected Virtualization, which admits boot orders. Source: KubeVirt's ``ValidateLaunchSecurity``
    for each architecture.
    """
    asked = context.machine.spec.domain.launch_security
    architecture = architecture_of(context.machine, context.target)
    if asked is None or architecture == "s390x":
        return
    at, reported_at = context.root / "domain" / "launchSecurity", context.root / "launchSecurity"
    if architecture != "amd64":
        message = f"launch security is not for {architecture}"
        hint = "drop it, or use amd64 or s390x"
        yield refusal(at, "KN228", message, hint, reported_at=context.root / "architecture")
        return
    kinds = [name for name in ("sev", "snp", "tdx") if getattr(asked, name) is not None]
    if len(kinds) != 1:
        message = f"launch security has {len(kinds)} kinds" if kinds else "launch security is of no kind"
        hint = "write one of sev, snp and tdx"
        yield refusal(at, "KN228", message, hint, cause=Cause.FORBIDDEN, reported_at=reported_at)
        return
    if asked.tdx is not None and not context.target.cluster.allows(Gate.TDX):
        message, hint = "this cluster has switched off TDX", "enable the feature gate WorkloadEncryptionTDX"
        yield refusal(at, "KN228", message, hint, reported_at=reported_at)
        return
    for message, hint in _shortfalls(context, asked):
        yield refusal(at, "KN228", message, hint, reported_at=reported_at)
    yield from _bootable_nics(context, kinds[0], reported_at)


def _shortfalls(context: RuleContext, asked: LaunchSecurity) -> Iterator[tuple[str, str]]:
    """What a machine lacks for its launch security, and how to mend it."""
    spec = context.machine.spec
    firmware = spec.domain.firmware
    efi = member(firmware.rest, "bootloader", "efi") if firmware is not None else None
    smm = member(spec.domain.rest, "features", "smm")
    if asked.tdx is not None and smm is not None and smm.get("enabled") is not False:
        yield "TDX does not work with SMM", "drop features.smm"
    if efi is None:
        yield "launch security needs UEFI", "write `firmware: {bootloader: {efi: {secureBoot: false}}}`"
    elif asked.tdx is None and efi.get("secureBoot") is not False:
        yield "SEV and SNP do not work with SecureBoot, which is on by default", "write `secureBoot: false` under efi"
    if efi is not None and asked.sev is None and efi.get("persistent") is True:
        yield "SNP and TDX do not work with persistent EFI variables", "drop `persistent` under efi"
    is_attested = asked.sev is not None and asked.sev.get("attestation") is not None
    if is_attested and text(spec.rest, "startStrategy") != "Paused":
        yield "the attestation of SEV needs a machine that starts paused", "write `startStrategy: Paused`"


def _bootable_nics(context: RuleContext, kind: str, reported_at: FieldPath) -> Iterator[Problem]:
    for nic in context.nics:
        if nic.interface.boot_order is not None:
            yield refusal(
                nic.at / "bootOrder",
                "KN203",
                f"interface '{nic.interface.name}' has a boot order, and a machine with {kind} cannot boot from a NIC",
                "drop bootOrder, and boot from a disk",
                reported_at=reported_at,
            )


def sockets_within_max(context: RuleContext) -> Iterator[Problem]:
    """CPU sockets do not exceed ``maxSockets``."""
    try:
        cpu = with_default_topology(with_cpu_request(context.machine, context.target.cluster)).spec.domain.cpu
    except Rejected:
        return  # of what is no quantity, cpu_quantities tells
    if cpu is None or not cpu.max_sockets or (cpu.sockets or 0) <= cpu.max_sockets:
        return
    yield refusal(
        context.root / "domain" / "cpu" / "sockets",
        "KN209",
        f"{cpu.sockets} sockets are more than maxSockets, {cpu.max_sockets}",
        "raise maxSockets, or leave it to the cluster",
    )


def cpu_quantities(context: RuleContext) -> Iterator[Problem]:
    """CPU requests and limits are not negative, the request is within the limit, and dedicated CPUs are whole ones."""
    try:
        machine = with_cpu_request(context.machine, context.target.cluster)
        given = machine.spec.domain.resources or Resources()
        request = _milli(machine, "requests", given.requests.get("cpu"))
        limit = _milli(machine, "limits", given.limits.get("cpu"))
    except Rejected as uncountable:
        yield from uncountable.problems
        return
    cpu = machine.spec.domain.cpu
    is_dedicated = cpu is not None and bool(cpu.dedicated_cpu_placement)
    at = context.root / "domain" / "resources"
    if 0 < limit < request:
        message = f"the CPU request {given.requests['cpu']} exceeds the limit {given.limits['cpu']}"
        yield refusal(at / "requests" / "cpu", "KN227", message, "lower the request, or raise the limit")
    for name, milli, quantities in (("requests", request, given.requests), ("limits", limit, given.limits)):
        written = quantities.get("cpu")
        if milli < 0:
            message = f"{written} is not a number of CPUs that KubeVirt can count"
            yield refusal(at / name / "cpu", "KN227", message, "write a quantity from 0, such as 2 or 500m")
        elif is_dedicated and written is not None and quantity_ceil(str(written)) * 1000 != milli:
            message = f"dedicated CPUs are whole ones, not {written}"
            yield refusal(at / name / "cpu", "KN227", message, "write a whole number")


def _milli(machine: Machine, source: str, quantity: object) -> int:
    return 0 if quantity is None else counted_cpus(machine, source, quantity, quantity_milli)


def threads_of_arm64(context: RuleContext) -> Iterator[Problem]:
    """Dedicated CPUs of arm64 have one thread."""
    cpu = context.machine.spec.domain.cpu
    if cpu is None or not cpu.dedicated_cpu_placement or (cpu.threads or 1) == 1:
        return
    if architecture_of(context.machine, context.target) == "arm64":
        yield refusal(
            context.root / "domain" / "cpu" / "threads",
            "KN229",
            f"dedicated CPUs of arm64 have one thread, not {cpu.threads}",
            "write `threads: 1`, and more cores",
            reported_at=context.root / "architecture",
        )


RULES = (
    Rule(boot_order_counts_from_one, "boot_order"),
    Rule(unique_boot_order, "boot_order"),
    Rule(launch_security, LAUNCH_SECURITY),
    Rule(sockets_within_max, MAX_SOCKETS),
    Rule(cpu_quantities, CPU_QUANTITIES),
    Rule(threads_of_arm64, DEDICATED),
)


def annotations_have_effect(context: RuleContext) -> Iterator[Problem]:
    """KubeVirt reads the annotations of the VMI, spelled as it has them, and passes over all others in silence."""
    machine = context.machine
    at = FieldPath((*machine.root.parts[:-1], "metadata", "annotations"))
    for key in machine.annotations:
        meant = _meant(key)
        if meant is not None and meant != key:
            message = f"KubeVirt has no annotation '{key}', so it has no effect"
            instead = sure_word(key, KNOWN)
            yield _warning(at / key, message, f"did you mean '{meant}'?", instead)
    yield from _of_root_complex(context, at / _ROOT_COMPLEX)
    for path, keys in annotations_around(machine):
        for key in keys:
            if _meant(key) is not None:
                message = f"the annotation '{key}' has no effect here, for KubeVirt reads those of the VMI"
                yield _warning(path / key, message, f"move it to {at}")


def _of_root_complex(context: RuleContext, at: FieldPath) -> Iterator[Problem]:
    machine = context.machine
    value = machine.annotations.get(_ROOT_COMPLEX)
    if value in (None, "false"):
        return
    if value != "true":
        yield _warning(
            at, f"'{value}' has no effect, for KubeVirt reads this annotation only as 'true'", 'write "true"'
        )
    elif not is_on_root_complex(machine, context.target):
        yield _warning(at, "s390x has no PCI root complex, so this annotation has no effect", "leave it out")


def annotations_around(machine: Machine) -> Iterator[tuple[FieldPath, list[str]]]:
    """The annotations of the objects around the template of a machine, each with their path."""
    holder: Any = machine.around
    template = machine.root.parts[:-1]
    for n, step in enumerate(template):
        metadata = holder.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        if isinstance(annotations, Mapping):
            yield (
                FieldPath((*template[:n], "metadata", "annotations")),
                [each for each in annotations if isinstance(each, str)],
            )
        holder = holder.get(step)
        if not isinstance(holder, Mapping):
            return


@lru_cache(maxsize=1024)
def _meant(key: str) -> str | None:
    """The annotation that a key is or is nearly spelled like. Fleets have the same few."""
    folded = key[:_LONGEST_NAME].lower()
    if folded.partition("/")[0] not in _GROUPS:
        return None
    return _FOLDED.get(near_word(folded, _FOLDED, cutoff=0.9))


def _warning(at: FieldPath, message: str, hint: str, instead: str = "") -> Problem:
    return Problem(at, "KN931", message, hint=hint, severity=Severity.WARNING, instead=instead)


ADVICE = (Rule(annotations_have_effect, ANNOTATIONS),)
