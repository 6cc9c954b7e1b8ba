"""Call CNI plugins: the chain of a network, as the CNI specification and libcni have it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from kvnet.node.collect import addresses_of
from kvnet.node.programs import PRIVATE, SEARCH_PATH, NodeError, node_error

__all__ = ["Attachment", "add", "check", "delete", "missing_plugins", "plugin_path"]

_FOLDERS: Final = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
_SECONDS: Final = 120
_LONGEST_TOLD: Final = 1000
"""Characters of what a plugin prints that are told."""
_PLUGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FIRST_WITH_CHECK: Final = (0, 4, 0)
"""The version of the specification that has CHECK, and gives DEL what ADD gave."""
_DEBIAN: Final = frozenset(
    {
        *("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback"),
        *("macvlan", "portmap", "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf"),
    }
)
_PROJECTS: Final[Mapping[str, str]] = {
    "calico": "projectcalico/calico",
    "cilium-cni": "cilium/cilium",
    "flannel": "flannel-io/cni-plugin",
    "kube-ovn": "kubeovn/kube-ovn",
    "macvtap": "kubevirt/macvtap-cni",
    "multus": "k8snetworkplumbingwg/multus-cni",
    "ovn-k8s-cni-overlay": "ovn-org/ovn-kubernetes",
    "ovs": "k8snetworkplumbingwg/ovs-cni",
    "sriov": "k8snetworkplumbingwg/sriov-cni",
    "whereabouts": "k8snetworkplumbingwg/whereabouts",
}


@frozen(kw_only=True)
class Attachment:
    """One network of a pod, with all that its plugins are called with. As plain data, it is what is recorded.

    - ``network``: what it is called in the network-status: ``namespace/name`` of a NAD, or the configuration's name
    - ``interface``: the name of the link in the pod
    - ``namespace_path``: of the network namespace
    - ``container_id``: of the pod
    - ``arguments``: the pairs of ``CNI_ARGS``
    - ``capabilities``: what each capability gets in ``runtimeConfig``, such as ``mac``
    - ``config``: the list of plugins, as plain data
    - ``result``: what ADD gave; None before
    """

    network: str
    interface: str
    namespace_path: str
    container_id: str
    arguments: tuple[tuple[str, str], ...] = ()
    capabilities: Mapping[str, Any]
    config: Mapping[str, Any]
    result: Mapping[str, Any] | None = None

    @property
    def plugins(self) -> tuple[Mapping[str, Any], ...]:
        """The configurations of the plugins, in order."""
        return tuple(self.config["plugins"])

    @property
    def _keeps_result(self) -> bool:
        numbers = tuple(int(each) for each in re.findall(r"\d+", str(self.config.get("cniVersion") or "0.1.0"))[:3])
        return numbers >= _FIRST_WITH_CHECK


def add(attachment: Attachment) -> Mapping[str, Any]:
    """Attach the network: ADD of each plugin, which gets the result of the one before. Returns the last result.

    Raises NodeError where a plugin is missing (KN881) or refuses (KN882).
    """
    result: Mapping[str, Any] | None = None
    for plugin in attachment.plugins:
        result = _call("ADD", attachment, plugin, result)
        if not _is_result(result):
            answers = f"{plugin['type']} answers ADD of {attachment.network} as {attachment.interface}"
            raise node_error("KN882", f"the CNI plugin {answers} with what is no result")
    return result or {}


def _is_result(answer: Mapping[str, Any] | None) -> bool:
    """Whether what is read of a result later is as the specification has it: addresses, names of links, and DNS."""
    if answer is None:
        return False
    try:
        addresses_of(answer)
        for each in answer.get("ips") or ():
            ip_address(each.get("gateway") or "::")
        names = [each["name"] for each in answer.get("interfaces") or ()]
        dns = answer.get("dns") or {}
        words = [*(dns.get("nameservers") or ()), *(dns.get("search") or ()), dns.get("domain") or ""]
        return all(isinstance(each, str) for each in (*names, *words))
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


_CHECK_NEEDS_IPAM: Final = ("bridge", "macvlan", "vlan")
"""The plugins whose CHECK calls the IPAM plugin even where there is none, and fails."""


def check(attachment: Attachment) -> None:
    """Let each plugin see whether what ADD made is still there, where the version has CHECK and it is not disabled."""
    if not attachment._keeps_result or attachment.config.get("disableCheck"):
        return
    for plugin in attachment.plugins:
        if plugin["type"] not in _CHECK_NEEDS_IPAM or (plugin.get("ipam") or {}).get("type"):
            _call("CHECK", attachment, plugin, attachment.result)


def delete(attachment: Attachment) -> None:
    """Detach the network: DEL of each plugin, the last one first, with what ADD gave. What is gone is no error."""
    result = attachment.result if attachment._keeps_result else None
    for plugin in reversed(attachment.plugins):
        _call("DEL", attachment, plugin, result)


def missing_plugins(config: Mapping[str, Any]) -> Iterator[NodeError]:
    """An error (KN881) for each plugin of a configuration, IPAM included, that is not on this host."""
    types = [each.get("type") for each in config["plugins"]]
    types += [each["ipam"].get("type") for each in config["plugins"] if isinstance(each.get("ipam"), Mapping)]
    for each in dict.fromkeys(filter(None, types)):
        try:
            plugin_path(each)
        except NodeError as missing:
            yield missing


def plugin_path(name: str) -> str:
    """The path of a plugin in ``CNI_PATH``, ``/usr/lib/cni`` or ``/opt/cni/bin``.

    Raises NodeError (KN881) where it is in none of them, with the package or the project that has it.
    """
    if _PLUGIN.fullmatch(name):
        found = shutil.which(name, path=_path())
        if found is not None:
            return found
    raise node_error("KN881", f"the CNI plugin {name!r} is in none of the folders {_path()}", _origin(name))


def _origin(name: str) -> str:
    if name in _DEBIAN:
        return "install Debian's package containernetworking-plugins"
    project = _PROJECTS.get(name)
    if project is not None:
        return f"install it from https://github.com/{project}, and name its folder in CNI_PATH"
    return "install it, and name its folder in CNI_PATH"


def _path() -> str:
    given = os.environ.get("CNI_PATH", "")
    return os.pathsep.join([*filter(None, given.split(os.pathsep)), *_FOLDERS])


def _call(
    command: str, attachment: Attachment, plugin: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Call one plugin, and return what it answers. Raises NodeError where it is missing or refuses."""
    name = str(plugin.get("type"))
    given = json.dumps(_request(attachment, plugin, previous))
    try:
        done = _run(plugin_path(name), given, _environment(command, attachment))
    except subprocess.TimeoutExpired:
        message = f"the CNI plugin {name} did not end {command} of {attachment.network} within {_SECONDS} seconds"
        raise node_error("KN882", message) from None
    except OSError as error:
        raise node_error("KN882", f"the CNI plugin {name} does not run: {error.strerror}") from None
    if done.returncode:
        raise _refusal(command, attachment, name, done)
    return _json_of(done.stdout) if done.stdout.strip() else {}


def _run(path: str, given: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a plugin. One that does not end in time is killed, with what it has started: that holds the locks too."""
    with subprocess.Popen(
        [path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
        umask=PRIVATE,
        process_group=0,
        # it holds the locks of this process until it ends
        close_fds=False,
    ) as process:
        try:
            printed, complaint = process.communicate(given, timeout=_SECONDS)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess([path], process.returncode, printed, complaint)


def _request(
    attachment: Attachment, plugin: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """What a plugin reads: its configuration with the name and version of the list, and what its capabilities get."""
    around = {key: attachment.config[key] for key in ("cniVersion", "name") if key in attachment.config}
    asked = plugin.get("capabilities") or {}
    runtime = {key: value for key, value in attachment.capabilities.items() if asked.get(key)}
    return {
        **plugin,
        **around,
        **({"runtimeConfig": runtime} if runtime else {}),
        **({"prevResult": previous} if previous is not None else {}),
    }


def _environment(command: str, attachment: Attachment) -> dict[str, str]:
    return {
        "PATH": SEARCH_PATH,
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": attachment.container_id,
        "CNI_NETNS": attachment.namespace_path if Path(attachment.namespace_path).exists() else "",
        "CNI_IFNAME": attachment.interface,
        "CNI_ARGS": ";".join(f"{key}={value}" for key, value in attachment.arguments),
        "CNI_PATH": _path(),
    }


def _json_of(text: str) -> Mapping[str, Any] | None:
    """The object that a plugin prints; ``None`` where it prints something else."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, Mapping) else None


def _refusal(command: str, attachment: Attachment, name: str, done: subprocess.CompletedProcess[str]) -> NodeError:
    """The error with the code, the message and the details that the plugin gives, or else the last that it printed."""
    given = _json_of(done.stdout) or {}
    parts: Sequence[str] = [str(given[key]) for key in ("msg", "details") if given.get(key)]
    silent = "it says nothing" if done.returncode > 0 else f"it was ended by signal {-done.returncode}"
    told = ": ".join(parts or [" ".join(done.stderr[-_LONGEST_TOLD:].split()) or silent])
    code = f" with code {given['code']}" if "code" in given else ""
    message = f"the CNI plugin {name} refuses {command} of {attachment.network} as {attachment.interface}{code}: {told}"
    return node_error("KN882", message)
