"""``kvnet check --strict`` on machines that KubeVirt admits: no refusal, and no warning that is not true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from lxml import etree

from kvnet.errors import Problem
from replays.case import Case, Difference

__all__ = ["untrue"]

_NOT_KUBEVIRTS = frozenset({"KN306", *(f"KN{code}" for code in range(410, 418))})
"""Errors on what KubeVirt admits: the machine is not for its host, or libvirt refuses it."""
_KNOWN_DEFAULTS = ("", "bridge", "masquerade", "slirp")
_MIGRATABLE = "kubevirt.io/allow-pod-bridge-network-live-migration"

Claim = Callable[[Case, Problem], bool]


def untrue(case: Case, problems: tuple[Problem, ...]) -> Iterator[Difference]:
    """The problems of an admitted machine that its case proves wrong."""
    for problem in problems:
        if problem.is_error:
            yield "strict", "admitted", "admitted" if problem.code in _NOT_KUBEVIRTS else str(problem)
        else:
            yield "strict", "a true warning", "a true warning" if _CLAIMS[problem.code](case, problem) else str(problem)


def _interface(case: Case, problem: Problem) -> Mapping[str, Any]:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    interface: Mapping[str, Any] = case["expected"]["interfaces"][number]
    return interface


def _devices(case: Case) -> list[etree._Element]:
    expected = case["expected"]
    members = ("devices", "hostdevs", "interfaceXML", "hostdevXML")
    return [etree.fromstring(each) for member in members for each in expected.get(member) or ()]


def _device(case: Case, problem: Problem) -> etree._Element | None:
    """KubeVirt's device of an interface, where it was recorded."""
    name = _interface(case, problem)["name"]
    made = {str(device.xpath("string(alias/@name)")): device for device in _devices(case)}
    return made.get(f"ua-{name}", made.get(f"ua-sriov-{name}"))


def _lacks(case: Case, problem: Problem, child: str) -> bool:
    device = _device(case, problem)
    return device is None or device.find(child) is None


def _is_sriov(case: Case, problem: Problem) -> bool:
    return _interface(case, problem).get("sriov") is not None


def _does_not_forward(case: Case, problem: Problem) -> bool:
    interface = _interface(case, problem)
    return not {"masquerade", "passtBinding"} & interface.keys() and _lacks(case, problem, "portForward")


def _is_port_of_the_launcher(case: Case, problem: Problem) -> bool:
    ports = {each["port"] for each in _interface(case, problem)["ports"]}
    return bool(ports & {22222, 49152, 49153})


def _has_no_queues(case: Case, _: Problem) -> bool:
    return not any(device.xpath("driver/@queues") for device in _devices(case))


def _keeps_no_mac(case: Case, problem: Problem) -> bool:
    return _is_sriov(case, problem) and _lacks(case, problem, "mac")


def _keeps_no_field(case: Case, problem: Problem) -> bool:
    return _is_sriov(case, problem) and _lacks(
        case, problem, "acpi" if problem.at.parts[-1] == "acpiIndex" else "model"
    )


def _cannot_migrate(case: Case, problem: Problem) -> bool:
    pods = {each["name"] for each in case["expected"]["networks"] if each.get("pod") is not None}
    annotations = (case["vmi"].get("metadata") or {}).get("annotations") or {}
    is_default = not case["vmi"]["spec"]["domain"]["devices"].get("interfaces")
    # what is told of the cluster's default NIC is told of the machine
    interface = case["expected"]["interfaces"][0] if is_default else _interface(case, problem)
    return "bridge" in interface and interface["name"] in pods and _MIGRATABLE not in annotations


def _is_odd_index(case: Case, problem: Problem) -> bool:
    index = _interface(case, problem)["acpiIndex"]
    others = [each.get("acpiIndex") for each in case["expected"]["interfaces"]]
    return not 1 <= index <= 16383 or others.count(index) > 1


def _is_mac_of_two(case: Case, problem: Problem) -> bool:
    macs = [each.get("macAddress") or "" for each in case["expected"]["interfaces"]]
    digits = ["".join(filter(str.isalnum, mac)).lower() for mac in macs]
    return digits.count("".join(filter(str.isalnum, _interface(case, problem)["macAddress"])).lower()) > 1


def _ignores_the_state(case: Case, problem: Problem) -> bool:
    return "passtBinding" in _interface(case, problem) and _lacks(case, problem, "link")


def _is_no_network_of_a_guest(case: Case, problem: Problem) -> bool:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    network, member = case["expected"]["networks"][number], problem.at.parts[-1]
    bound = next(each for each in case["expected"]["interfaces"] if each["name"] == network["name"])
    try:
        given = ip_network(network["pod"][member], strict=False)
    except ValueError:
        return "masquerade" in bound
    fits = given.version == (6 if member == "vmIPv6NetworkCIDR" else 4) and given.num_addresses >= 4
    return "masquerade" in bound and not fits


def _has_no_effect(case: Case, _: Problem) -> bool:
    given = case["vmi"]["spec"]["domain"]["devices"]
    return bool(given.get("interfaces")) and len(given["interfaces"]) == len(case["expected"]["interfaces"])


def _is_given_up(case: Case, _: Problem) -> bool:
    return (case["config"].get("network") or {}).get("defaultNetworkInterface", "") not in _KNOWN_DEFAULTS


def _is_not_registered(case: Case, problem: Problem) -> bool:
    config = case["config"]
    registered = {*((config.get("network") or {}).get("binding") or ()), *(case.get("bindingPlugins") or ())}
    return _interface(case, problem)["binding"]["name"] not in registered


def _is_zero(case: Case, problem: Problem) -> bool:
    return not set(_interface(case, problem)["macAddress"]) - set("0:-.")


def _is_of_the_bridge(case: Case, problem: Problem) -> bool:
    interface = _interface(case, problem)
    return "masquerade" in interface and sorted(set(interface["macAddress"]) - set(":-.")) == ["0", "2"]


def _has_no_address(case: Case, _: Problem) -> bool:
    """No NIC has an address on bus 0 that its interface does not ask for."""
    asked = {each["name"] for each in case["expected"]["interfaces"] if each.get("pciAddress")}
    names = {f"ua-{prefix}{name}" for name in asked for prefix in ("", "sriov-")}
    given = [each for each in _devices(case) if str(each.xpath("string(alias/@name)")) not in names]
    return not any(device.xpath("address[@type='pci']") for device in given)


def _is_no_key(case: Case, problem: Problem) -> bool:
    """KubeVirt's types have no such member: the recorded machine has lost it."""
    return str(problem.at.parts[-1]) not in json.dumps(case["expected"])


def _is_no_reference(case: Case, problem: Problem) -> bool:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    reference = case["expected"]["networks"][number]["multus"]["networkName"]
    label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    return re.fullmatch(rf"(?:{label}/)?{label}(?:\.{label})*", reference) is None or len(reference) > 253


def _cannot_be_probed(case: Case, problem: Problem) -> bool:
    device, spec = _device(case, problem), case["vmi"]["spec"]
    asked = {key for probe in ("livenessProbe", "readinessProbe") for key in spec.get(probe) or ()}
    is_down = device is None or device.xpath("string(link/@state)") == "down"
    return is_down and bool(asked & {"httpGet", "tcpSocket"})


def _is_emulated(case: Case, problem: Problem) -> bool:
    device = _device(case, problem)
    model = _interface(case, problem).get("model", "virtio")
    return model != "virtio" and (device is None or device.xpath("string(model/@type)") == model)


def _has_many_queues(case: Case, _: Problem) -> bool:
    """QEMU allocates two vectors for each queue of a ``<driver>``, and two more."""
    queues = [int(text) for device in _devices(case) for text in device.xpath("driver/@queues")]
    return not queues or sum(2 * each + 2 for each in queues) > 200


def _has_queues(case: Case, _: Problem) -> bool:
    wanted = case["expected"].get("queues", case["expected"].get("vmQueues"))
    return bool(case["vmi"]["spec"]["domain"]["devices"].get("networkInterfaceMultiqueue")) and wanted is not None


def _lacks_ipv6(case: Case, problem: Problem) -> bool:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    network = case["expected"]["networks"][number]
    bound = next(each for each in case["expected"]["interfaces"] if each["name"] == network["name"])
    data = json.dumps(case["vmi"]["spec"].get("volumes") or [])
    return "masquerade" in bound and bool(network["pod"]["vmIPv6NetworkCIDR"]) and "gateway6" not in data


def _takes_the_pods_address(case: Case, problem: Problem) -> bool:
    annotations = (case["vmi"].get("metadata") or {}).get("annotations") or {}
    return annotations.get("sidecar.istio.io/inject", "").lower() == "true" and _is_bridge(case, problem)


def _is_bridge(case: Case, problem: Problem) -> bool:
    is_default = not case["vmi"]["spec"]["domain"]["devices"].get("interfaces")
    interface = case["expected"]["interfaces"][0] if is_default else _interface(case, problem)
    return "bridge" in interface


_CLAIMS: dict[str, Claim] = {
    "KN016": _is_no_key,
    "KN901": _does_not_forward,
    "KN902": _is_port_of_the_launcher,
    "KN903": _has_no_queues,
    "KN904": _keeps_no_mac,
    "KN905": _keeps_no_field,
    "KN906": _cannot_migrate,
    "KN907": _is_odd_index,
    "KN908": _is_mac_of_two,
    "KN909": _ignores_the_state,
    "KN910": _is_no_network_of_a_guest,
    "KN911": _has_no_effect,
    "KN915": _is_no_reference,
    "KN918": _cannot_be_probed,
    "KN919": _is_emulated,
    "KN920": _has_many_queues,
    "KN921": _has_queues,
    "KN922": _has_queues,
    "KN924": _lacks_ipv6,
    "KN927": _takes_the_pods_address,
    "KN928": _is_not_registered,
    "KN929": _is_zero,
    "KN930": _is_given_up,
    "KN931": _has_no_address,
    "KN934": _is_of_the_bridge,
}
"""What each warning claims, said again of what KubeVirt answered."""
