"""What of a changed manifest needs a restart, and what the VM controller carries over at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kvnet
from kvnet.lifecycle import is_migratable, network_changes, synced
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import Machine
from replays.case import Case, Difference, bare, running


def restart_required(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    template = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine"} | given["vm"])
    machine = running(given["vmi"])
    yield "restartRequired", expected["restartRequired"], bool(network_changes(template, machine))
    yield "migratable", expected["migratable"], is_migratable(machine)
    after = synced(template, machine)
    yield "vmiAfterSync", bare(expected["vmiAfterSync"]), _nics(after.running)
    yield "vmAfterSync", bare(expected["vmAfterSync"]), _nics(after.template)


def _nics(machine: Machine | None) -> Any:
    if machine is None:
        return None
    return bare({"interfaces": unstructure(machine.interfaces), "networks": unstructure(machine.networks)})
