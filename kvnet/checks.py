"""Check one machine for its target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kvnet._lazy import lazy
from kvnet.errors import Problem
from kvnet.rules.check import check as judge
from kvnet.rules.check import checked_groups, without_consequences
from kvnet.spec import Machine
from kvnet.target import Profile, Target, checked_target

if TYPE_CHECKING:
    from kvnet import pipeline
else:
    # with the compiler, the command takes half as long again to start
    pipeline = lazy("kvnet.pipeline")

__all__ = ["check", "told_of"]


def check(machine: Machine, target: Target | None = None, *, groups: Iterable[str] = ()) -> tuple[Problem, ...]:
    """Give a machine its instancetype, its preference and its default NIC, and judge it.

    First what there is to say of its instancetype and preference, then every cause for which KubeVirt's admission would
    refuse it (these have a ``cause``), then errors for what libvirt would refuse, then warnings and notes. For the host
    profile, also everything else for which ``render`` would give no XML, and what a plain host does not carry over.
    ``groups`` names groups of rules that are asked too: ``security`` warns of NADs that let a guest forge addresses or
    see the frames of others. Each problem has its place where the machine was read from text. Without a target, the
    cluster is KubeVirt's stock configuration. Of a new VirtualMachine with a binding that KubeVirt removed, nothing
    else is told, as KubeVirt does. Sources: KubeVirt 1.9 (``pkg/network/admitter``), libvirt 9.0.

    >>> import kvnet
    >>> nic = {"name": "red", "bridge": {}, "macAddress": "01:00:00:00:00:01"}
    >>> machine = kvnet.load({"domain": {"devices": {"interfaces": [nic]}}})
    >>> [problem.code for problem in kvnet.check(machine)]
    ['KN127', 'KN410']

    Raises TypeError for arguments of another kind, and ValueError for a group that does not exist.
    """
    if target is None or not isinstance(target, Target) or target.profile is not Profile.HOST:
        return judge(machine, target, groups=groups)
    target = checked_target(machine, target)
    return pipeline.host_findings(machine, target, checked_groups(groups))


def told_of(machine: Machine, target: Target | None = None, *, groups: Iterable[str] = ()) -> tuple[Problem, ...]:
    """What ``check`` finds, without problems that follow from another one."""
    return without_consequences(machine, check(machine, target, groups=groups))
