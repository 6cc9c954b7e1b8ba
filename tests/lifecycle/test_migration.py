"""Whether a machine can migrate live, and whether it must."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from machines import claim, multus, nic, pod, vmi
from tables import rows

import kvnet
from kvnet.compiler.pod import hashed_name
from kvnet.lifecycle import MigrationRequired, migration_required
from kvnet.spec import Machine
from kvnet.spec.cluster import BindingPlugin, PluginMigration

Json = dict[str, Any]
ALLOWED = "kubevirt.io/allow-pod-bridge-network-live-migration"
PLUGINS = {
    "moves": BindingPlugin(migration=PluginMigration()),
    "refreshes": BindingPlugin(migration=PluginMigration(method="link-refresh")),
    "stays": BindingPlugin(domain_attachment_type="tap"),
}


def plugged(name: str) -> Json:
    return nic(binding=None) | {"binding": {"name": name}}


@pytest.mark.parametrize(
    ("interfaces", "networks", "annotations", "problem"),
    rows(
        {
            "no NICs": ([], [pod()], {}, None),
            "masquerade": ([nic(binding="masquerade")], [pod()], {}, None),
            "passt": ([nic(binding="passtBinding")], [pod()], {}, None),
            "bridge": ([nic()], [pod()], {}, "KN822 spec.domain.devices.interfaces[0]"),
            "bridge, allowed": ([nic()], [pod()], {ALLOWED: "true"}, None),
            "bridge, annotated at all": ([nic()], [pod()], {ALLOWED: "false"}, None),
            "SR-IOV": ([nic(binding="sriov")], [pod()], {ALLOWED: ""}, "KN822 spec.domain.devices.interfaces[0]"),
            "no binding": ([nic(binding=None)], [pod()], {}, "KN822 spec.domain.devices.interfaces[0]"),
            "a plugin that moves": ([plugged("moves")], [pod()], {}, None),
            "a plugin that has its link refreshed": ([plugged("refreshes")], [pod()], {}, None),
            "a plugin that stays": ([plugged("stays")], [pod()], {}, "KN822 spec.domain.devices.interfaces[0]"),
            "an unknown plugin": ([plugged("ghost")], [pod()], {}, "KN822 spec.domain.devices.interfaces[0]"),
            "a pod network without NIC": ([nic("b")], [multus("b"), pod("a")], {}, "KN821 spec.networks[1]"),
            "secondary networks": ([nic("b", "sriov")], [multus("b")], {}, None),
            "Multus' default network": ([nic()], [multus(default=True)], {}, None),
            "claims": ([nic(binding="sriov")], [claim()], {}, None),
        }
    ),
)
def test_the_nic_of_the_pod_network_alone_decides_whether_a_machine_can_move(
    interfaces: list[Json], networks: list[Json], annotations: Json, problem: str | None
) -> None:
    found = kvnet.live_migratable(kvnet.load(vmi(interfaces, networks, annotations=annotations)), PLUGINS)
    assert (found and f"{found.code} {found.field}") == problem
    assert found is None or (found.hint and not found.is_error)


def test_without_a_registry_no_plugin_moves() -> None:
    assert kvnet.live_migratable(kvnet.load(vmi([plugged("moves")], [pod()]))) is not None


def test_the_cluster_and_the_facts_tell_which_plugins_move() -> None:
    registered = {"a": {"migration": {"method": "link-refresh"}}, "b": {"migration": {}}, "c": {"migration": None}}
    cluster = kvnet.load_cluster({"kind": "KubeVirt", "spec": {"configuration": {"network": {"binding": registered}}}})
    expected = {
        "a": BindingPlugin(migration=PluginMigration(method="link-refresh")),
        "b": BindingPlugin(migration=PluginMigration()),
        "c": BindingPlugin(),
    }
    assert cluster.binding_plugins == expected
    assert kvnet.load_facts({"bindingPlugins": registered}).binding_plugins == expected


NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
LINK = hashed_name("a")
ATTACHED = [{"name": "ns/nad", "interface": LINK}]


def machine(nics: list[Json], *entries: Json, conditions: list[Json] | None = None, nad: str = "nad") -> Machine:
    networks = [multus(each["name"], networkName=nad) for each in nics]
    status = {"interfaces": list(entries), "conditions": conditions or []}
    data = vmi(nics, networks, status=status)
    data["metadata"]["namespace"] = "ns"
    return kvnet.load(data)


def entry(sources: str, name: str = "a", link: str = LINK) -> Json:
    return {"name": name, "infoSource": sources, "podInterfaceName": link}


@pytest.mark.parametrize(
    ("of", "required"),
    rows(
        {
            "nothing to do": (machine([nic()], entry("domain, multus-status")), "Unknown"),
            "no secondary network": (kvnet.load(vmi([nic()], [pod()])), "Unknown"),
            "a bridge to plug": (machine([nic()]), "False"),
            "a virtual function to plug": (machine([nic(binding="sriov")]), "True"),
            "a NIC to unplug": (machine([nic(state="absent")], entry("multus-status")), "False"),
            "a NIC that the guest still has": (
                machine([nic(state="absent")], entry("domain, multus-status")),
                "Unknown",
            ),
            "a NIC that is gone": (machine([nic(state="absent")]), "Unknown"),
            "another attachment definition": (machine([nic()], entry("domain"), nad="other"), "True"),
            "its full name": (machine([nic()], entry("domain"), nad="ns/nad"), "Unknown"),
            "its name in another namespace": (machine([nic()], entry("domain"), nad="x/nad"), "True"),
            "a link that the pod does not have": (
                machine([nic()], entry("domain", link="pod7"), nad="other"),
                "Unknown",
            ),
            "a link without a name": (machine([nic()], entry("domain", link=""), nad="other"), "Unknown"),
            "the first network decides": (machine([nic("b"), nic("c", "sriov")]), "False"),
            "however the NICs are ordered": (machine([nic("c", "sriov"), nic("b")]), "True"),
        }
    ),
)
def test_a_change_of_networks_that_a_running_pod_cannot_take_needs_a_migration(of: Machine, required: str) -> None:
    assert migration_required(of, ATTACHED, NOW) == required


@pytest.mark.parametrize(
    ("condition", "required"),
    rows(
        {
            "no condition": (None, "False"),
            "a condition of 15 seconds": ({"status": "False", "lastTransitionTime": "2026-01-01T00:00:45Z"}, "False"),
            "an older one": ({"status": "False", "lastTransitionTime": "2026-01-01T00:00:44Z"}, "True"),
            "an older one in another zone": (
                {"status": "False", "lastTransitionTime": "2026-01-01T01:00:44+01:00"},
                "True",
            ),
            "one since ever": ({"status": "False"}, "True"),
            "one that is true": ({"status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}, "False"),
            "one that is unknown": ({"status": "Unknown", "lastTransitionTime": "2025-01-01T00:00:00Z"}, "False"),
        }
    ),
)
def test_multus_has_15_seconds_to_plug_a_nic_before_a_migration_is_needed(
    condition: Json | None, required: str
) -> None:
    conditions = [{"type": "Ready", "status": "True"}]
    conditions += [{"type": "MigrationRequired"} | condition] if condition else []
    of = machine([nic()], conditions=conditions)
    assert migration_required(of, [], NOW) is MigrationRequired(required)
    assert migration_required(of, [], NOW.astimezone(timezone(timedelta(hours=-7)))) == required


@pytest.mark.parametrize("time", ["soon", "", "2026-01-01", "2026-01-01T00:00:00"])
def test_a_condition_whose_time_is_none_is_refused(time: str) -> None:
    pending = {"type": "MigrationRequired", "status": "False", "lastTransitionTime": time}
    of = machine([nic()], conditions=[{"type": "Ready"}, pending])
    with pytest.raises(kvnet.Rejected) as caught:
        migration_required(of, [], NOW)
    [problem] = caught.value.problems
    assert (problem.code, problem.field) == ("KN804", "status.conditions[1].lastTransitionTime")


def test_a_condition_that_is_none_is_refused_when_it_is_read() -> None:
    with pytest.raises(kvnet.Rejected, match=r"status\.conditions\[0\]\.status"):
        machine([nic()], conditions=[{"type": "MigrationRequired", "status": False}])


@pytest.mark.parametrize("plugins", [["moves"], {"moves": {}}, {"moves": BindingPlugin(), "x": None}])
def test_what_are_no_plugins_is_told(plugins: Any) -> None:
    with pytest.raises(TypeError, match=r"BindingPlugin.*take binding_plugins of a ClusterConfig"):
        kvnet.live_migratable(kvnet.load(vmi([nic()], [pod()])), plugins)
