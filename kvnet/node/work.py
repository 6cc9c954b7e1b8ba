"""The work on one pod: what is wanted, where each step is recorded, and who is told of it.

Its first steps attach the pod to its networks by their CNI plugins, with a record of what the plugins gave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import asdict, evolve, frozen

from kvnet.errors import Problem, Rejected
from kvnet.node import cni, host
from kvnet.node.attachments import PodNetworkConfig, network_at
from kvnet.node.cni import Attachment
from kvnet.node.links import isolate
from kvnet.node.pod_network import is_pod_bridge
from kvnet.node.programs import NodeError, told_at
from kvnet.node.state import PodFolder, StateFolder, private_folder
from kvnet.pipeline import placed
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = [
    "Progress",
    "Wanted",
    "Work",
    "attach",
    "attached",
    "collected",
    "detach",
    "known_networks",
    "refuse",
    "tell",
]

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


def attached(record: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The networks that were attached, or begun to be, in order."""
    return tuple(Attachment(**each) for each in record.get("attachments", ()))


def known_networks(record: Mapping[str, Any]) -> dict[str, PodNetworkConfig]:
    """The networks that are attached, by the pod's links, as their plugins were called."""
    done = [each for each in attached(record) if each.result is not None]
    return {each.interface: PodNetworkConfig.of(each) for each in done}


def attach(wanted: Wanted, work: Work, namespace: str, given: Collection[Attachment]) -> tuple[Attachment, ...]:
    """Attach networks, in order, beside those that are attached already. Returns all of them with their results.

    Raises NodeError, at the network of the manifest that a plugin refuses.
    """
    work.step("prepare the host for the networks", claims=True)
    host.claim(work.state, namespace, host.bridges_of(given), wanted.number)
    private_folder(work.state.ipam)
    done = list(attached(work.folder.record))
    for each in given:
        if any(known.interface == each.interface for known in done):
            continue
        work.step(f"attach {each.interface} to {each.network}", attachments=_plain([*done, each]))
        with told_at(wanted.machine, network_at(wanted.machine, each.interface)):
            done.append(evolve(each, result=cni.add(each)))
            work.step(f"check {each.interface}", attachments=_plain(done))
            cni.check(done[-1])
        if any(is_pod_bridge(plugin.get("bridge")) for plugin in each.plugins):
            isolate(_ports(done[-1]))
    return tuple(done)


def detach(work: Work, problems: list[Problem], gone: Iterable[Attachment]) -> None:
    """Detach networks, the last first. One that its plugins do not detach stays recorded.

    Where ADD did not end, DEL may well refuse for the same reason, and that is no problem.
    """
    for each in reversed(tuple(gone)):
        work.step(f"detach {each.interface} from {each.network}")
        refusals: list[Problem] = []
        with collected(refusals):
            cni.delete(each)
        if each.result is None:
            host.forget_addresses(work.state.ipam, each)
        elif refusals:
            problems += refusals
            continue
        left = [known for known in attached(work.folder.record) if known.interface != each.interface]
        work.folder.write({**work.folder.record, "attachments": _plain(left)})


def _ports(attachment: Attachment) -> Iterator[str]:
    """The links of the host that the plugins made for the pod, as ports of the pod network's bridge."""
    for each in (attachment.result or {}).get("interfaces") or ():
        if not each.get("sandbox") and not is_pod_bridge(each["name"]):
            yield each["name"]


def _plain(given: Iterable[Attachment]) -> list[dict[str, Any]]:
    return [asdict(each) for each in given]
