"""Strict reading beside the bare parse of the same text: ``python benchmarks/reading.py [--check]``.

Each round times both, one after the other, in CPU time; the figure is the ratio of the medians. With ``--check``, the
status is 1 where strict reading, parsing included, costs more than four times the bare parse.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from lxml import etree

import kvnet

LIMIT = 4.0
ROUNDS, CALLS = 41, 400
SHAPES = ROUNDS * CALLS

TAP = """<interface type='ethernet'>
  <mac address='52:54:00:12:34:{:02x}'/>
  <target dev='tap{}' managed='no'/>
  <model type='virtio-non-transitional'/>
  <driver name='vhost' queues='4'/>
  <link state='down'/>
  <mtu size='1450'/>
  <boot order='1'/>
  <alias name='ua-net{}'/>
  <rom enabled='no'/>
  <acpi index='1'/>
  <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
</interface>"""
SMALL = """<interface type='bridge'>
  <mac address='52:54:00:12:34:56'/>
  <source bridge='br0'/>
  <model type='virtio'/>
</interface>"""
# a made-up extreme: nobody has all of it
RICH = """<interface type='network' trustGuestRxFilters='yes'>
  <mac address='52:54:00:12:34:56' type='static'/>
  <source network='default' portgroup='engineering'/>
  <vlan trunk='yes'><tag id='42'/><tag id='123' nativeMode='untagged'/></vlan>
  <virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
  <bandwidth><inbound average='1000' peak='5000' burst='1024'/><outbound average='128' peak='256'/></bandwidth>
  <model type='virtio'/>
  <driver name='vhost' txmode='iothread' queues='5' rx_queue_size='256'>
    <host csum='off' gso='off'/><guest csum='off' tso4='off'/>
  </driver>
  <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/></filterref>
  <coalesce><rx><frames max='7'/></rx></coalesce>
  <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>
</interface>"""
# numbers of its own for each NIC, as in a fleet
TAPS = [TAP.format(n, n, n) for n in range(64)]
DOMAIN = f"<domain type='kvm'><name>vm</name><devices>{''.join(TAPS[:4])}</devices></domain>"

Read = Callable[[str], object]
CASES: dict[str, tuple[list[str], Read]] = {
    "a tap, as KubeVirt makes them": (TAPS, kvnet.read_device),
    "a bridge, as people write them": ([SMALL], kvnet.read_device),
    "an interface with everything": ([RICH], kvnet.read_device),
    "a domain with four taps": ([DOMAIN], kvnet.read_domain),
}


def ratio(texts: list[str], read: Read) -> float:
    """How many times the bare parse reading costs."""
    taken: dict[Read, list[float]] = {etree.fromstring: [], read: []}
    for turn in range(ROUNDS):
        for call, seconds in taken.items():
            started = time.process_time()
            for n in range(CALLS):
                call(texts[(turn * CALLS + n) % len(texts)])
            seconds.append(time.process_time() - started)
    bare, whole = (statistics.median(seconds) for seconds in taken.values())
    return whole / bare


def known(texts: list[str]) -> float:
    """The ratio for devices of known shapes. Raises ValueError where one of them is read as another device."""
    for text in texts * 4:
        kvnet.read_device(text)
    for text in texts:
        # with a line break before it, it is a text of another shape
        if kvnet.read_device(text) != kvnet.read_device(f"\n{text}"):
            raise ValueError(f"what was learnt reads another device: {text}")
    return ratio(texts, kvnet.read_device)


def unknown(texts: list[str]) -> float:
    """The ratio for devices of which no two have one shape: each has other white space between its elements."""
    return ratio(of_new_shapes(texts, SHAPES), kvnet.read_device)


def of_new_shapes(texts: list[str], count: int) -> list[str]:
    """So many texts of which no two have one shape."""
    return [_spaced(texts[n % len(texts)], n) for n in range(count)]


def _spaced(text: str, n: int) -> str:
    """A text with as many blanks after each of its first lines as a digit of a number says, in base 16."""
    first, *lines = text.split("\n")
    digits = [n >> 4 * at & 15 for at in range(len(lines))]
    return first + "".join(f"{' ' * digit}\n{line}" for digit, line in zip(digits, lines, strict=True))


def main() -> int:
    """Print each ratio."""
    found = {name: ratio(*case) for name, case in CASES.items()}
    for name, times in found.items():
        print(f"{times:5.2f} times lxml.etree.fromstring  {name}")
    return 1 if "--check" in sys.argv[1:] and max(found.values()) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
