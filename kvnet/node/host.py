"""Prepare what the pods of one state folder share on the host, and restore it when the last of them is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kvnet.node.attachments import POD_BRIDGE, POD_NETWORKS
from kvnet.node.cni import Attachment
from kvnet.node.programs import node_error, run
from kvnet.node.state import StateFolder

__all__ = ["bridges_of", "claim", "forget_addresses", "release"]

_TABLE: Final = "kvnet"
_RULESET: Final = f"""\
add table inet {_TABLE}
delete table inet {_TABLE}
table inet {_TABLE} {{
  chain forward {{
    type filter hook forward priority filter;
    iifname "{POD_BRIDGE}" oifname "{POD_BRIDGE}" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {POD_NETWORKS[0]} ip daddr != {POD_NETWORKS[0]} masquerade
    ip6 saddr {POD_NETWORKS[1]} ip6 daddr != {POD_NETWORKS[1]} masquerade
  }}
}}
"""
"""Traffic of the pod network leaves the host under the host's own address, and does not go from pod to pod."""
_FORWARDING: Final = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
"""What the plugin ``bridge`` sets to 1 where it makes a gateway."""
_TRIES: Final = 50
_WAIT: Final = 0.02
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


def claim(state: StateFolder, namespace: str, bridges: Iterable[str]) -> None:
    """Say that the pod of a network namespace uses bridges, before its plugins make them.

    What is there already is left as it is, now and later. Raises NodeError (KN885) where ``kvnet0`` is there and
    another state folder, or somebody else, made it.
    """
    with state.shared() as record:
        _sweep(state, record)
        if not record.get("before"):
            kernel = {path: _kernel(path) for path in (*_FORWARDING, _BOOT)}
            record["before"] = {"tables": sorted(_tables()), "kernel": kernel}
        made = record.setdefault("bridges", [])
        wanted = list(dict.fromkeys(bridges))
        if POD_BRIDGE in wanted and POD_BRIDGE not in made and _is_link(POD_BRIDGE):
            hint = "give that folder as --root, or another network with --pod-network FILE"
            raise node_error(
                "KN885", f"the bridge {POD_BRIDGE} is there, and not of the state folder {state.root}", hint
            )
        made += [each for each in wanted if each not in made and not _is_link(each)]
        record.setdefault("users", {})[namespace] = wanted
        # a pod that changes may use fewer than before
        _sweep(state, record)
        record["ruleset"] = record.get("ruleset", False) or POD_BRIDGE in wanted
        state.write_shared(record)
        if POD_BRIDGE in wanted:
            run("nft", ["-f", "-"], given=_RULESET)


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
    for bridge in [each for each in reversed(record.get("bridges", [])) if each not in used]:
        _remove_bridge(bridge)
        record["bridges"].remove(bridge)
    if POD_BRIDGE not in used and record.get("ruleset"):
        if ("inet", _TABLE) in _tables():
            run("nft", ["delete", "table", "inet", _TABLE])
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
    if kernel.get(_BOOT) != _kernel(_BOOT):
        return
    for path in _FORWARDING:
        if kernel.get(path) not in (None, _kernel(path)):
            (Path("/proc/sys") / path).write_text(kernel[path])


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


def _is_link(name: str) -> bool:
    """Whether the host has a link; ``/sys`` tells only of the namespace in which it was mounted."""
    return name in Path("/proc/thread-self/net/dev").read_text().replace(":", " ").split()


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
