"""Say which networks a pod is attached to, in order, and what their CNI plugins are called with, as Multus does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen

from kvnet.compiler.pod import pod_link_names
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.node.cni import Attachment, missing_plugins
from kvnet.node.namespaces import namespace_path
from kvnet.node.pod_network import default_pod_network, is_pod_bridge
from kvnet.node.programs import NodeError, node_error, told_at
from kvnet.pipeline import placed
from kvnet.pod.annotations import NetworkSelection, PodAnnotations, pod_annotations
from kvnet.spec import Machine, Multus
from kvnet.target import Target, nad_name

__all__ = ["PodNetworkConfig", "attachments", "nads_now", "network_at", "networks_of_pod"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NOT_IN_ARGUMENTS: Final = re.compile(r"[^A-Za-z0-9.-]")
_PRIMARY: Final = "eth0"
_NAD_HINT: Final = "give a NetworkAttachmentDefinition of that name, with a spec.config"


@frozen(kw_only=True)
class PodNetworkConfig:
    """One network that a pod is attached to.

    - ``name``: ``namespace/name`` of its NAD, or the configuration's own name for the pod network
    - ``interface``: the name of the link in the pod
    - ``config``: the CNI configuration, a list of plugins with a name, as plain data
    - ``selection``: what Multus is told of it; None for the pod's own network
    """

    name: str
    interface: str
    config: Mapping[str, Any] = field(hash=False)
    selection: NetworkSelection | None = None

    @classmethod
    def of(cls, attached: Attachment) -> PodNetworkConfig:
        """The network of an attachment, which has all of its arguments in its configuration."""
        return cls(name=attached.network, interface=attached.interface, config=attached.config)

    def __str__(self) -> str:
        plugins = ", ".join(str(each["type"]) for each in self.config["plugins"])
        return f"{self.interface} to {self.name} by CNI: {plugins}"


_NONE: Final[Mapping[str, PodNetworkConfig]] = {}


def networks_of_pod(
    machine: Machine,
    target: Target,
    pod_network: Path | None = None,
    *,
    known: Mapping[str, PodNetworkConfig] = _NONE,
    number: int = 0,
) -> tuple[PodNetworkConfig, ...]:
    """Each network of a machine's pod, in the order in which it is attached.

    The first is the pod's own: the NAD that takes its place, or the file, or ``default_pod_network(number)``. Those
    that are ``known`` by their links stay as they are, whatever their NADs say now.

    Raises Rejected with the problems of the annotations, and NodeError where a NAD or a configuration is missing or
    cannot be used (KN883), or plugins are missing (KN881); all of them are told at once.
    """
    told = pod_annotations(machine, target)
    if told.problems:
        raise Rejected(placed(machine.origin, told.problems))
    wanted = [(None, _PRIMARY), *_selected(told)]
    found: list[PodNetworkConfig] = []
    problems: list[Problem] = []
    for selection, interface in wanted:
        if interface in known:
            found.append(known[interface])
            continue
        try:
            with told_at(machine, network_at(machine, interface)):
                name, config = (
                    _primary(machine, target, told, pod_network, number)
                    if selection is None
                    else _of_nad(target, selection)
                )
                _check_config(name, config, is_primary=selection is None)
                found.append(PodNetworkConfig(name=name, interface=interface, config=config, selection=selection))
        except NodeError as error:
            problems += error.problems
    if problems:
        raise NodeError(problems)
    return tuple(found)


def network_at(machine: Machine, interface: str) -> FieldPath:
    """The field of a machine that says which network a link of its pod is attached to."""
    names, networks = pod_link_names(machine), machine.root / "networks"
    for number, network in enumerate(machine.networks):
        if names.get(network.name) == interface:
            return networks[number] / "multus" / "networkName" if network.multus is not None else networks[number]
    return networks


def _check_config(name: str, config: Mapping[str, Any], *, is_primary: bool) -> None:
    """Raises NodeError for each plugin that is missing (KN881), and for a bridge of kvnet's own in a NAD (KN883).

    Ports of such a bridge are kept apart, so that machines would not meet on it.
    """
    problems = [problem for error in missing_plugins(config) for problem in error.problems]
    own = next((each["bridge"] for each in config["plugins"] if is_pod_bridge(each.get("bridge"))), None)
    if own is not None and not is_primary:
        message = f"the NetworkAttachmentDefinition {name} has the bridge {own}, which is named like a pod network"
        hint = "give its bridge a name other than kvnet and a digit"
        problems += node_error("KN883", message, hint).problems
    if problems:
        raise NodeError(problems)


def _primary(
    machine: Machine, target: Target, told: PodAnnotations, pod_network: Path | None, number: int
) -> tuple[str, dict[str, Any]]:
    """The name and the configuration of the pod's own network."""
    if told.default_network is not None:
        namespace, name = nad_name(machine, Multus(network_name=told.default_network))
        return _of_nad(target, NetworkSelection(namespace=namespace, name=name))
    if pod_network is None:
        config = default_pod_network(number)
    else:
        try:
            text = pod_network.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise node_error("KN883", f"the pod network {pod_network} cannot be read: {error}") from None
        config = _listed(text, pod_network.stem, f"the pod network {pod_network}")
    return config["name"], config


def _selected(told: PodAnnotations) -> Iterator[tuple[NetworkSelection, str]]:
    """What Multus is told of each network, and its link; Multus counts those that are told no name."""
    for n, selection in enumerate(told.networks or (), start=1):
        yield selection, selection.interface or f"net{n}"


def _of_nad(target: Target, selection: NetworkSelection) -> tuple[str, dict[str, Any]]:
    """The name and the configuration of a NAD, of several the last one; one without a namespace is in any."""
    namespace, name = selection.namespace, selection.name
    nads = (each for each in reversed(target.nads) if each.name == name and each.namespace in (namespace, None, ""))
    nad = next(nads, None)
    if nad is None or not nad.config:
        flaw = "is not among the manifests" if nad is None else "has no spec.config"
        raise node_error("KN883", f"the NetworkAttachmentDefinition {namespace}/{name} {flaw}", _NAD_HINT)
    return f"{namespace}/{name}", _listed(nad.config, name, f"the NetworkAttachmentDefinition {namespace}/{name}")


def _listed(text: str, name: str, origin: str) -> dict[str, Any]:
    """A configuration as a list of plugins, with a name; Multus gives one without a name that of its NAD."""
    try:
        config = json.loads(text)
    except ValueError as error:
        raise node_error("KN883", f"{origin} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise node_error("KN883", f"{origin} is not a CNI configuration")
    config = {**config, "name": config.get("name") or name}
    if "plugins" not in config:
        around = {key: config[key] for key in ("cniVersion", "name", "disableCheck") if key in config}
        config = {**around, "plugins": [config]}
    plugins = config["plugins"]
    if not isinstance(plugins, list) or not plugins or not all(isinstance(each, dict) for each in plugins):
        raise node_error("KN883", f"{origin} has no list of plugins")
    typed = [*plugins, *(each["ipam"] for each in plugins if isinstance(each.get("ipam"), dict) and each["ipam"])]
    if not all(isinstance(each.get("type"), str) for each in typed):
        raise node_error("KN883", f"{origin} has a plugin without a type")
    if not isinstance(config["name"], str) or not _NAME.fullmatch(config["name"]):
        hint = "begin with a letter or a digit, and go on with letters, digits, '_', '.' and '-'"
        raise node_error("KN883", f"{origin} has the name {config['name']!r}, which CNI does not allow", hint)
    return config


def nads_now(machine: Machine, target: Target, *, name: str, namespace: str, ipam: Path) -> tuple[Attachment, ...]:
    """What plugins would be called with now for the networks whose NADs are among the manifests.

    Arguments are as of ``attachments``. A NAD that is missing or cannot be used is left out.
    """
    told = pod_annotations(machine, target)
    wanted = [*_selected(told)]
    if told.default_network is not None:
        of_namespace, of_name = nad_name(machine, Multus(network_name=told.default_network))
        wanted.insert(0, (NetworkSelection(namespace=of_namespace, name=of_name), _PRIMARY))
    found: list[PodNetworkConfig] = []
    for selection, interface in wanted:
        with suppress(NodeError):
            network, config = _of_nad(target, selection)
            found.append(PodNetworkConfig(name=network, interface=interface, config=config, selection=selection))
    return attachments(found, name=name, namespace=namespace, ipam=ipam)


def attachments(
    networks: Iterable[PodNetworkConfig],
    *,
    name: str,
    namespace: str,
    ipam: Path,
) -> tuple[Attachment, ...]:
    """What the plugins of each network are called with.

    Args:
        networks: of ``networks_of_pod``.
        name: ``namespace/name`` of the machine.
        namespace: the network namespace.
        ipam: the folder in which ``host-local`` keeps the addresses that it gave.
    """
    container = sha256(f"{namespace}\0{name}".encode(errors="surrogatepass"))
    of_machine, _, machine = name.partition("/")
    arguments = (
        ("IgnoreUnknown", "true"),
        ("K8S_POD_NAMESPACE", _word(of_machine)),
        ("K8S_POD_NAME", f"virt-launcher-{_word(machine)}"),
        ("K8S_POD_INFRA_CONTAINER_ID", container.hexdigest()),
        ("K8S_POD_UID", str(UUID(bytes=container.digest()[:16], version=4))),
    )
    return tuple(
        Attachment(
            network=each.name,
            interface=each.interface,
            namespace_path=str(namespace_path(namespace)),
            container_id=container.hexdigest(),
            arguments=(*arguments, *((key.upper(), value) for key, value in _mac(each.selection).items())),
            capabilities=_mac(each.selection),
            config=_completed(each.config, each.selection, ipam),
        )
        for each in networks
    )


def _mac(selection: NetworkSelection | None) -> dict[str, str]:
    return {"mac": selection.mac} if selection is not None and selection.mac else {}


def _word(text: str) -> str:
    """A name without the signs that separate arguments of CNI."""
    return _NOT_IN_ARGUMENTS.sub("-", text)


def _completed(config: Mapping[str, Any], selection: NetworkSelection | None, ipam: Path) -> dict[str, Any]:
    """The configuration with the addresses' folder, and with the arguments of the network as Multus adds them."""
    given = selection.plain.get("cni-args") if selection is not None else None
    plugins = [_with_arguments(_with_folder(each, ipam), given) for each in config["plugins"]]
    return {**config, "plugins": plugins}


def _with_folder(plugin: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """A plugin that keeps files keeps them in the state folder."""
    own = plugin.get("ipam")
    if isinstance(own, Mapping) and own.get("type") == "host-local":
        plugin = {**plugin, "ipam": {**own, "dataDir": str(folder)}}
    return {**plugin, "dataDir": str(folder.parent / "tuning")} if plugin["type"] == "tuning" else plugin


def _with_arguments(plugin: Mapping[str, Any], given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not given:
        return plugin
    args = plugin.get("args") or {}
    return {**plugin, "args": {**args, "cni": {**(args.get("cni") or {}), **given}}}
