"""Take the steps that make the network of a pod, change it, and remove it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from attrs import evolve

from kvnet.compiler.naming import pod_link_names
from kvnet.errors import Problem
from kvnet.manifest.binder import plain
from kvnet.node import host, namespaces
from kvnet.node._errors import NodeError
from kvnet.node.attaching import attach, attached, detach
from kvnet.node.attachments import attachments
from kvnet.node.cni import Attachment
from kvnet.node.collect import addresses_of, facts, found
from kvnet.node.dns import pod_hostname, pod_resolv_conf
from kvnet.node.links import loopback_up
from kvnet.node.servers import stop_servers
from kvnet.node.wiring import serve, stop, unwire, wire
from kvnet.node.work import Wanted, Work
from kvnet.pod import PodFound, load_found, pod_links

__all__ = ["change", "make", "undo"]


def make(wanted: Wanted, work: Work) -> None:
    """Take every step, from nothing to the whole pod."""
    namespace = namespaces.namespace_name(work.state.root, wanted.name)
    work.step(f"make the network namespace {namespace}", name=wanted.name, namespace=namespace)
    namespaces.create(namespace)
    loopback_up(namespace)
    done = attach(work, namespace, _given(wanted, work, namespace))
    _complete(wanted, work, done, _found(wanted, namespace, done))


def change(wanted: Wanted, work: Work) -> None:
    """Detach a pod from the networks that are not wanted any more, and attach it to new ones. The others stay.

    It can be interrupted, and begun again: what was begun and not finished is taken out first. Raises NodeError at the
    end, with what could not be detached.
    """
    record, problems = work.folder.record, list[Problem]()
    namespace, known = record["namespace"], load_found(record["found"])
    given = _given(wanted, work, namespace)
    networks = pod_links(wanted.machine, wanted.target, known).networks
    old = [each for each in known.preparations if each not in networks]
    unfinished = [each["network"] for each in record.get("links", ()) if each["network"] not in known.preparations]
    stop(work, (*old, *unfinished))
    unwire(work, problems, (*old, *unfinished))
    names = pod_link_names(wanted.machine)
    kept = {each.interface for each in given} - {names.get(each) for each in unfinished}
    detach(work, problems, [each for each in attached(record) if each.interface not in kept or each.result is None])
    done = attach(work, namespace, given)
    preparations = {network: how for network, how in known.preparations.items() if network not in old}
    before = evolve(_found(wanted, namespace, done), preparations=preparations, leases=known.leases)
    _complete(wanted, work, done, before)
    if problems:
        raise NodeError(problems)


def undo(work: Work) -> None:
    """Remove all that was recorded, the last first. Raises NodeError at the end, with what could not be removed."""
    record, state = work.folder.record, work.state
    problems: list[Problem] = []
    if record:
        work.step(f"take the pod of {record['name']} down", complete=False)
        stop(work, record.get("servers", {}))
        unwire(work, problems)
        detach(work, problems, attached(record))
        work.step(f"remove the network namespace {record['namespace']}")
        namespaces.remove(record["namespace"])
        if problems:
            raise NodeError(problems)
        work.step("restore the host")
        if record.get("claims"):
            host.release(state, record["namespace"])
    work.folder.remove()
    # one that was about to start when its parent was killed; without its configuration, none can start any more
    stop_servers(Path(each) for each in record.get("servers", {}).values())
    state.tidy()


def _given(wanted: Wanted, work: Work, namespace: str) -> tuple[Attachment, ...]:
    return attachments(wanted.networks, name=wanted.name, namespace=namespace, ipam=work.state.ipam)


def _complete(wanted: Wanted, work: Work, done: tuple[Attachment, ...], before: PodFound) -> None:
    """Wire the pod once it is attached, and record what it has."""
    after = wire(wanted, work, before)
    serve(wanted, work, after)
    results = [(each.network, each.interface, each.result or {}) for each in done]
    known = facts(wanted.machine, after, target=wanted.target, results=results)
    work.step("record that the pod is complete", complete=True, found=plain(after), facts=plain(known))


def _found(wanted: Wanted, namespace: str, done: tuple[Attachment, ...]) -> PodFound:
    """What is in the pod once CNI is done, with what the host tells of it."""
    return evolve(
        found(namespace),
        hostname=pod_hostname(wanted.machine),
        resolv_conf=pod_resolv_conf(wanted.machine, [each.result or {} for each in done[:1]]),
        host_ip=_host_ip(done[0].result or {}),
    )


def _host_ip(result: Mapping[str, Any]) -> IPv4Address | IPv6Address | None:
    """The address by which the pod knows the host: the gateway of its own network, else the loopback of its family.

    The family of that decides which of the pod's two addresses is the main one: that which the network gives first.
    """
    addresses = addresses_of(result)
    if not addresses:
        return None
    gateways = [each.get("gateway") for each in result.get("ips") or ()]
    return ip_address(next(iter(gateways), None) or ("127.0.0.1" if addresses[0].version == 4 else "::1"))
