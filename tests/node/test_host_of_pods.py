"""What pods use of the host is claimed before it is made, kept apart, and given back, as far as it is theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kvnet.node import NodeError, host
from kvnet.node.cni import Attachment
from kvnet.node.pod_network import default_pod_network, is_pod_bridge, pod_bridge, ruleset, table_name
from kvnet.node.state import StateFolder


def attached(*plugins: dict[str, Any], interface: str = "net1") -> Attachment:
    return Attachment(
        network="prod/lan",
        interface=interface,
        namespace_path="/run/netns/kvnet-0",
        container_id="c0",
        arguments=(),
        capabilities={},
        config={"name": "lan", "plugins": list(plugins)},
    )


BRIDGES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a bridge": ({"type": "bridge", "bridge": "br9"}, ["br9"]),
    "the bridge of a cluster": ({"type": "cnv-bridge", "bridge": "br9"}, ["br9"]),
    "a bridge without a name": ({"type": "bridge"}, ["cni0"]),
    "a VLAN": ({"type": "bridge", "bridge": "br9", "vlan": 5}, ["br9"]),
    "a VLAN with a gateway": ({"type": "bridge", "bridge": "br9", "vlan": 5, "isGateway": True}, ["br9", "br9.5"]),
    "a VLAN with the default gateway": (
        {"type": "bridge", "bridge": "br9", "vlan": 5, "isDefaultGateway": True},
        ["br9", "br9.5"],
    ),
    "a gateway without a VLAN": ({"type": "bridge", "bridge": "br9", "isGateway": True}, ["br9"]),
    "another plugin": ({"type": "macvlan", "master": "eth0"}, []),
}


@pytest.mark.parametrize(("plugin", "bridges"), BRIDGES.values(), ids=BRIDGES)
def test_the_bridges_that_plugins_make_are_known(plugin: dict[str, Any], bridges: list[str]) -> None:
    assert [*host.bridges_of([attached({"type": "tuning"}, plugin)])] == bridges


class Host:
    """The links, the tables and the kernel of a host, and what was done to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.links, self.tables, self.kernel = set[str](), set[tuple[str, str]](), dict.fromkeys(host._FORWARDING, "0")
        self.kernel[host._BOOT] = "boot 1"
        self.rules: list[str] = []
        self.chains: list[dict[str, str]] = []
        monkeypatch.setattr(host, "_links", lambda: frozenset(self.links))
        monkeypatch.setattr(host, "_tables", lambda: set(self.tables))
        monkeypatch.setattr(host, "_kernel", self.kernel.get)
        monkeypatch.setattr(host, "_is_empty", lambda family, name: name != "full")
        monkeypatch.setattr(host, "_remove_bridge", self.links.discard)
        monkeypatch.setattr(host, "run", self._run)

    def _run(self, name: str, arguments: list[str], given: str = "") -> str:
        if arguments[0] == "-j":
            return json.dumps({"nftables": [{"metainfo": {}}, *({"chain": each} for each in self.chains)]})
        if arguments[0] == "delete":
            self.tables.discard((arguments[-2], arguments[-1]))
        else:
            self.rules.append(given)
            self.tables.add(("inet", given.split()[3]))
        return ""


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_a_state_folder_has_the_first_number_that_nobody_has_and_keeps_it(here: Host, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert host.number_of(state) == 0
    here.links, here.tables = {"kvnet0", "kvnet2"}, {("inet", "kvnet1"), ("ip", "kvnet3")}
    assert host.number_of(state) == 3
    state.write_shared({"number": 1})
    assert host.number_of(state) == 1, "it is the folder's own"
    state.write_shared({})
    here.links = {pod_bridge(n) for n in range(10)}
    with pytest.raises(NodeError, match=r"KN885 the bridges kvnet0 to kvnet9 are all in use; take one of its machines"):
        host.number_of(state)


def test_what_was_made_goes_with_the_last_pod_that_uses_it(here: Host, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    here.links.add("br-mine")
    host.claim(state, "one", ["kvnet0", "br9", "br-mine", "br9"], 0)
    here.links |= {"kvnet0", "br9"}
    host.claim(state, "two", ["kvnet0"], 0)
    assert state.recorded["users"] == {"one": ["kvnet0", "br9", "br-mine"], "two": ["kvnet0"]}
    assert state.recorded["bridges"] == ["kvnet0", "br9"], "the other one was there before"
    host.release(state, "one")
    assert here.links == {"kvnet0", "br-mine"}
    assert ("inet", "kvnet") in here.tables
    host.release(state, "two")
    assert (here.links, here.tables, state.recorded) == ({"br-mine"}, set(), {})
    host.release(state, "two")
    assert [*tmp_path.iterdir()] == []


def test_a_pod_that_uses_fewer_bridges_than_before_gives_the_others_back(here: Host, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    host.claim(state, "one", ["kvnet0", "br9"], 0)
    here.links |= {"kvnet0", "br9"}
    host.claim(state, "one", ["kvnet0", "br8"], 0)
    assert (here.links, state.recorded["bridges"]) == ({"kvnet0"}, ["kvnet0", "br8"])


RULES: dict[str, tuple[list[str], bool]] = {
    "a pod network": (["kvnet0"], True),
    "one bridge of a NAD": (["br9"], False),
    "two bridges": (["br9", "br8"], True),
    "none": ([], False),
}


@pytest.mark.parametrize(("bridges", "has_rules"), RULES.values(), ids=RULES)
def test_rules_are_set_where_there_is_something_to_keep_apart(
    bridges: list[str], has_rules: bool, here: Host, tmp_path: Path
) -> None:
    state = StateFolder(tmp_path)
    host.claim(state, "one", bridges, 4)
    assert here.rules == ([ruleset(4, bridges, ["0", "0"])] if has_rules else [])
    assert here.tables == ({("inet", "kvnet4")} if has_rules else set())
    host.release(state, "one")
    assert here.tables == set()


FORWARDING: dict[str, tuple[str, str, list[tuple[str, str]], bool]] = {
    "off where it was off": ("0", "boot 1", [], True),
    "on where it was on": ("1", "boot 1", [], False),
    "as it is where the host was started anew": ("0", "boot 2", [], False),
    "on where pods of another state folder need it": ("0", "boot 1", [("inet", "kvnet3")], False),
}


@pytest.mark.parametrize("case", FORWARDING)
def test_forwarding_is_in_the_end(case: str, here: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, boot, others, is_restored = FORWARDING[case]
    state, written = StateFolder(tmp_path), dict[str, str]()
    monkeypatch.setattr(Path, "write_text", lambda path, text: written.update({str(path): text}))
    here.kernel |= dict.fromkeys(host._FORWARDING, before)
    host.claim(state, "one", ["kvnet0"], 0)
    here.kernel |= {**dict.fromkeys(host._FORWARDING, "1"), host._BOOT: boot}
    here.tables |= {*others}
    host.release(state, "one")
    assert written == ({f"/proc/sys/{path}": "0" for path in host._FORWARDING} if is_restored else {})


TOLD: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "the table of another state folder": ([("inet", "kvnet3", "forward"), ("inet", "kvnet3", "forwarding_0_0")], "0"),
    "a table of another family": ([("ip", "kvnet3", "forwarding_0_0")], "1"),
    "a table of somebody": ([("inet", "mine", "forwarding_0_0")], "1"),
}


@pytest.mark.parametrize(("chains", "before"), TOLD.values(), ids=TOLD)
def test_forwarding_was_as_the_pods_of_another_state_folder_found_it(
    chains: list[tuple[str, str, str]], before: str, here: Host, tmp_path: Path
) -> None:
    here.kernel |= dict.fromkeys(host._FORWARDING, "1")
    here.chains = [{"family": family, "table": table, "name": name} for family, table, name in chains]
    state = StateFolder(tmp_path)
    host.claim(state, "one", ["kvnet0"], 0)
    kernel = state.recorded["before"]["kernel"]
    assert [kernel[path] for path in host._FORWARDING] == [before, before]


def test_tables_that_plugins_left_empty_are_removed_and_others_stay(here: Host, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    mine, left = sorted(host._LEFT_BY_PLUGINS)[:2]
    here.tables = {mine, ("inet", "full")}
    host.claim(state, "one", ["kvnet0"], 0)
    here.tables |= {left, ("ip", "of somebody")}
    host.release(state, "one")
    assert here.tables == {mine, ("inet", "full"), ("ip", "of somebody")}


@pytest.mark.parametrize(
    ("bridge", "message"),
    [
        ("kvnet0", r"KN885 the bridge kvnet0 is there, and not of the state folder .*; run this again"),
        ("no;name", r"KN883 'no;name' is no name for a bridge; name the bridge with up to 15"),
        ("a" * 16, r"KN883\b"),
    ],
)
def test_a_bridge_that_cannot_be_claimed_is_told(bridge: str, message: str, here: Host, tmp_path: Path) -> None:
    here.links.add("kvnet0")
    with pytest.raises(NodeError, match=message):
        host.claim(StateFolder(tmp_path), "one", [bridge], 0)


def test_addresses_of_a_link_that_was_not_attached_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "lan").mkdir()
    files = {"10.0.0.5": "c0\r\nnet1", "10.0.0.6": "c0\r\nnet2", "10.0.0.7": "c1\r\nnet1", "lock": ""}
    for name, text in files.items():
        (tmp_path / "lan" / name).write_text(text)
    host.forget_addresses(tmp_path, attached())
    assert sorted(each.name for each in (tmp_path / "lan").iterdir()) == ["10.0.0.6", "10.0.0.7", "lock"]


def test_networks_in_which_no_address_is_given_are_forgotten(here: Host, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    for name, files in {"a": ["lock", "last_reserved_ip.0"], "b": ["lock", "10.0.0.5"], "c": []}.items():
        (state.ipam / name).mkdir(parents=True)
        for each in files:
            (state.ipam / name / each).write_text("")
    host.claim(state, "one", [], 0)
    host.release(state, "one")
    assert [each.name for each in state.ipam.iterdir()] == ["b"]


def test_rules_keep_bridges_apart_and_pods_of_the_pod_network_too() -> None:
    text = ruleset(1, ["kvnet1", "br9", "br8"], ["0", None])
    drops = [line.strip() for line in text.splitlines() if line.endswith(" drop")]
    assert drops == [
        'iifname "kvnet*" oifname "kvnet*" drop',
        'iifname "br9" oifname "kvnet*" drop',
        'iifname "kvnet*" oifname "br9" drop',
        'iifname "br9" oifname { "br8" } drop',
        'iifname "br8" oifname "kvnet*" drop',
        'iifname "kvnet*" oifname "br8" drop',
        'iifname "br8" oifname { "br9" } drop',
    ]
    assert text.startswith("add table inet kvnet1\ndelete table inet kvnet1\ntable inet kvnet1 {")
    assert "ip saddr 10.242.0.0/16 ip daddr != 10.242.0.0/16 masquerade" in text
    assert "ip6 saddr fd10:242::/64 ip6 daddr != fd10:242::/64 masquerade" in text


def test_the_pod_network_has_a_bridge_and_ranges_of_its_number() -> None:
    (plugin,) = default_pod_network(2)["plugins"]
    assert (plugin["type"], plugin["bridge"], plugin["isGateway"]) == ("bridge", "kvnet2", True)
    assert plugin["ipam"]["ranges"][0] == [{"subnet": "10.241.0.0/16"}]
    assert plugin["ipam"]["routes"][0] == {"dst": "0.0.0.0/0"}
    assert [table_name(n) for n in (0, 1)] == ["kvnet", "kvnet1"]
    assert [is_pod_bridge(each) for each in ("kvnet0", "kvnet10", "kvnet", "br0", None, 5)] == [True] + [False] * 5


def test_the_links_of_a_host_are_those_of_this_thread() -> None:
    assert "lo" in host._links()
    assert all(name and ":" not in name and name == name.strip() for name in host._links())
