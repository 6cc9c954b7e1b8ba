"""What a plan is made of: calls to libvirt in their order, and what they do not reach."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from kvnet.errors import Problem

__all__ = ["Action", "Plan", "Step"]


class Action(StrEnum):
    """What is done to a NIC of a running domain."""

    ATTACH = "attach"
    """``virDomainAttachDeviceFlags``."""
    DETACH = "detach"
    """``virDomainDetachDeviceFlags``."""
    UPDATE_LINK = "update-link"
    """``virDomainUpdateDeviceFlags``, with no change but that of ``<link>``."""
    REPLACE = "replace"
    """Of what the domain has at its next start alone: another NIC in the place of one, under its alias."""


@frozen(kw_only=True)
class Step:
    """One call: the NIC's name in the spec, its alias in the domain, and the XML that libvirt is handed.

    ``before`` is the NIC as it stands in the domain, empty where there is none.
    """

    action: Action
    nic: str
    alias: str
    xml: str
    before: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.nic} ({self.alias})"


@frozen(kw_only=True)
class Plan:
    """Steps to be taken in their order, the first that fails ending them, and what they leave undone.

    A problem is an error where what was asked cannot be done at all, a warning where it takes a restart
    (``KN851``) or a migration (``KN852``), and a note where nothing is left to do.
    """

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def needs_restart(self) -> bool:
        """Whether a NIC differs from what was asked in something that no step can change."""
        return any(problem.code == "KN851" for problem in self.problems)

    @property
    def needs_migration(self) -> bool:
        """Whether KubeVirt would have to migrate the machine."""
        return any(problem.code == "KN852" for problem in self.problems)
