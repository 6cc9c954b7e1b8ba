"""Prepare what the pods of one state folder share on the host, and restore it when the last of them is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from kvnet.node.cni import Attachment
from kvnet.node.pod_network import NUMBERS, forwarding_of, is_pod_bridge, pod_bridge, ruleset, table_name
from kvnet.node.programs import NodeError, node_error, run
from kvnet.node.state import StateFolder
from kvnet.pod.nft import is_link_name

__all__ = ["bridges_of", "claim", "forget_addresses", "number_of", "release"]

_FORWARDING: Final = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
"""What the plugin ``bridge`` sets to 1 where it makes a gateway."""
_TRIES: Final = 50
_WAIT: Final = 0.02
_HEADINGS: Final = 2
"""Lines of ``/proc/net/dev`` before that of the first link."""
_BOOT: Final = "kernel/random/boot_id"
"""What is another after each start of the host."""
_LEFT_BY_PLUGINS: Final = (
    ("ip", "nat"),
    ("ip6", "nat"),
    ("ip", "filter"),
    ("ip6", "filter"),
    ("bridge", "nat"),
    ("inet", "cni_plugins_masquerade"),
)
"""The nft tables that plugins, or the iptables that they call, make and leave behind empty."""


def bridges_of(attachments: Iterable[Attachment]) -> Iterator[str]:
    """The bridges of the host that plugins make where they are not there, and the gateway's link of each VLAN."""
    for plugin in (plugin for each in attachments for plugin in each.plugins):
        if plugin["type"] in ("bridge", "cnv-bridge"):
            bridge = str(plugin.get("bridge") or "cni0")
            yield bridge
            if plugin.get("vlan") and (plugin.get("isGateway") or plugin.get("isDefaultGateway")):
                yield f"{bridge}.{plugin['vlan']}"


def number_of(state: StateFolder) -> int:
    """The number of a state folder's pod network: the one that it has, else the first that nobody has on this host.

    Raises NodeError (KN885) where all of them are taken.
    """
    links, tables = _links(), set[tuple[str, str]]()
    with suppress(NodeError):  # who only plans need not be root
        tables = _tables()
    # read after the links: a number is recorded before its bridge is made
    known = state.recorded.get("number")
    free = (n for n in NUMBERS if pod_bridge(n) not in links and ("inet", table_name(n)) not in tables)
    number = next(free, None) if known is None else known
    if number is None:
        hint = "take one of its machines down, or give another network with --pod-network FILE"
        raise node_error("KN885", f"the bridges {pod_bridge(0)} to {pod_bridge(NUMBERS[-1])} are all in use", hint)
    return int(number)


def claim(state: StateFolder, namespace: str, bridges: Iterable[str], number: int) -> None:
    """Say that the pod of a network namespace uses bridges, before its plugins make them.

    What is there already is left as it is, now and later. Raises NodeError where another state folder, or somebody
    else, has just made the bridge of the pod network (KN885), and where a bridge has a name that rules cannot have
    (KN883).
    """
    with state.shared() as record:
        _sweep(state, record)
        if not record.get("before"):
            kernel = {path: _kernel(path) for path in (*_FORWARDING, _BOOT)} | _told_by_others()
            record["before"] = {"tables": sorted(_tables()), "kernel": kernel}
        made = record.setdefault("bridges", [])
        wanted = list(dict.fromkeys(bridges))
        there = _links()
        for each in wanted:
            _check_bridge(each, is_in_the_way=each in there and each not in made, root=state.root)
        made += [each for each in wanted if each not in made and each not in there]
        record.setdefault("users", {})[namespace] = wanted
        record.setdefault("number", number)
        # a pod that changes may use fewer than before
        _sweep(state, record)
        record["ruleset"] = record.get("ruleset", False) or _needs_rules(made)
        state.write_shared(record)
        if record["ruleset"]:
            before = [record["before"].get("kernel", {}).get(path) for path in _FORWARDING]
            run("nft", ["-f", "-"], given=ruleset(record["number"], made, before))


def _check_bridge(name: str, *, is_in_the_way: bool, root: Path) -> None:
    if not is_link_name(name):
        hint = "name the bridge with up to 15 of a-z, A-Z, 0-9, '_', '.' and '-'"
        raise node_error("KN883", f"{name!r} is no name for a bridge", hint)
    if is_in_the_way and is_pod_bridge(name):
        hint = "run this again, which takes another one"
        raise node_error("KN885", f"the bridge {name} is there, and not of the state folder {root}", hint)


def _needs_rules(made: Sequence[str]) -> bool:
    """Whether bridges that were made have a pod network among them, or are to be kept apart."""
    return len(made) > 1 or any(map(is_pod_bridge, made))


def forget_addresses(ipam: Path, attachment: Attachment) -> None:
    """Give back what ``host-local`` gave to a link whose ADD did not end. Its files name the pod and the link."""
    for file in ipam.glob("*/*"):
        if file.read_text().split() == [attachment.container_id, attachment.interface]:
            file.unlink()


def release(state: StateFolder, namespace: str) -> None:
    """Say that a pod uses nothing any more, and remove what no pod uses: bridges, tables, and values of the kernel."""
    with state.shared() as record:
        record.get("users", {}).pop(namespace, None)
        state.write_shared(record)
        _sweep(state, record)


def _sweep(state: StateFolder, record: dict[str, Any]) -> None:
    """Remove what no pod uses. It can be interrupted, and begun again."""
    users: Mapping[str, list[str]] = record.get("users", {})
    used = {bridge for bridges in users.values() for bridge in bridges}
    made = record.get("bridges", [])
    for bridge in [each for each in reversed(made) if each not in used]:
        _remove_bridge(bridge)
        made.remove(bridge)
    if record.get("ruleset") and not _needs_rules(made):
        table = table_name(record.get("number", 0))
        if ("inet", table) in _tables():
            run("nft", ["delete", "table", "inet", table])
        record["ruleset"] = False
    if not users and record:
        _restore(record.get("before") or {})
        _remove_empty(state.ipam)
        record.clear()


def _restore(before: Mapping[str, Any]) -> None:
    """Remove the empty tables that were not there before the first pod, and switch forwarding off that was off.

    What the kernel had before the host was started anew says nothing of what it is to have now.
    """
    known = {tuple(each) for each in before.get("tables", ())}
    for family, name in sorted(_tables()):
        if (family, name) in _LEFT_BY_PLUGINS and (family, name) not in known and _is_empty(family, name):
            run("nft", ["delete", "table", family, name])
    kernel = before.get("kernel", {})
    others = {("inet", table_name(n)) for n in NUMBERS} & _tables()
    if kernel.get(_BOOT) != _kernel(_BOOT) or others:
        return  # pods of another state folder need forwarding
    for path in _FORWARDING:
        if kernel.get(path) not in (None, _kernel(path)):
            (Path("/proc/sys") / path).write_text(kernel[path])


def _told_by_others() -> dict[str, str | None]:
    """The forwarding before the first pod of any state folder, as the table of another one tells it."""
    tables = {table_name(n) for n in NUMBERS}
    listed = json.loads(run("nft", ["-j", "list", "chains"]))["nftables"]
    chains = (each["chain"] for each in listed if "chain" in each)
    told = (forwarding_of(each["name"]) for each in chains if each["family"] == "inet" and each["table"] in tables)
    return dict(zip(_FORWARDING, next(filter(None, told), ()), strict=False))


def _tables() -> set[tuple[str, str]]:
    listed = json.loads(run("nft", ["-j", "list", "tables"]))["nftables"]
    return {(each["table"]["family"], each["table"]["name"]) for each in listed if "table" in each}


def _is_empty(family: str, name: str) -> bool:
    """Whether a table has neither rules nor sets."""
    listed = json.loads(run("nft", ["-j", "list", "table", family, name]))["nftables"]
    return all(set(each) <= {"metainfo", "table", "chain"} for each in listed)


def _kernel(path: str) -> str | None:
    file = Path("/proc/sys") / path
    return file.read_text().strip() if file.exists() else None


def _links() -> frozenset[str]:
    """The links of the host; ``/sys`` tells only of the namespace in which it was mounted."""
    lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[_HEADINGS:]
    return frozenset(each.partition(":")[0].strip() for each in lines)


def _remove_bridge(name: str) -> None:
    """Remove a bridge that a plugin made, unless somebody else has plugged something into it.

    The ports of a network namespace that was just removed take a moment to go.
    """
    from pyroute2 import IPRoute  # noqa: PLC0415 - an extra

    with IPRoute() as kernel:
        index = next(iter(kernel.link_lookup(ifname=name)), None)
        for _ in range(_TRIES if index is not None else 0):
            if not any(each.get("master") == index for each in kernel.get_links()):
                kernel.link("del", index=index)
                return
            time.sleep(_WAIT)


def _remove_empty(ipam: Path) -> None:
    """Remove what ``host-local`` keeps of networks in which no address is given any more."""
    for network in ipam.iterdir() if ipam.is_dir() else ():
        files = list(network.iterdir())
        if all(each.name == "lock" or each.name.startswith("last_reserved_ip.") for each in files):
            for each in files:
                each.unlink()
            network.rmdir()
