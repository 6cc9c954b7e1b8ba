"""The guest's side of its networks: MTU, DHCP and IPv6 as facts and NADs tell, and rules on what the guest is told.

The rules are on its names, DNS, cloud-init's network data, and probes of it.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kvnet._lazy import lazy
from kvnet.errors import Cause, FieldPath, Place, Problem
from kvnet.facts import PodNetwork
from kvnet.manifest.network_data import GuestLink, Written, index_of, read_network_data
from kvnet.rules.context import Nic, OnNad, Rule, RuleContext, refusal
from kvnet.rules.nad_advice import gives_ipv4
from kvnet.spec import Bridge
from kvnet.spec.guest_network import GuestNetwork, guest_network_of
from kvnet.spec.wire import entries, member, text
from kvnet.target import nad_name
from kvnet.values import DNS_LABEL, DNS_NAME, LONGEST_DNS_NAME, PciAddress, ip_of

if TYPE_CHECKING:
    from kvnet.cni import plugins
    from kvnet.cni.chain import Chain
else:
    plugins = lazy("kvnet.cni.plugins")

__all__ = [
    "RULES",
    "USUAL_MTU",
    "VolumeData",
    "has_dhcp",
    "ipv6_network",
    "is_nic",
    "known_mtu",
    "network_data_of",
    "pod_has",
    "user_data_of",
]

_MOST_NAMESERVERS = 3
_MOST_SEARCHES = 6
_LONGEST_SEARCH_LIST = 256
_NETWORK_DATA_BYTES = 2048
_CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")
_LABEL_HINT = "use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends"

USUAL_MTU = 1500
"""The MTU that a guest assumes, in bytes."""


def names_in_dns(context: RuleContext) -> Iterator[Problem]:
    """The hostname is a DNS label, and the subdomain a DNS name."""
    spec = context.machine.spec.rest
    hostname, subdomain = text(spec, "hostname"), text(spec, "subdomain")
    if hostname and not DNS_LABEL.fullmatch(hostname):
        yield refusal(context.root / "hostname", "KN220", f"'{hostname}' is not a DNS label", _LABEL_HINT)
    if subdomain:
        for flaw in _name_flaws(subdomain):
            hint = "write labels such as `web` or `web.example`, in lower case"
            yield refusal(context.root / "subdomain", "KN220", f"'{subdomain}' {flaw}", hint)
            return


def dns_config(context: RuleContext) -> Iterator[Problem]:
    """The DNS configuration of the pod is one that Kubernetes accepts."""
    spec, at = context.machine.spec.rest, context.root / "dnsConfig"
    config = member(spec, "dnsConfig")
    servers, searches = entries(config, "nameservers"), entries(config, "searches")
    if text(spec, "dnsPolicy") == "None" and not servers:
        where = at if config is None else at / "nameservers"
        message = "with dnsPolicy None, the pod has no nameserver"
        hint = "list one to three under dnsConfig.nameservers"
        yield _of_dns(where, message, hint, config and "nameservers", cause=Cause.REQUIRED)
        return
    if len(servers) > _MOST_NAMESERVERS:
        message = f"{len(servers)} nameservers are too many"
        yield _of_dns(at / "nameservers", message, f"list at most {_MOST_NAMESERVERS}", "nameservers")
    for n, server in enumerate(servers):
        if not isinstance(server, str) or ip_of(server) is None:
            message = f"'{server}' is not an IP address"
            yield _of_dns((at / "nameservers")[n], message, "write the server's IP address", "nameservers")
    yield from _searches(at / "searches", [str(each) for each in searches])


def _searches(at: FieldPath, searches: list[str]) -> Iterator[Problem]:
    if len(searches) > _MOST_SEARCHES:
        message = f"{len(searches)} search domains are too many"
        yield _of_dns(at, message, f"list at most {_MOST_SEARCHES}", "searchDomains")
    length = len(" ".join(searches).encode(errors="surrogatepass"))
    if length > _LONGEST_SEARCH_LIST:
        message = f"the search domains have {length} characters together"
        yield _of_dns(at, message, f"drop some: {_LONGEST_SEARCH_LIST} fit, with a space between them", "searchDomains")
    for n, search in enumerate(searches):
        for flaw in _name_flaws(search):
            hint = "write a domain such as example.com, in lower case"
            yield _of_dns(at[n], f"'{search}' {flaw}", hint, "searchDomains")


def _of_dns(at: FieldPath, message: str, hint: str, reported: Any, *, cause: Cause = Cause.INVALID) -> Problem:
    """A refusal of the DNS configuration, whose fields KubeVirt names without their path."""
    reported_at = FieldPath((reported,)) if reported else None
    return refusal(at, "KN221", message, hint, cause=cause, reported_at=reported_at)


def _name_flaws(name: str) -> Iterator[str]:
    if len(name.encode(errors="surrogatepass")) > LONGEST_DNS_NAME:
        yield f"is longer than {LONGEST_DNS_NAME} characters"
    if not DNS_NAME.fullmatch(name):
        yield "is not a DNS name"


def probes_reach_the_guest(context: RuleContext) -> Iterator[Problem]:
    """Probes over the network go through the pod network; one that Multus makes the default does not do."""
    if any(network.pod is not None for network in context.machine.networks):
        return
    for probe in ("readinessProbe", "livenessProbe"):
        asked = member(context.machine.spec.rest, probe) or {}
        for handler in ("httpGet", "tcpSocket"):
            if asked.get(handler) is not None:
                yield refusal(
                    context.root / probe / handler,
                    "KN204",
                    f"{handler} needs the pod network, which this machine does not have",
                    "add a pod network, or probe with `exec` or `guestAgentPing`",
                )


def network_data(context: RuleContext) -> Iterator[Problem]:
    """cloud-init's network data has one source, can be decoded, and is small."""
    for n, volume in enumerate(entries(context.machine.spec.rest, "volumes")):
        kind = next((kind for kind in _CLOUD_INIT if member(volume, kind) is not None), None)
        if kind is not None:
            yield from _data_of((context.root / "volumes")[n] / kind, volume[kind])


def _data_of(at: FieldPath, source: Mapping[str, Any]) -> Iterator[Problem]:
    plain, encoded = text(source, "networkData"), text(source, "networkDataBase64")
    sources = [name for name in ("networkData", "networkDataBase64") if text(source, name)]
    if text(member(source, "networkDataSecretRef"), "name"):
        sources.append("networkDataSecretRef")
    data = plain.encode(errors="surrogatepass")
    if encoded:
        try:
            data = data or b64decode(re.sub("[\r\n]", "", encoded), validate=True)
        except (binascii.Error, ValueError):
            yield refusal(
                at / "networkDataBase64", "KN205", "the network data is not base64", "encode it with `base64 -w0`"
            )
    if len(sources) > 1:
        yield refusal(
            at, "KN206", f"the network data has {len(sources)} sources, {' and '.join(sources)}", "keep one of them"
        )
    if len(data) > _NETWORK_DATA_BYTES:
        message = f"the network data has {len(data)} bytes, and {_NETWORK_DATA_BYTES} are allowed"
        yield refusal(at, "KN207", message, "put it into a secret, and name that in networkDataSecretRef")
    user_data = (text(source, "userData"), text(source, "userDataBase64"))
    if not sources and not any((*user_data, text(member(source, "secretRef"), "name"))):
        yield refusal(at, "KN208", "there is neither user data nor network data", "write userData, or drop the volume")


RULES = (
    Rule(names_in_dns, "hostname", "subdomain"),
    Rule(probes_reach_the_guest, "readinessProbe", "livenessProbe"),
    Rule(network_data, "volumes"),
    Rule(dns_config, "dnsConfig", "dnsPolicy"),
)


def has_dhcp(context: RuleContext, nic: Nic, on: OnNad | None) -> bool | None:
    """Whether KubeVirt's DHCPv4 server serves a NIC with bridge or masquerade; ``None`` where that is not known.

    It has something to tell where the pod's link has an IPv4 address. ``on`` is the NIC on its NAD.
    """
    found = _in_pod(context, nic)
    if found is not None and found.ips:
        return _has_address(found, 4)
    return gives_ipv4(on.chain) if on is not None and nic.has_binding(Bridge) else None


def pod_has(context: RuleContext, version: int) -> bool | None:
    """Whether the pod has an address of an IP version on its primary network; ``None`` where no fact tells."""
    primary = [each for each in context.target.facts.pod_networks or () if each.default and each.ips]
    return any(_has_address(each, version) for each in primary) if primary else None


def _has_address(found: PodNetwork, version: int) -> bool:
    addresses = [ip_of(each) for each in found.ips]
    return any(each is not None and each.version == version and not each.is_link_local for each in addresses)


def known_mtu(context: RuleContext, nic: Nic, on: OnNad | None) -> int | None:
    """The MTU of a NIC's network in bytes, as the facts or its CNI plugins say. ``on`` is the NIC on its NAD."""
    link = (context.target.facts.links or {}).get(nic.name)
    found = _in_pod(context, nic)
    return (link.mtu if link else None) or (found.mtu if found else None) or (_mtu_of(on.chain) if on else None)


def _mtu_of(chain: Chain) -> int | None:
    tuned = [each.mtu for each in chain.plugins if isinstance(each, plugins.TuningPlugin) and each.mtu]
    return tuned[-1] if tuned else getattr(chain.first, "mtu", None) or None


def _in_pod(context: RuleContext, nic: Nic) -> PodNetwork | None:
    """What Multus gave the pod for a NIC's network, where it is the only one of its NAD."""
    given, network = context.target.facts.pod_networks or (), nic.network
    if network is None:
        return None
    if network.is_default:
        return next((each for each in given if each.default), None)
    name = "/".join(nad_name(context.machine, network.multus)) if network.multus is not None else ""
    found = [each for each in given if each.name == name and not each.default]
    return found[0] if len(found) == 1 else None


def ipv6_network(nic: Nic) -> GuestNetwork | None:
    """The guest's and the gateway's address in the IPv6 network behind a NIC; nothing where that is none."""
    pod = nic.network.pod if nic.network is not None else None
    try:
        return guest_network_of(pod, 6) if pod is not None else None
    except ValueError:
        return None  # of that, KN910 tells


class VolumeData(NamedTuple):
    """The network data of a volume: the path and text of its member, and its links.

    ``links`` is ``None`` where they are not known: data of another form, or in a Secret. ``is_plain`` says that
    the text stands in the manifest as it is.
    """

    at: FieldPath
    text: str = ""
    links: tuple[GuestLink, ...] | None = None
    is_plain: bool = False

    def place(self, context: RuleContext, written: Written) -> Place | None:
        """The position in the manifest of what is written in the data, where its text stands there as it is."""
        origin = context.machine.origin
        if origin is None or not self.is_plain:
            return None
        return origin.place(self.at, offset=index_of(self.text, written.path))


def network_data_of(context: RuleContext) -> Iterator[VolumeData]:
    """The network data of each cloud-init volume that has some."""
    for at, source in _sources(context):
        plain, encoded = text(source, "networkData"), text(source, "networkDataBase64")
        if plain:
            yield VolumeData(at / "networkData", plain, read_network_data(plain), is_plain=True)
        elif encoded:
            decoded = _decoded(encoded)
            links = None if decoded is None else read_network_data(decoded)
            yield VolumeData(at / "networkDataBase64", decoded or "", links)
        elif member(source, "networkDataSecretRef"):
            yield VolumeData(at / "networkDataSecretRef")


def user_data_of(context: RuleContext) -> Iterator[str]:
    """The user data of each cloud-init volume that has some in the manifest."""
    for _, source in _sources(context):
        yield text(source, "userData") or _decoded(text(source, "userDataBase64")) or ""


def _sources(context: RuleContext) -> Iterator[tuple[FieldPath, Mapping[str, Any]]]:
    """The sources of cloud-init's data, with their paths."""
    for n, volume in enumerate(entries(context.machine.spec.rest, "volumes")):
        for kind in _CLOUD_INIT:
            source = member(volume, kind)
            if source is not None:
                yield (context.root / "volumes")[n] / kind, source


def _decoded(encoded: str) -> str | None:
    try:
        return b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None  # of that, guest_network tells


def is_nic(context: RuleContext, nic: Nic, link: GuestLink) -> bool | None:
    """Whether a link of the network data is a NIC; ``None`` where that is not certain.

    Names are those that Linux gives: by the order of the NICs, by their buses, or by their ACPI indexes.
    """
    present = [each for each in context.nics if not each.interface.is_absent]
    if link.mac is not None:
        macs = {mac: each.number for each, mac in context.macs if mac is not None}
        return macs[link.mac] == nic.number if link.mac in macs else _only(present, link)
    if link.name is None:
        return _only(present, link)
    bearers = [each for n, each in enumerate(present) if link.name in _names(each, n)]
    return nic in bearers if bearers else _only(present, link)


def _only(present: Sequence[Nic], link: GuestLink) -> bool | None:
    """Whether there is no other NIC that a link could be."""
    return True if len(present) == 1 and link.is_nic else None


def _names(nic: Nic, position: int) -> Iterator[str]:
    yield f"eth{position}"
    if nic.interface.acpi_index:
        yield f"eno{nic.interface.acpi_index}"
    if not nic.interface.pci_address:
        yield f"enp{position + 1}s0"
        return
    try:
        address = PciAddress.parse(nic.interface.pci_address)
    except ValueError:
        return
    yield f"enp{address.bus}s{address.slot}"
