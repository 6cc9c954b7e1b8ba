"""The work on one pod: what is wanted, where each step is recorded, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from kvnet.errors import Problem, Rejected
from kvnet.node.attachments import PodNetworkConfig
from kvnet.node.programs import NodeError
from kvnet.node.state import PodFolder, StateFolder
from kvnet.pipeline import placed
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["Progress", "Wanted", "Work", "collected", "refuse", "tell"]

Progress = Callable[[str], None]
"""Is told of each step, once it is recorded and before it is taken."""


def tell(progress: Progress | None, step: str) -> None:
    """Tell a step, where anybody listens."""
    if progress is not None:
        progress(step)


@frozen(kw_only=True)
class Wanted:
    """The pod that is to be made.

    - ``name``: ``namespace/name`` of the machine
    - ``machine``, ``target``: what it is made for
    - ``networks``: that it is attached to, in order
    - ``number``: of the pod network of its state folder
    """

    name: str
    machine: Machine
    target: Target
    networks: tuple[PodNetworkConfig, ...]
    number: int


@frozen(kw_only=True)
class Work:
    """The work on one pod: where it is recorded, and who is told.

    - ``state``: of all machines
    - ``folder``: of this one
    - ``progress``: is told of each step
    """

    state: StateFolder
    folder: PodFolder
    progress: Progress | None = None

    def step(self, text: str, **changes: Any) -> None:
        """Record what the step is about to do, and tell it."""
        self.folder.write({**self.folder.record, **changes})
        tell(self.progress, text)


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Go on after an error of the host or of a plugin, and keep its problems."""
    try:
        yield
    except NodeError as error:
        problems += error.problems


def refuse(machine: Machine, *problems: Problem) -> None:
    """Raise Rejected where there are errors among the problems of plans, at their places in the manifest.

    What several plans tell is told once.
    """
    if any(each.is_error for each in problems):
        raise Rejected(placed(machine.origin, dict.fromkeys(problems)))
