"""Ask for a lease on a link of this network namespace, and print what is given: ``dhcp_client.py LINK MAC [ID]``.

It speaks DHCPv4 over a packet socket, and shows every byte that it is given, which no ordinary client does. An offer is
asked for, then acknowledged. ``ID`` is the client's identifier in hexadecimal digits. Prints JSON: the address, and the
options in hexadecimal digits by their codes; null if nobody answers in two seconds.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from typing import Final

_DISCOVER, _REQUEST = 1, 3
_COOKIE: Final = bytes.fromhex("63825363")
_IPV4: Final = 0x0800
_SECONDS: Final = 2.0


def message(kind: int, mac: bytes, *options: bytes) -> bytes:
    """A DHCPv4 message of a client, with its Ethernet, IP and UDP headers."""
    head = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, 0x6B766E74, 0, 0x8000, mac)
    dhcp = head + _COOKIE + bytes([53, 1, kind]) + b"".join(options) + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack("!10H", ip))
    checksum = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
    ip = ip[:10] + struct.pack("!H", checksum) + ip[12:]
    return b"\xff" * 6 + mac + struct.pack("!H", _IPV4) + ip + udp


def answer(frame: bytes) -> tuple[bytes, dict[int, bytes]] | None:
    """The address and the options in a frame, if it is an answer of a DHCPv4 server to this client."""
    start = 14 + (frame[14] & 15) * 4 if len(frame) > 14 else 0
    if frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[start : start + 4] != b"\x00\x43\x00\x44":
        return None
    dhcp = frame[start + 8 :]
    options: dict[int, bytes] = {}
    rest = dhcp[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options[rest[0]] = options.get(rest[0], b"") + rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return dhcp[16:20], options


def main(link: str, mac: bytes, identifier: bytes) -> None:
    """Print what the server gives."""
    own = (bytes([61, len(identifier)]) + identifier,) if identifier else ()
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_IPV4))
    packets.bind((link, 0))
    offer = _asked(packets, message(_DISCOVER, mac, *own))
    if offer is None:
        print("null")
        return
    address, options = offer
    wanted = (*own, bytes([50, 4]) + address, bytes([54, 4]) + options[54])
    given = _asked(packets, message(_REQUEST, mac, *wanted))
    assert given is not None
    assert given[1][53] == b"\x05", given
    print(json.dumps([".".join(map(str, given[0])), {code: value.hex() for code, value in given[1].items()}]))


def _asked(packets: socket.socket, request: bytes) -> tuple[bytes, dict[int, bytes]] | None:
    packets.send(request)
    end = time.monotonic() + _SECONDS
    while (left := end - time.monotonic()) > 0:
        packets.settimeout(left)
        try:
            found = answer(packets.recv(4096))
        except TimeoutError:
            break
        if found is not None:
            return found
    return None


if __name__ == "__main__":
    main(sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), bytes.fromhex("".join(sys.argv[3:])))
