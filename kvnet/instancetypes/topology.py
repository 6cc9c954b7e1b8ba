"""The sockets, cores and threads that the vCPUs of an instancetype become, as a preference has it."""

from __future__ import annotations

from attrs import frozen

from kvnet.spec import Preference, PreferenceSpec, SpreadOptions

__all__ = ["ACROSS", "TOPOLOGIES", "Factors", "Spread", "factors_of", "preferred_topology", "spread_fault", "spread_of"]

_OLDER_NAMES = {
    "preferSockets": "sockets",
    "preferCores": "cores",
    "preferThreads": "threads",
    "preferSpread": "spread",
    "preferAny": "any",
}
TOPOLOGIES = tuple(_OLDER_NAMES.values())
"""The topologies that a preference can ask for, by their newer names."""
ACROSS = ("SocketsCores", "CoresThreads", "SocketsCoresThreads")
"""What vCPUs can be spread across."""
_DEFAULT_RATIO = 2
_DEFAULT_ACROSS = "SocketsCores"


@frozen(kw_only=True)
class Factors:
    """Sockets, cores and threads, whose product is the number of vCPUs."""

    sockets: int = 1
    cores: int = 1
    threads: int = 1


@frozen(kw_only=True)
class Spread:
    """How a preference spreads vCPUs: ``across`` which levels, and with which ``ratio`` of one to the next."""

    across: str
    ratio: int


def preferred_topology(preference: Preference | None) -> str:
    """The topology that a preference names, by its newer name; ``sockets`` where it names none.

    An empty text is a name of none that exists, as in KubeVirt.
    """
    cpu = None if preference is None else preference.spec.cpu
    if cpu is None or cpu.preferred_cpu_topology is None:
        return "sockets"
    return _OLDER_NAMES.get(cpu.preferred_cpu_topology, cpu.preferred_cpu_topology)


def spread_of(preference: Preference | None) -> Spread:
    """How a preference spreads vCPUs.

    A ratio of 0 counts as none. With ``ratio: 0`` in ``spreadOptions``, KubeVirt's webhook itself divides by zero.
    """
    spec = PreferenceSpec() if preference is None else preference.spec
    options = (spec.cpu and spec.cpu.spread_options) or SpreadOptions()
    return Spread(
        across=_DEFAULT_ACROSS if options.across is None else options.across,
        ratio=options.ratio or spec.prefer_spread_socket_to_core_ratio or _DEFAULT_RATIO,
    )


def factors_of(guest: int, preference: Preference | None) -> Factors:
    """The factors of so many vCPUs. A topology that does not exist gives one vCPU, as in KubeVirt.

    Source: KubeVirt's ``pkg/instancetype/preference/apply/cpu.go``.
    """
    if guest == 1:
        return Factors()
    match preferred_topology(preference):
        case "sockets" | "any":
            return Factors(sockets=guest)
        case "cores":
            return Factors(cores=guest)
        case "threads":
            return Factors(threads=guest)
        case "spread":
            return _spread(guest, spread_of(preference))
    return Factors()


def _spread(guest: int, spread: Spread) -> Factors:
    ratio = spread.ratio
    match spread.across:
        case "SocketsCores":
            return Factors(sockets=guest // ratio, cores=ratio)
        case "CoresThreads":
            return Factors(cores=guest // ratio, threads=ratio)
        case "SocketsCoresThreads":
            return Factors(sockets=guest // 2 // ratio, cores=ratio, threads=2)
    return Factors()


def spread_fault(guest: int, preference: Preference | None) -> str | None:
    """Why so many vCPUs cannot be spread as a preference has it, or nothing.

    KubeVirt refuses even a single vCPU, although it would not spread it. Source: KubeVirt's
    ``pkg/instancetype/preference/validation/cpu.go``.
    """
    if preferred_topology(preference) != "spread":
        return None
    spread = spread_of(preference)
    if spread.across in ("SocketsCores", "CoresThreads") and guest % spread.ratio:
        return f"{guest} vCPUs are no multiple of {spread.ratio}, the ratio in which the preference spreads them"
    if spread.across == "SocketsCoresThreads" and (guest % 2 or guest // 2 % spread.ratio):
        count = 2 * spread.ratio
        return f"{guest} vCPUs are no multiple of {count}, the threads of a socket as the preference spreads them"
    return None
