"""The steps of a plan, and the domain as it will be after them."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from kvnet._html import table
from kvnet.domain.edit import Edit, edited, removal, with_nics
from kvnet.errors import Problem
from kvnet.hotplug.live_domain import LiveDomain

__all__ = ["Action", "Plan", "Step", "preview"]


class Action(StrEnum):
    """What a step does to a NIC, in the order in which plans list them."""

    ATTACH = "attach"
    """``virDomainAttachDeviceFlags``."""
    DETACH = "detach"
    """``virDomainDetachDeviceFlags``."""
    UPDATE_LINK = "update-link"
    """``virDomainUpdateDeviceFlags`` that changes ``<link>`` only."""
    REPLACE = "replace"
    """Another NIC instead of one, under the same alias. In a persistent configuration only."""


@frozen(kw_only=True)
class Step:
    """One change of one NIC.

    ``nic`` is the NIC's name in the machine, ``alias`` its alias in the domain, and ``xml`` the element that libvirt is
    given. ``before`` is the NIC's XML in the domain now, empty where the step attaches it.
    """

    action: Action
    nic: str
    alias: str
    xml: str
    before: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.nic} ({self.alias})"


class Remaining:
    """What a plan leaves undone, as its ``problems`` tell."""

    __slots__ = ()
    problems: tuple[Problem, ...]

    @property
    def needs_restart(self) -> bool:
        """Whether a NIC differs from the machine in something that only a restart changes (``KN851``)."""
        return any(problem.code == "KN851" for problem in self.problems)

    @property
    def needs_migration(self) -> bool:
        """Whether KubeVirt makes a change by migrating the machine (``KN852``)."""
        return any(problem.code == "KN852" for problem in self.problems)


@frozen(kw_only=True)
class Plan(Remaining):
    """The ``steps`` to take, in order, and the ``problems``: what they leave undone.

    Where a step fails, those after it are not to be taken. A problem is an error where a change cannot be made at all,
    a warning where it takes a restart (``KN851``) or a migration (``KN852``), and else a note.
    """

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()

    def _repr_html_(self) -> str:
        rows = [(str(each.action), each.nic, each.xml) for each in self.steps]
        rows += [(str(each.severity), each.field, each.message) for each in self.problems]
        return table("Plan", ("Step", "NIC", "XML or message"), rows)


def preview(domain: str | LiveDomain, plan: Plan) -> str:
    """Write the domain as it will be after every step of a plan, without what libvirt adds by itself.

    Every byte that no step concerns stays. New interfaces follow the last interface, and new hostdevs follow them.
    Raises XmlError.
    """
    domain = LiveDomain.of(domain)
    attached = [step.xml for step in plan.steps if step.action is Action.ATTACH]
    edits: list[Edit] = []
    if attached:
        edits.append(with_nics(domain, sorted(attached, key=_is_hostdev)))
    changes = {(step.alias, _is_hostdev(step.xml)): step for step in plan.steps if step.action is not Action.ATTACH}
    for nic in domain.nics:
        step = changes.get((nic.alias, _is_hostdev(nic.text)))
        if step is not None:
            is_removed = step.action is Action.DETACH
            edits.append(removal(domain, nic.span) if is_removed else Edit(nic.span.start, nic.span.end, step.xml))
    return edited(domain, edits)


def _is_hostdev(xml: str) -> bool:
    return xml.startswith("<hostdev")
