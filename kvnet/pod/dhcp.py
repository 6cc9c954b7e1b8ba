"""Plan the DHCP servers of a machine's pod, and answer their clients: who gets which address, options and lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final

from attrs import evolve, field, frozen

from kvnet.compiler.pod import bridge_name, link_names_in_use
from kvnet.errors import FieldPath, Problem
from kvnet.pod._basis import (
    BRIDGE_MAC,
    GuestNetwork,
    checked_found,
    dhcp_server_address,
    guest_network,
    missing_link,
    name_flaw,
    renamed_link,
    whole,
)
from kvnet.pod.dhcp_options import (
    Code,
    ResolvConf,
    domains_problem,
    encoded_domains,
    encoded_routes,
    longest_domain,
    of_interface,
    read_resolv_conf,
    with_subdomain,
)
from kvnet.pod.found import FoundLink, LeaseRoute, PodFound
from kvnet.pod.nft import checked_link_name
from kvnet.spec import Bridge, Machine, Masquerade
from kvnet.spec.nic import Nic, nics_of
from kvnet.spec.wire import text
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress

__all__ = ["LEASE_SECONDS", "DhcpAnswer", "DhcpServer", "PodDhcp", "answer", "answer_v6", "pod_dhcp"]

LEASE_SECONDS: Final = 999 * 24 * 60 * 60
"""How long a lease is valid: 999 days."""
_MTUS: Final = 2**16
"""Option 26 has 16 bits; of a larger MTU, KubeVirt sends the lower ones."""
_TYPES: Final = {"discover": "offer", "request": "ack"}
_LEASE, _TYPE, _SERVER = 51, 53, 54
_TYPE_CODES: Final = {"offer": 2, "ack": 5}
_SOLICIT, _ADVERTISE, _REPLY = 1, 2, 7
_ANSWERED: Final = frozenset({_SOLICIT, 3, 4, 5, 6, 8, 11})
"""DHCPv6 messages that get an answer: solicit, request, confirm, renew, rebind, release, information-request."""
_CLIENT_ID, _SERVER_ID, _IA_NA, _ADDRESS, _RAPID_COMMIT, _DNS = 1, 2, 3, 5, 14, 23
_HEADER: Final = 4
_DUID_LL: Final = bytes([0, 3, 0, 1])
"""A DUID made of a link-layer address, of Ethernet."""


@frozen(kw_only=True)
class DhcpServer:
    """What the guest of one NIC is served. Raises ValueError for a bridge whose name no link can have.

    - ``network``: the name of the machine's network
    - ``link``: of that network in the pod
    - ``bridge``: the only link that the server listens on
    - ``mac``: of the only client that is answered; ``None`` where each is
    - ``address``: of the guest, with its prefix; ``None`` where there is no DHCPv4
    - ``server``: the address that identifies the DHCPv4 server
    - ``gateway``: of the guest's default route
    - ``routes``: that the guest is told, in KubeVirt's order
    - ``address6``, ``server6``: the same of DHCPv6; clients are not told the prefix
    - ``listens``: the address of the bridge in the pod, which is another than ``server`` where NICs were plugged in or
      taken out since; ``None`` where it is ``server``
    - ``mtu``: in bytes, as option 26 tells it
    - ``nameservers``, ``nameservers6``: in order
    - ``search_domains``: in order
    - ``options``: the options of each answer to a DHCPv4 client, by their codes; their order has no meaning
    - ``problems``: the errors for which the server does not run
    - ``at``: the field of its NIC in the machine
    """

    network: str
    link: str
    bridge: str = field(validator=checked_link_name)
    mac: MacAddress | None = None
    address: IPv4Interface | None = None
    server: IPv4Address | None = None
    gateway: IPv4Address | None = None
    routes: tuple[LeaseRoute, ...] = ()
    address6: IPv6Interface | None = None
    server6: IPv6Address | None = None
    listens: IPv4Address | None = None
    mtu: int = 0
    nameservers: tuple[IPv4Address, ...] = ()
    nameservers6: tuple[IPv6Address, ...] = ()
    search_domains: tuple[str, ...] = ()
    options: tuple[tuple[int, bytes], ...] = ()
    problems: tuple[Problem, ...] = ()
    at: FieldPath = FieldPath()

    @property
    def is_refused(self) -> bool:
        """Whether there are errors, and therefore no server."""
        return bool(self.problems)

    def answers(self, mac: MacAddress) -> bool:
        """Whether a DHCPv4 client with that address is answered."""
        return self.address is not None and not self.is_refused and self.mac in (None, mac)


@frozen(kw_only=True)
class PodDhcp:
    """The DHCP servers of a pod.

    - ``servers``: one for each NIC whose guest is served, in the order of the NICs
    - ``refusals``: the errors for which a NIC has no server that it should have
    """

    servers: tuple[DhcpServer, ...] = ()
    refusals: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All errors: refusals, and those of each server."""
        return (*self.refusals, *(problem for each in self.servers for problem in each.problems))

    def server(self, network: str) -> DhcpServer | None:
        """The server of a network, ``None`` if it has none."""
        return next((each for each in self.servers if each.network == network), None)


@frozen(kw_only=True)
class DhcpAnswer:
    """An answer to a DHCPv4 client.

    - ``type``: ``offer`` or ``ack``
    - ``address``: of the client
    - ``server``: the address that identifies the server
    - ``options``: all options by their codes, with the lease (51), the type (53) and the server (54)
    """

    type: str
    address: IPv4Address
    server: IPv4Address
    options: tuple[tuple[int, bytes], ...]


def pod_dhcp(machine: Machine, target: Target | None = None, found: PodFound | None = None) -> PodDhcp:
    """The DHCP servers that KubeVirt runs in a machine's pod, given what was found there.

    NICs bound by ``masquerade`` and ``bridge`` have one, a bridge only where the pod's link had an IPv4 address to
    give. The found ``leases`` keep what a bridge took away from it.

    Sources: KubeVirt's ``pkg/network/dhcp`` and ``pkg/network/dns``.
    """
    target, found = checked_target(machine, target), checked_found(found)
    machine, errors = whole(machine, target)
    if errors:
        return PodDhcp(refusals=errors)
    dns = read_resolv_conf(found.resolv_conf)
    links = link_names_in_use(machine, (each.name for each in found.links))
    servers: list[DhcpServer] = []
    refusals: list[Problem] = []
    for nic in nics_of(machine):
        serve = _SERVED.get(type(nic.binding))
        if serve is None or nic.interface.is_absent or nic.network is None:
            continue
        link = links.get(nic.name, "")
        served = (name_flaw(nic, link) if link else None) or serve(nic, link, found)
        if isinstance(served, Problem):
            refusals.append(served)
        elif served is not None:
            servers.append(_complete(served, nic, found, dns))
    return PodDhcp(servers=tuple(servers), refusals=tuple(refusals))


def _masqueraded(nic: Nic, link: str, found: PodFound) -> DhcpServer | Problem | None:
    """The guest gets the second address of its network, whoever asks."""
    there = found.link(link)
    if there is None:
        return missing_link(nic, link)
    served = DhcpServer(network=nic.name, link=link, bridge=bridge_name(link), mtu=(there.mtu or 0) % _MTUS)
    for version, address in ((4, there.global_ipv4), (6, there.global_ipv6)):
        network = guest_network(nic, version) if address is not None else None
        if isinstance(network, Problem):
            return network
        served = served if network is None else _with(served, network)
    return served


def _with(served: DhcpServer, network: GuestNetwork) -> DhcpServer:
    match network.guest, network.gateway:
        case IPv4Interface() as guest, IPv4Interface() as gateway:
            return evolve(served, address=guest, server=gateway.ip, gateway=gateway.ip)
        case IPv6Interface() as guest6, IPv6Interface() as gateway6:
            return evolve(served, address6=guest6, server6=gateway6.ip)
    raise AssertionError(network)


def _bridged(nic: Nic, link: str, found: PodFound) -> DhcpServer | Problem | None:
    """The guest gets the address that the pod's link had, under the MAC address that it had."""
    lease, moved = found.leases.get(link), found.link(renamed_link(link))
    if lease is None:
        return _missing_lease(nic, link)
    if lease.ipam_disabled or lease.address is None:
        return None
    if moved is None:
        return missing_link(nic, renamed_link(link))
    server = dhcp_server_address(nic, nic.number)
    if isinstance(server, Problem):
        return server
    return DhcpServer(
        network=nic.name,
        link=link,
        bridge=bridge_name(link),
        mac=lease.mac,
        address=lease.address,
        server=server.ip,
        listens=_listens(found.link(bridge_name(link)), server.ip),
        gateway=lease.gateway,
        routes=lease.routes,
        mtu=(moved.mtu or 0) % _MTUS,
    )


_SERVED: Mapping[type, Callable[[Nic, str, PodFound], DhcpServer | Problem | None]] = {
    Masquerade: _masqueraded,
    Bridge: _bridged,
}


def _listens(bridge: FoundLink | None, server: IPv4Address) -> IPv4Address | None:
    address = bridge.ipv4[0].ip if bridge is not None and bridge.ipv4 else server
    return None if address == server else address


def _complete(served: DhcpServer, nic: Nic, found: PodFound, dns: ResolvConf) -> DhcpServer:
    """The server with its names, its options, and the problems that these have."""
    domains = with_subdomain(dns.search_domains, text(nic.machine.spec.rest, "subdomain"))
    served = evolve(served, nameservers=dns.ipv4_servers, nameservers6=dns.ipv6_servers, search_domains=domains)
    served = evolve(served, at=nic.at)
    if served.address is None:
        return served
    own, problems = of_interface(nic.interface.dhcp_options, nic.at / "dhcpOptions")
    wrong = domains_problem(domains, nic.machine.root / "dnsConfig")
    # what is no domain has no form in which it could be sent
    sent = evolve(served, search_domains=()) if wrong else served
    options = {**dict(_options(sent, found.hostname or "")), **own}
    return evolve(served, options=tuple(sorted(options.items())), problems=(*([wrong] if wrong else ()), *problems))


def _options(served: DhcpServer, hostname: str) -> Iterator[tuple[int, bytes]]:
    assert served.address is not None
    yield Code.NETMASK, served.address.netmask.packed
    if served.gateway is not None:
        yield Code.ROUTER, served.gateway.packed
    yield Code.NAME_SERVERS, b"".join(each.packed for each in served.nameservers)
    yield Code.HOSTNAME, hostname.encode(errors="surrogatepass")
    domain = longest_domain(served.search_domains)
    if domain:
        yield Code.DOMAIN, domain.encode()
    yield Code.MTU, served.mtu.to_bytes(2)
    if served.search_domains:
        yield Code.SEARCH_DOMAINS, encoded_domains(served.search_domains)
    if served.routes:
        yield Code.ROUTES, encoded_routes(served.routes)


def _missing_lease(nic: Nic, link: str) -> Problem:
    message = f"nothing is kept of the address that the pod's link '{link}' had, so '{nic.name}' has no DHCP server"
    return Problem(nic.at, "KN830", message, hint="give what the set-up of the pod's links kept, in PodFound.leases")


def answer(served: DhcpServer, type: str, mac: MacAddress) -> DhcpAnswer | None:
    """The answer to a DHCPv4 client: an offer to ``discover``, an acknowledgement of ``request``, and to others none.

    All options are sent, whichever the client asks for. Source: KubeVirt's ``pkg/network/dhcp/server/server.go``.
    """
    kind = _TYPES.get(type)
    if kind is None or not served.answers(mac) or served.address is None or served.server is None:
        return None
    own = {
        _LEASE: LEASE_SECONDS.to_bytes(4),
        _TYPE: bytes([_TYPE_CODES[kind]]),
        _SERVER: served.server.packed,
    }
    options = tuple(sorted({**dict(served.options), **own}.items()))
    return DhcpAnswer(type=kind, address=served.address.ip, server=served.server, options=options)


def answer_v6(served: DhcpServer, request: bytes) -> bytes | None:
    """The packet that answers a DHCPv6 client's, or nothing where it cannot be answered, as without a client's DUID.

    A solicitation without rapid commit is answered with an advertisement, all else with a reply that has the guest's
    address. Source: KubeVirt's ``pkg/network/dhcp/serverv6/serverv6.go``.
    """
    if served.address6 is None or served.is_refused or len(request) < _HEADER or request[0] not in _ANSWERED:
        return None
    asked = dict(reversed(list(_packet_options(request[_HEADER:]))))
    if _CLIENT_ID not in asked:
        return None
    is_solicit, is_rapid = request[0] == _SOLICIT, _RAPID_COMMIT in asked
    type = _ADVERTISE if is_solicit and not is_rapid else _REPLY
    made = [_packet_option(_CLIENT_ID, asked[_CLIENT_ID])]
    if is_solicit and is_rapid:
        made.append(_packet_option(_RAPID_COMMIT, b""))
    lifetime = LEASE_SECONDS.to_bytes(4)
    address = _packet_option(_ADDRESS, served.address6.ip.packed + lifetime + lifetime)
    made.append(_packet_option(_IA_NA, asked.get(_IA_NA, bytes(4))[:4] + bytes(8) + address))
    made.append(_packet_option(_SERVER_ID, _DUID_LL + BRIDGE_MAC.octets))
    if served.nameservers6:
        made.append(_packet_option(_DNS, b"".join(each.packed for each in served.nameservers6)))
    return bytes([type]) + request[1:_HEADER] + b"".join(made)


def _packet_option(code: int, value: bytes) -> bytes:
    return code.to_bytes(2) + len(value).to_bytes(2) + value


def _packet_options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The options of a packet, as far as they are whole."""
    while len(data) >= 4:
        code, length = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
        if len(data) < 4 + length:
            return
        yield code, data[4 : 4 + length]
        data = data[4 + length :]
