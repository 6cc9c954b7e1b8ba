"""What of a changed manifest needs a restart, and what the VM controller carries over at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kvnet
from kvnet.manifest.binder import plain as unstructure
from kvnet.running import is_migratable, network_changes, synced
from kvnet.spec import Machine
from replays.case import Case, Difference, bare, running


def restart_required(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    vm = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine"} | given["vm"])
    vmi = running(given["vmi"])
    yield "restartRequired", expected["restartRequired"], bool(network_changes(vm, vmi))
    yield "migratable", expected["migratable"], is_migratable(vmi)
    after = synced(vm, vmi)
    yield "vmiAfterSync", bare(expected["vmiAfterSync"]), _nics(after.vmi)
    yield "vmAfterSync", bare(expected["vmAfterSync"]), _nics(after.vm)


def _nics(machine: Machine | None) -> Any:
    if machine is None:
        return None
    return bare({"interfaces": unstructure(machine.interfaces), "networks": unstructure(machine.networks)})
