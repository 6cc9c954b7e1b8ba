"""The commands by their groups: what ``--help`` says of each, and two examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["COMMANDS", "Command"]


class Command(NamedTuple):
    """A command: the ``group`` it is listed in, what it does, and examples."""

    group: str
    text: str
    examples: tuple[str, str]

    @property
    def description(self) -> str:
        """What the command does, as a sentence."""
        return f"{self.text[0].upper()}{self.text[1:]}."

    @property
    def epilog(self) -> str:
        """The examples, as help shows them."""
        return "\n  ".join(["examples:", *self.examples])


COMMANDS: Mapping[str, Command] = {
    "check": Command(
        "Manifests",
        "report what KubeVirt or libvirt would refuse of the NICs and networks, and what may not behave as expected",
        ("kvnet check -f vm.yaml", "kvnet check -f manifests/ --profile host -o sarif"),
    ),
    "render": Command(
        "Manifests",
        "print the libvirt XML of the machines in a manifest",
        ("kvnet render -f vm.yaml --profile host", "kvnet render -f manifests/ --facts facts.yaml -o domains/"),
    ),
    "show": Command(
        "Manifests",
        "draw what each NIC of a machine or domain is attached to",
        ("kvnet show -f vm.yaml", "kvnet show -f vm.yaml --profile host -c qemu:///system -o html"),
    ),
    "pod": Command(
        "Manifests",
        "show what a machine needs in its pod: links, NAT, DHCP and annotations",
        ("kvnet pod plan -f vm.yaml", "kvnet pod plan -f vm.yaml --found pod.yaml -o nft"),
    ),
    "cloud-init": Command(
        "Manifests",
        "print cloud-init's network data for what KubeVirt leaves to the guest, or compare it with what machines have",
        ("kvnet cloud-init -f vm.yaml --facts facts.yaml", "kvnet cloud-init -f manifests/ --check"),
    ),
    "explain": Command(
        "Manifests",
        "explain codes of problems: what, why, a bad and a good example",
        ("kvnet explain KN906", "kvnet explain KN101 KN302"),
    ),
    "rules": Command(
        "Manifests",
        "list the codes of all problems",
        ("kvnet rules", "kvnet rules -o json"),
    ),
    "schema": Command(
        "Manifests",
        "print the JSON Schema of manifests or host facts, for editors",
        ("kvnet schema", "kvnet schema facts"),
    ),
    "instancetypes": Command(
        "Manifests",
        "list instancetypes and preferences, and what they decide for NICs",
        (
            "kvnet instancetypes --common-instancetypes",
            "kvnet instancetypes -f vm.yaml --cluster cluster.yaml --name u1.small",
        ),
    ),
    "define": Command(
        "libvirt",
        "define the machines on a real libvirt, and report what it dropped",
        ("kvnet define -f vm.yaml", "kvnet define -c qemu:///system -f vm.yaml --profile host --into"),
    ),
    "plan": Command(
        "libvirt",
        "show the changes that bring libvirt domains, or machines that are up, to what a manifest asks for",
        (
            "kvnet plan -c qemu:///system -f vm.yaml --profile host",
            "kvnet plan -f vm.yaml",
        ),
    ),
    "apply": Command(
        "libvirt",
        "bring libvirt domains, or machines that are up, to what a manifest asks for, while they run",
        (
            "kvnet apply -c qemu:///system -f vm.yaml --profile host",
            "kvnet apply -f vm.yaml --timeout 60",
        ),
    ),
    "status": Command(
        "libvirt",
        "show the status of the NICs of libvirt domains, or of machines that are up",
        (
            "kvnet status -c qemu:///system -f vm.yaml --profile host",
            "kvnet status -c qemu:///system -f vm.yaml --profile host --watch",
        ),
    ),
    "up": Command(
        "Running",
        "bring machines up on this host, without a cluster: pod network, NAT, DHCP and domain",
        (
            "kvnet up -f vm.yaml --disk debian.qcow2",
            "kvnet up -f vm.yaml --kernel vmlinuz --initrd initramfs --cmdline console=ttyS0",
        ),
    ),
    "down": Command(
        "Running",
        "take machines down that were brought up, and leave nothing of them",
        ("kvnet down web", "kvnet down --root /run/kvnet"),
    ),
    "ps": Command(
        "Running",
        "list the machines that were brought up, with the status of their NICs",
        ("kvnet ps", "kvnet ps -o json"),
    ),
    "exec": Command(
        "Running",
        "run a command in the network namespace of a machine's pod",
        ("kvnet exec web -- ip address", "kvnet exec prod/web -- ping -c 1 10.0.2.2"),
    ),
    "diff": Command(
        "Domains",
        "show the differences between the NICs of two domains, and whether the guest sees them",
        ("kvnet diff before.xml after.xml", "virsh dumpxml web | kvnet diff web.xml - --noise"),
    ),
    "import": Command(
        "Domains",
        "print a KubeVirt manifest for the NICs of a libvirt domain, and report what was assumed",
        ("virsh dumpxml web | kvnet import -", "kvnet import -c qemu:///system --all --facts-out facts.yaml"),
    ),
    "bulk": Command(
        "Fleets",
        "render a fleet of machines; a bad one does not stop the others",
        (
            "kvnet bulk -f fleet.ndjson -o rendered.ndjson",
            "kvnet bulk -f manifests/ -o domains/ --profile host --resume",
        ),
    ),
    "debug": Command(
        "Other",
        "print the code that kvnet generates",
        ("kvnet debug source Interface", "kvnet debug source Hostdev"),
    ),
}
