"""Rules on what the guest is told of its network: its names, DNS, cloud-init's network data, and probes of it."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.errors import Cause, FieldPath, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.spec.wire import entries, member, text
from kvnet.values import DNS_LABEL, DNS_NAME, LONGEST_DNS_NAME, ip_of

__all__ = ["RULES"]

_MOST_NAMESERVERS = 3
_MOST_SEARCHES = 6
_LONGEST_SEARCH_LIST = 256
_NETWORK_DATA_BYTES = 2048
_CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")
_LABEL_HINT = "use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends"


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
