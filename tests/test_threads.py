"""Public functions give the same in eight threads at once on cold caches, after a fork, and in spawned processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

_MACHINE = """
import json, sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier

import kvnet

NICS = [{"name": f"n{n}", "bridge": {}, "macAddress": f"52:54:00:00:00:0{n}"} for n in range(4)]
SPEC = {
    "domain": {"memory": {"guest": "1Gi"}, "devices": {"interfaces": NICS}},
    "networks": [{"name": f"n{n}", "multus": {"networkName": f"x{n}"}} for n in range(4)],
}
VMI = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": {"name": "m"}, "spec": SPEC}
TEXT = json.dumps(VMI)
WRONG = TEXT.replace('"bridge"', '"brigde"')
FACTS = "architecture: amd64\\nlinks: {n0: {mtu: 1450}}\\nnetworks: {n0: {bridge: b}}\\n"
CLUSTER = "kind: KubeVirt\\nspec: {configuration: {cpuRequest: 100m}}\\n"
NIC = "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><alias name='ua-n1'/></interface>"
DOMAIN = f"<domain type='kvm'><name>m</name><devices>{NIC}</devices></domain>"

def told(call):
    try:
        return repr(call())
    except kvnet.KvnetError as error:
        return str(error)

def target():
    return kvnet.Target(facts=kvnet.loads_facts(FACTS), profile="host")

CALLS = {
    "loads": lambda: kvnet.loads(TEXT),
    "loads_all of YAML": lambda: kvnet.loads_all("---\\n".join([TEXT, "kind: Secret\\n"])),
    "loads of mistakes": lambda: kvnet.loads(WRONG),
    "loads_facts": lambda: kvnet.loads_facts(FACTS),
    "loads_cluster": lambda: kvnet.loads_cluster(CLUSTER),
    "check": lambda: kvnet.check(kvnet.loads(TEXT)),
    "check_all": lambda: kvnet.check_all([kvnet.loads(TEXT)] * 2),
    "compile": lambda: kvnet.compile(kvnet.loads(TEXT)).xml(),
    "render": lambda: kvnet.render(kvnet.loads(TEXT)).document,
    "render on a host": lambda: kvnet.render(kvnet.loads(TEXT), target()).problems,
    "build": lambda: kvnet.build(kvnet.loads(TEXT)),
    "dump": lambda: kvnet.dump(kvnet.loads(TEXT)),
    "patch": lambda: kvnet.patch(DOMAIN, [NIC.replace("'b'", "'c'")]),
    "read_device": lambda: kvnet.read_device(NIC),
    "read_device of mistakes": lambda: kvnet.read_device(NIC.replace("source", "sauce")),
    "diff": lambda: kvnet.diff(kvnet.read_device(NIC), kvnet.read_device(NIC.replace("'b'", "'c'"))),
    "import_domain": lambda: kvnet.import_domain(DOMAIN),
    "plan_changes": lambda: kvnet.plan_changes(DOMAIN, kvnet.loads(TEXT)),
    "status": lambda: kvnet.status(kvnet.loads(TEXT), DOMAIN),
    "restart_required": lambda: kvnet.restart_required(kvnet.loads(TEXT), kvnet.loads(TEXT)),
    "pod_annotations": lambda: kvnet.pod_annotations(kvnet.loads(TEXT)),
    "pod_links": lambda: kvnet.pod_links(kvnet.loads(TEXT)),
    "pod_nat": lambda: kvnet.pod_nat(kvnet.loads(TEXT)),
    "pod_dhcp": lambda: kvnet.pod_dhcp(kvnet.loads(TEXT)),
    "network_data": lambda: kvnet.network_data(kvnet.loads(TEXT)),
    "common_instancetypes": lambda: len(kvnet.common_instancetypes()),
}

def result(name):
    return told(CALLS[name])

def in_threads(names):
    barrier = Barrier(8)
    def one(_):
        barrier.wait()
        return [result(name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(8)))

def in_processes(method, names):
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        return [list(pool.map(result, names)), list(pool.map(result, names))]
"""
_NAMES = """
names = sys.argv[2:] or list(CALLS)
"""
_THREADS = _MACHINE + _NAMES + "print(json.dumps(in_threads(names) + [[result(name) for name in names]]))"
_PROCESSES = (
    _MACHINE
    + """
if __name__ == "__main__":
    names = list(CALLS)
    before = [result(name) for name in names] if sys.argv[1] == "fork" else None
    found = in_processes(sys.argv[1], names)
    print(json.dumps(found + [before or [result(name) for name in names]]))
"""
)


def _printed(source: str, *arguments: str, folder: str) -> list[list[str]]:
    import json  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    script = Path(folder, "calls.py")
    script.write_text(source)
    words = [sys.executable, "-W", "ignore", str(script), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("first", ["", "render", "loads of mistakes", "import_domain", "patch", "pod_links", "status"])
def test_eight_threads_on_cold_caches_give_what_one_gives(tmp_path: object, first: str) -> None:
    source = _THREADS.replace("list(CALLS)", f"sorted(CALLS, key=lambda name: name != {first!r})")
    *found, alone = _printed(source, "threads", folder=str(tmp_path))
    assert len(found) == 8
    assert all(each == alone for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_give_what_this_one_gives(tmp_path: object, method: str) -> None:
    *found, here = _printed(_PROCESSES, method, folder=str(tmp_path))
    assert all(each == here for each in found)
