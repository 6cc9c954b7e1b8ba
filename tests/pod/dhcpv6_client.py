"""Send a DHCPv6 packet on a link of this network namespace, and print the answer: ``dhcpv6_client.py LINK PACKET``.

Both are hexadecimal digits. Nothing is printed if nobody answers in two seconds.
"""

from __future__ import annotations

import socket
import sys

_SECONDS = 2.0


def main(link: str, packet: bytes) -> None:
    """Print what the server answers."""
    client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    index = socket.if_nametoindex(link)
    client.bind(("::", 546, 0, index))
    client.settimeout(_SECONDS)
    client.sendto(packet, ("ff02::1:2", 547, 0, index))
    try:
        print(client.recv(4096).hex())
    except TimeoutError:
        return


if __name__ == "__main__":
    main(sys.argv[1], bytes.fromhex(sys.argv[2]))
