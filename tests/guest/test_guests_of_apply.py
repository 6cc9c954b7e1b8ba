"""`kvnet apply` on a machine that is up: NICs come and go, links go down and up, and traffic on the others flows on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen
from guest.image import Image
from guest.machine import BOOT_SECONDS, SeenNic
from guest.plain_host import Peer, PlainHost, Upped, missing, plain_host
from machines import multus, nic, pod, vmi

from kvnet.node.namespaces import entered
from kvnet.values import MacAddress

pytestmark = [pytest.mark.guest, pytest.mark.slow]

TESTS: Final = Path(__file__).parents[1]
SECONDS: Final = 60.0
PEER, GATEWAY = "10.99.0.250", "10.98.0.1"
PORT: Final = 7100
STRIDE: Final = 8 if os.environ.get("CI") else 16
"""How many events lie between those before which a process kills itself."""
MOST: Final = 500
FEWEST_LINES: Final = 10
RED: Final = nic("red", "masquerade")
STREAM: Final = f"i=0; while true; do echo $i; i=$((i+1)); usleep 20000; done | nc {PEER} {PORT}"
"""What the guest sends for as long as it is let: lines that count."""


def nad(name: str, **config: Any) -> dict[str, Any]:
    text = json.dumps({"cniVersion": "0.4.0", "name": name, "type": "bridge", "bridge": f"kvt{name}", **config})
    metadata = {"name": name, "namespace": "prod"}
    kind = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    return {**kind, "metadata": metadata, "spec": {"config": text}}


ROUTES: Final = [{"dst": "192.0.2.0/24", "gw": GATEWAY}]
ADDRESSES: Final = {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]], "routes": ROUTES}
NADS: Final = (nad("lan", isGateway=True, ipam=ADDRESSES), nad("quiet"))


def machine(*nics: dict[str, Any]) -> dict[str, Any]:
    networks = [pod("red"), *(multus(each["name"], networkName=each["name"]) for each in nics if each is not RED)]
    made = vmi(list(nics), networks, domain={"memory": {"guest": "128Mi"}}, spec={"architecture": "amd64"})
    return {**made, "metadata": {"name": "web", "namespace": "prod"}}


@frozen
class Traffic:
    """Lines that the guest sends by one TCP connection, and the answers to its pings."""

    lines: list[str]
    web: Web

    def flows(self) -> None:
        """Wait until some more lines have come. Fails where none do."""
        start = len(self.lines)
        for _ in range(int(10 * SECONDS)):
            if len(self.lines) >= start + FEWEST_LINES:
                return
            time.sleep(0.1)
        pytest.fail(f"the stream has stopped after {len(self.lines)} lines")

    def lost(self) -> int:
        """How many pings were not answered until now."""
        self.web.up.run("killall -INT ping")
        told = "\n".join(self.web.up.run("cat /tmp/pings"))
        sent, received = map(int, re.findall(r"(\d+) packets", told))
        assert sent > 0
        return sent - received


@frozen
class Web:
    """A machine that is up with the NICs ``red`` and ``quiet``, and a peer on its networks."""

    host: PlainHost
    up: Upped
    peer: Peer

    def manifest(self, *nics: dict[str, Any]) -> Path:
        return self.host.write("changed.yaml", *NADS, machine(RED, *nics))

    def apply(self, *nics: dict[str, Any]) -> dict[str, Any]:
        """Have the machine be what a manifest of these NICs asks."""
        given = ("-q", "-f", self.manifest(*nics), "--root", self.host.root, "-o", "json")
        done: dict[str, Any] = json.loads(self.host.kvnet("apply", *given).stdout)
        return done

    def is_as_asked(self) -> bool:
        """Whether nothing is left to do for the last manifest."""
        given = ("-q", "-f", self.host.folder / "changed.yaml", "--root", self.host.root)
        return self.host.kvnet("plan", *given, check=False).returncode == 0

    def killed(self, number: int, *nics: dict[str, Any]) -> bool:
        """Apply a manifest, and be killed before an event; whether it had come to its end by then."""
        command = [sys.executable, "-m", "node.interrupted", "apply", self.host.root, str(number), self.manifest(*nics)]
        path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.host.name}", *map(str, command)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode == 0

    def told(self) -> dict[str, Any]:
        (told,) = json.loads(self.host.kvnet("ps", "-o", "json", "--root", self.host.root).stdout)
        return dict(told)

    def nic(self, name: str) -> SeenNic:
        """The guest's NIC of an interface, as soon as the guest has it."""
        mac = next(each["mac"] for each in self.told()["interfaces"] if each["name"] == name)
        return next(each for each in self.waited(lambda nics: mac in _macs(nics)) if str(each.mac) == mac)

    def waited(self, predicate: Callable[[tuple[SeenNic, ...]], bool]) -> tuple[SeenNic, ...]:
        return self.up.guest.wait_for(predicate, SECONDS)

    @contextmanager
    def traffic(self) -> Iterator[Traffic]:
        """Traffic on the NIC ``red``, for as long as the context lasts."""
        with _lines(self.peer.name) as lines:
            self.up.run(f"eval ( {STREAM} ) >/dev/null 2>&1 &")
            self.up.run(f"eval ( ping -i 0.2 {PEER} ) >/tmp/pings 2>&1 &")
            traffic = Traffic(lines, self)
            traffic.flows()
            yield traffic
            traffic.flows()
        assert lines == [str(n) for n in range(len(lines))], "no line is lost"


def _macs(nics: tuple[SeenNic, ...]) -> list[str]:
    return [str(each.mac) for each in nics]


def _has_carrier(mac: MacAddress, is_up: bool, nics: tuple[SeenNic, ...]) -> bool:
    return any(each.mac == mac and each.carrier is is_up for each in nics)


@contextmanager
def _lines(namespace: str) -> Iterator[list[str]]:
    """The lines that come by the first TCP connection to a port of a namespace."""
    with entered(namespace):
        listener = socket.create_server(("0.0.0.0", PORT))
    lines: list[str] = []
    stopped = threading.Event()

    def listen() -> None:
        with suppress(OSError):  # closed at the end
            line, _ = listener.accept()
            with line, line.makefile() as stream:
                for each in stream:
                    if stopped.is_set():
                        return
                    lines.append(each.strip())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(SECONDS)


@pytest.fixture(scope="module")
def web(image: Image) -> Iterator[Web]:
    if missing() and not os.environ.get("CI"):
        pytest.skip(f"missing here: {', '.join(missing())}")
    with plain_host(image) as host:
        ipam = {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
        pods = {"cniVersion": "0.4.0", "name": "pod", "type": "bridge", "bridge": "kvtpod", "isGateway": True}
        before = host.seen()
        up = host.up(
            host.write("web.yaml", *NADS, machine(RED, nic("quiet"))), host.write("pod.json", pods | {"ipam": ipam})
        )
        up.ask("nics", seconds=BOOT_SECONDS)
        with host.peer({"kvtpod": (f"{PEER}/24",)}) as peer:
            up.lease("red")
            up.guest.up()
            yield Web(host, up, peer)
        host.kvnet("down", "--root", host.root)
        assert host.seen() == before, "nothing is left"


def test_a_nad_is_plugged_in_and_out_while_traffic_flows_on_the_other_nic(web: Web) -> None:
    with web.traffic() as traffic:
        done = web.apply(nic("quiet"), nic("lan"))
        assert [each["network"] for each in done["attached"]] == ["prod/lan"]
        assert [(each["action"], each["nic"]) for each in done["done"]] == [("attach", "lan")]
        assert web.is_as_asked()
        plugged = web.nic("lan").name
        lease = dict(line.split("=", 1) for line in web.up.ask("dhcp", plugged) if "=" in line)
        assert lease["ip"] in web.told()["podIPs"]
        assert "192.0.2.0/24" in lease["staticroutes"]
        assert web.up.reaches(GATEWAY)
        traffic.flows()
        done = web.apply(nic("quiet"), nic("lan", state="absent"))
        assert [(each["action"], each["nic"]) for each in done["done"]] == [("detach", "lan")]
        assert [each["network"] for each in done["detached"]] == ["prod/lan"]
        assert web.is_as_asked()
        assert plugged not in [each.name for each in web.up.guest.nics()]
        assert lease["ip"] not in web.told()["podIPs"]
        assert "kvtlan" not in web.host.seen()["links"]
        assert traffic.lost() == 0
        print(f"{len(traffic.lines)} lines and no ping lost")


def test_a_link_goes_down_and_up_while_traffic_flows_on_the_other_nic(web: Web) -> None:
    quiet = web.nic("quiet").mac
    with web.traffic() as traffic:
        for state in ("down", "up"):
            done = web.apply(nic("quiet", state=state))
            assert [(each["action"], each["nic"]) for each in done["done"]] == [("update-link", "quiet")]
            web.waited(partial(_has_carrier, quiet, state == "up"))
            assert next(each["linkState"] for each in web.told()["interfaces"] if each["name"] == "quiet") == state
            traffic.flows()
        assert traffic.lost() == 0


@pytest.mark.parametrize("wanted", ["present", "absent"])
def test_an_apply_that_was_killed_is_completed_by_the_next(web: Web, wanted: str) -> None:
    """Whichever event it was killed before, and whatever was there then."""
    states = {"present": (nic("lan"),), "absent": (nic("lan", state="absent"),)}
    other = "absent" if wanted == "present" else "present"
    for number in range(1, MOST, STRIDE):
        web.apply(nic("quiet"), *states[other])
        finished = web.killed(number, nic("quiet"), *states[wanted])
        web.apply(nic("quiet"), *states[wanted])
        assert web.is_as_asked(), f"killed before event {number}"
        told = web.told()
        names = {each["name"] for each in told["interfaces"]}
        assert ("lan" in names) is (wanted == "present"), f"killed before event {number}"
        assert len(told["podIPs"]) == 1 + (wanted == "present")
        assert ("kvtlan" in web.host.seen()["links"]) is (wanted == "present")
        if finished:
            return
    pytest.fail("it never ended")
