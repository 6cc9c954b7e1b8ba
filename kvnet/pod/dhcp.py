"""Plan the DHCP servers of a machine's pod: who is served which address, options and lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final

from attrs import evolve, frozen

from kvnet._arguments import checked
from kvnet.compiler.naming import bridge_name, link_names_in_use
from kvnet.errors import Problem
from kvnet.pod._whole import whole
from kvnet.pod.dhcp_options import Code, domains_problem, encoded_domains, encoded_routes, of_interface
from kvnet.pod.found import FoundLink, LeaseRoute, PodFound
from kvnet.pod.guest_network import GuestNetwork, guest_network
from kvnet.pod.resolv_conf import ResolvConf, longest_domain, read_resolv_conf, with_subdomain
from kvnet.spec import Bridge, Machine, Masquerade
from kvnet.spec.nic import Nic, nics_of
from kvnet.spec.wire import text
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress

__all__ = ["LEASE_SECONDS", "SERVER_MAC", "DhcpServer", "PodDhcp", "pod_dhcp"]

LEASE_SECONDS: Final = 999 * 24 * 60 * 60
"""How long a lease is valid: 999 days."""
SERVER_MAC: Final = MacAddress.parse("02:00:00:00:00:00")
"""The address of the bridges behind which guests are masqueraded, which identifies the DHCPv6 server."""
_NOTHING_FOUND: Final = PodFound()
_MTUS: Final = 2**16
"""Option 26 has 16 bits; of a larger MTU, KubeVirt sends the lower ones."""


@frozen(kw_only=True)
class DhcpServer:
    """What the guest of one NIC is served.

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
    """

    network: str
    link: str
    bridge: str
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


def pod_dhcp(machine: Machine, target: Target | None = None, found: PodFound | None = None) -> PodDhcp:
    """The DHCP servers that KubeVirt runs in a machine's pod, given what was found there.

    NICs bound by ``masquerade`` and ``bridge`` have one, a bridge only where the pod's link had an IPv4 address to
    give. The found ``leases`` keep what a bridge took away from it.

    Sources: KubeVirt's ``pkg/network/dhcp`` and ``pkg/network/dns``.
    """
    target, found = checked_target(machine, target), _checked(found)
    expansion = whole(machine, target)
    if expansion.refusals:
        return PodDhcp(refusals=expansion.refusals)
    machine, dns = expansion.machine, read_resolv_conf(found.resolv_conf)
    links = link_names_in_use(machine, (each.name for each in found.links))
    servers: list[DhcpServer] = []
    refusals: list[Problem] = []
    for nic in nics_of(machine):
        serve = _SERVED.get(type(nic.binding))
        if serve is None or nic.interface.is_absent or nic.network is None:
            continue
        served = serve(nic, links.get(nic.name, ""), found)
        if isinstance(served, Problem):
            refusals.append(served)
        elif served is not None:
            servers.append(_complete(served, nic, found, dns))
    return PodDhcp(servers=tuple(servers), refusals=tuple(refusals))


def _checked(found: PodFound | None) -> PodFound:
    if found is None:
        return _NOTHING_FOUND
    return checked(found, PodFound, "a PodFound", "make one with kvnet.PodFound(…)")


def _masqueraded(nic: Nic, link: str, found: PodFound) -> DhcpServer | Problem | None:
    """The guest gets the second address of its network, whoever asks."""
    there = found.link(link)
    if there is None:
        return _missing_link(nic, link)
    served = DhcpServer(
        network=nic.name,
        link=link,
        bridge=bridge_name(link),
        mtu=(there.mtu or 0) % _MTUS,
    )
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
    lease, moved = found.leases.get(link), found.link(f"{link.removeprefix('pod')}-nic")
    if lease is None:
        return _missing_lease(nic, link)
    if lease.ipam_disabled or lease.address is None:
        return None
    if moved is None:
        return _missing_link(nic, f"{link.removeprefix('pod')}-nic")
    server = _bridge_address(nic.number)
    if server is None:
        return _too_many(nic)
    return DhcpServer(
        network=nic.name,
        link=link,
        bridge=bridge_name(link),
        mac=lease.mac,
        address=lease.address,
        server=server,
        listens=_listens(found.link(bridge_name(link)), server),
        gateway=lease.gateway,
        routes=lease.routes,
        mtu=(moved.mtu or 0) % _MTUS,
    )


_SERVED: Mapping[type, Callable[[Nic, str, PodFound], DhcpServer | Problem | None]] = {
    Masquerade: _masqueraded,
    Bridge: _bridged,
}


def _bridge_address(position: int) -> IPv4Address | None:
    """The address of a bridge in the pod; KubeVirt joins the texts, so there are one hundred."""
    try:
        return IPv4Address(f"169.254.75.1{position}")
    except AddressValueError:
        return None


def _listens(bridge: FoundLink | None, server: IPv4Address) -> IPv4Address | None:
    address = bridge.ipv4[0].ip if bridge is not None and bridge.ipv4 else server
    return None if address == server else address


def _complete(served: DhcpServer, nic: Nic, found: PodFound, dns: ResolvConf) -> DhcpServer:
    """The server with its names, its options, and the problems that these have."""
    domains = with_subdomain(dns.search_domains, text(nic.machine.spec.rest, "subdomain"))
    served = evolve(served, nameservers=dns.ipv4_servers, nameservers6=dns.ipv6_servers, search_domains=domains)
    if served.address is None:
        return served
    own, problems = of_interface(nic.interface.dhcp_options, nic.at / "dhcpOptions")
    wrong = domains_problem(domains, nic.machine.root / "dnsConfig")
    options = {**dict(_options(served, found.hostname or "")), **own}
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
        yield Code.DOMAIN, domain.encode(errors="surrogatepass")
    yield Code.MTU, served.mtu.to_bytes(2)
    if served.search_domains:
        yield Code.SEARCH_DOMAINS, encoded_domains(served.search_domains)
    if served.routes:
        yield Code.ROUTES, encoded_routes(served.routes)


def _missing_link(nic: Nic, name: str) -> Problem:
    message = f"the pod has no link '{name}' for '{nic.name}'" if name else f"'{nic.name}' has no link in any pod"
    return Problem(nic.at, "KN840", message, hint="see what the CNI plugin of its network says, and start again")


def _missing_lease(nic: Nic, link: str) -> Problem:
    message = f"nothing is kept of the address that the pod's link '{link}' had, so '{nic.name}' has no DHCP server"
    return Problem(nic.at, "KN830", message, hint="give what the set-up of the pod's links kept, in PodFound.leases")


def _too_many(nic: Nic) -> Problem:
    message = f"'{nic.name}' is NIC {nic.number + 1} of the machine, and bridges of 100 NICs have an address for DHCP"
    return Problem(nic.at, "KN846", message, hint="move it up in the list, or give its network no IP addresses")
