"""Pictures show every NIC with what it is attached to, in each format."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from attrs import evolve
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree, html

import kvnet
from kvnet.pictures import FORMATS, Box, Picture, Row, picture
from kvnet.pictures.devices import picture_of_domain
from kvnet.pictures.picture import COLUMNS
from kvnet.testing import domains, machines, targets

NAD = (
    "kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\n"
    'spec: {config: \'{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br10", "vlan": 7}\'}\n---\n'
)
VM = """
kind: VirtualMachine
metadata: {name: web}
spec:
  runStrategy: Always
  template:
    spec:
      domain:
        cpu: {cores: 2}
        devices:
          networkInterfaceMultiqueue: true
          interfaces:
          - {name: a, masquerade: {}, macAddress: "02:00:00:00:00:01"}
          - {name: b, bridge: {}, state: down, model: e1000}
          - {name: c, sriov: {}}
      networks:
      - {name: a, pod: {}}
      - {name: b, multus: {networkName: lan}}
      - {name: c, multus: {networkName: other/vf}}
"""


def drawn(text: str, **options: str) -> Picture:
    manifest = kvnet.loads_all(text)
    return picture(manifest.machines[0], manifest.target(**options))  # type: ignore[arg-type]


def chains(made: Picture) -> list[list[str]]:
    return [[f"{box.kind} {box.name}" for box in row.boxes] for row in made.rows]


def test_in_a_pod_each_nic_is_drawn_to_its_network_by_kubevirts_names() -> None:
    made = drawn(NAD + VM)
    assert chains(made) == [
        ["NIC a", "tap tap0", "pod bridge k6t-eth0", "pod link eth0", "network of the pod"],
        ["NIC b", "tap tap3e23e816003", "pod bridge k6t-3e23e816003", "pod link pod3e23e816003", "NAD lan"],
        ["NIC c", "virtual function of the device plugin", "NAD other/vf"],
    ]
    assert made.rows[0].boxes[0].facts == ("virtio-non-transitional", "02:00:00:00:00:01", "2 queues")
    assert made.rows[1].boxes[-1].facts == ("CNI bridge", "bridge br10", "VLAN 7")
    assert made.rows[2].boxes[-1].facts == ("not among the documents",)
    assert [row.boxes[0].state for row in made.rows] == ["", "down", ""]
    assert [row.is_broken for row in made.rows] == [False, True, False]


SERVED = {
    "masquerade": ("masquerade: {}", "pod: {}", ("NAT for 10.0.2.0/24", "DHCP gives 10.0.2.2")),
    "masquerade with IPv6": (
        "masquerade: {}",
        "pod: {vmNetworkCIDR: 10.9.0.0/28, vmIPv6NetworkCIDR: 'fd42::/120'}",
        ("NAT for 10.9.0.0/28", "DHCP gives 10.9.0.2", "NAT for fd42::/120", "DHCP gives fd42::2"),
    ),
    "a network that is none": ("masquerade: {}", "pod: {vmNetworkCIDR: 10.0.2.0/31}", ()),
    "a bridge on the pod network": ("bridge: {}", "pod: {}", ("DHCP gives the link's address",)),
    "a bridge on a NAD without an IPAM": ("bridge: {}", "multus: {networkName: lan}", ()),
}


@pytest.mark.parametrize(("binding", "network", "facts"), SERVED.values(), ids=SERVED)
def test_the_bridge_of_a_pod_tells_of_nat_and_dhcp(binding: str, network: str, facts: tuple[str, ...]) -> None:
    spec = f"{{domain: {{devices: {{interfaces: [{{name: a, {binding}}}]}}}}, networks: [{{name: a, {network}}}]}}"
    made = drawn(f"{NAD}kind: VirtualMachineInstance\nmetadata: {{name: web}}\nspec: {spec}\n")
    (bridge,) = [box for box in made.boxes if box.column == 2]
    assert bridge.facts == facts


def test_on_a_host_each_nic_is_drawn_to_what_its_device_is_plugged_into() -> None:
    made = drawn(NAD + VM, profile="host")
    assert chains(made) == [
        ["NIC a", "libvirt network default"],
        ["NIC b", "Linux bridge br10", "NAD lan"],
        ["NIC c", "NAD other/vf"],
    ]
    assert [problem.code for problem in made.rows[2].problems] == ["KN340"]
    assert made.problems == ()


def _nad(config: str) -> str:
    return f"kind: NetworkAttachmentDefinition\nmetadata: {{name: lan}}\nspec: {{config: {config!r}}}\n---\n"


NETWORKS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "a NAD without a configuration": (_nad(""), "multus: {networkName: lan}", "NAD lan", ("no CNI configuration",)),
    "a chain of plugins": (
        _nad('{"name": "n", "plugins": [{"type": "macvlan", "master": "eth1", "mtu": 1400}, {"type": "tuning"}]}'),
        "multus: {networkName: lan}",
        "NAD lan",
        ("CNI macvlan, tuning", "on eth1", "MTU 1400"),
    ),
    "a claim": ("", "resourceClaim: {claimName: c, requestName: r}", "resource claim c/r", ()),
}


@pytest.mark.parametrize(("nad", "network", "box", "facts"), NETWORKS.values(), ids=NETWORKS)
def test_the_network_of_a_nic_is_drawn_as_it_is_known(nad: str, network: str, box: str, facts: tuple[str, ...]) -> None:
    spec = f"{{domain: {{devices: {{interfaces: [{{name: a, bridge: {{}}}}]}}}}, networks: [{{name: a, {network}}}]}}"
    made = drawn(f"{nad}kind: VirtualMachineInstance\nmetadata: {{name: web}}\nspec: {spec}\n")
    last = made.rows[0].boxes[-1]
    assert (f"{last.kind} {last.name}", last.facts) == (box, facts)


def test_a_nad_that_was_made_with_a_configuration_that_is_none_is_drawn_as_refused() -> None:
    manifest = kvnet.loads_all(_nad('{"type": "bridge"}') + VM)
    target = kvnet.Target(nads=[evolve(each, config='{"type": "bridge", "vlan": 9999}') for each in manifest.nads])
    made = picture(manifest.machines[0], target)
    assert made.rows[1].boxes[-1].facts == ("a CNI configuration that is refused",)


def test_problems_stand_at_their_nic_or_network_and_others_at_the_machine() -> None:
    nic = "- {name: c, sriov: {}}"
    made = drawn(
        VM.replace(nic, nic + "\n          - {name: d, bridge: {}, model: vmxnet3}") + "      - {name: e, pod: {}}\n"
    )
    assert [problem.code for problem in made.rows[3].problems][:1] == ["KN127"]
    assert {"KN125", "KN101"} & {problem.code for problem in made.problems}
    assert "KN129" in {problem.code for problem in made.rows[3].problems}


def test_a_machine_without_nics_has_its_default_nic_or_none() -> None:
    spec = "{domain: {devices: %s}}"
    assert chains(drawn(spec % "{}"))[0][0] == "NIC default"
    alone = drawn(spec % "{autoattachPodInterface: false}")
    assert alone.rows == ()
    assert "no NIC" in FORMATS["text"](alone)
    assert "no NIC" in FORMATS["svg"](alone)


def test_of_a_domain_each_nic_is_drawn_to_its_source() -> None:
    nics = (
        "<interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/><target dev='vnet3'/>"
        "<vlan trunk='yes'><tag id='7' nativeMode='untagged'/><tag id='8'/></vlan><alias name='ua-lan'/></interface>"
        "<interface type='direct'><source dev='eth1' mode='vepa'/><mac address='02:00:00:00:00:02'/></interface>"
        "<interface type='user'><backend type='passt'/></interface>"
        "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0x81' slot='1' function='2'/></source>"
        "<alias name='ua-sriov-vf'/></hostdev>"
    )
    made = picture_of_domain(f"<domain><name>db</name><devices>{nics}</devices></domain>")
    assert made.title == "Domain db"
    assert chains(made) == [
        ["NIC lan", "tap vnet3", "Open vSwitch bridge ovs0"],
        ["NIC NIC 1", "macvtap macvtap", "link eth1"],
        ["NIC NIC 2", "user mode passt"],
        ["NIC vf", "virtual function 0000:81:01.2"],
    ]
    assert made.rows[0].boxes[2].facts == ("VLANs 7 untagged, 8",)
    assert made.rows[1].boxes[1].facts == ("mode vepa",)


PLUGGED: dict[str, tuple[str, list[str], tuple[str, ...]]] = {
    "a network": ("network'><source network='lab'/>", ["libvirt network lab"], ()),
    "a network's port group, in a VLAN": (
        "network'><source network='lab' portgroup='staff'/><vlan><tag id='5'/></vlan>",
        ["libvirt network lab"],
        ("port group staff", "VLAN 5"),
    ),
    "a network whose bridge is known": (
        "network'><source network='lab' bridge='virbr1'/><target dev='vnet0'/>",
        ["tap vnet0", "Linux bridge virbr1", "libvirt network lab"],
        (),
    ),
    "a bridge in two VLANs": (
        "bridge'><source bridge='br0'/><vlan><tag id='5'/><tag id='6'/></vlan>",
        ["Linux bridge br0"],
        ("VLANs 5, 6",),
    ),
    "a tap": ("ethernet'><target dev='tap0'/>", ["tap tap0"], ()),
    "a tap of libvirt's": ("ethernet'>", ["tap made by libvirt"], ()),
    "SLIRP": ("user'>", ["user mode SLIRP"], ()),
    "passt with ports": (
        "user'><backend type='passt'/><portForward proto='tcp'><range start='80'/></portForward>"
        "<portForward proto='udp'/>",
        ["user mode passt"],
        ("2 port forwards",),
    ),
    "a macvtap": (
        "direct'><source dev='eth1' mode='vepa'/><target dev='macvtap7'/>",
        ["macvtap macvtap7", "link eth1"],
        (),
    ),
    "vhost-user": ("vhostuser'><source type='unix' path='/run/s' mode='client'/>", ["vhost-user /run/s"], ()),
    "a network of another type": ("mcast'><source address='230.0.0.1' port='5558'/>", ["source mcast"], ()),
    "a type that libvirt has not": ("future'><source x='1'/>", ["source future"], ()),
}


@pytest.mark.parametrize(("nic", "boxes", "facts"), PLUGGED.values(), ids=PLUGGED)
def test_of_a_nic_of_a_domain_is_drawn(nic: str, boxes: list[str], facts: tuple[str, ...]) -> None:
    made = picture_of_domain(f"<domain><devices><interface type='{nic}</interface></devices></domain>")
    assert chains(made) == [["NIC NIC 0", *boxes]]
    assert made.rows[0].boxes[-1].facts == facts


SEEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "the model of libvirt's choice": ("", ("rtl8139",)),
    "all that the guest sees": (
        "<mac address='52:54:00:00:00:01'/><model type='virtio'/><driver queues='4'/><mtu size='9000'/>"
        "<link state='down'/><boot order='2'/><acpi index='3'/>"
        "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>",
        (
            *("virtio", "52:54:00:00:00:01", "4 queues", "MTU 9000", "link down"),
            *("at 0000:01:00.0", "boots as 2", "ACPI index 3"),
        ),
    ),
    "one queue": ("<model type='virtio'/><driver queues='1'/>", ("virtio",)),
}


@pytest.mark.parametrize(("inside", "facts"), SEEN.values(), ids=SEEN)
def test_of_a_nic_as_the_guest_sees_it_is_told(inside: str, facts: tuple[str, ...]) -> None:
    nic = f"<interface type='user'>{inside}</interface>"
    made = picture_of_domain(f"<domain><devices>{nic}</devices></domain>")
    assert made.rows[0].boxes[0].facts == facts
    assert made.rows[0].boxes[0].state == ("down" if "link down" in facts else "")


def test_a_page_has_a_table_of_what_is_drawn_with_a_column_for_each_kind_that_is_there() -> None:
    made = drawn(NAD + VM)
    page = html.fromstring(FORMATS["html"](made))
    heads = [each.text_content() for each in page.iter("th")]
    rows = [[cell.text_content() for cell in row] for row in page.iterfind(".//tbody/tr")]
    assert heads == [COLUMNS[n] for n in sorted({box.column for box in made.boxes})]
    assert [row[0] for row in rows] == [box.name + "".join(box.facts) for box in (row.boxes[0] for row in made.rows)]
    assert "pod bridge k6t-eth0" in rows[0][2]
    assert [len(row) for row in rows] == [len(heads)] * 3
    assert [str(each) for each in page.xpath("//table/../@tabindex")] == ["0"]
    empty = html.fromstring(FORMATS["html"](drawn("{domain: {devices: {autoattachPodInterface: false}}}")))
    assert empty.find(".//table") is None


def _rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    rectangles = etree.fromstring(svg.encode()).iter("{*}rect")
    return [tuple(float(each.get(name, "")) for name in ("x", "y", "width", "height")) for each in rectangles]  # type: ignore[misc]


def test_the_boxes_of_a_drawing_are_inside_it_and_apart() -> None:
    made = drawn(NAD + VM)
    svg = FORMATS["svg"](made)
    root, boxes = etree.fromstring(svg.encode()), _rectangles(svg)
    width, height = (float(root.get(name, "")) for name in ("width", "height"))
    assert root.get("viewBox") == f"0 0 {width:.0f} {height:.0f}"
    assert all(min(x, y) > 0 and x + w < width and y + h < height for x, y, w, h in boxes)
    for n, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[n + 1 :]:
            assert x + w < other_x or other_x + other_w < x or y + h < other_y or other_y + other_h < y


def test_drawings_stand_below_each_other_and_the_widest_says_how_wide_all_are() -> None:
    wide, narrow = drawn(NAD + VM), drawn("{domain: {devices: {autoattachPodInterface: false}}}")
    sizes = []
    for pictures in ((wide,), (narrow,), (wide, narrow), (narrow, wide)):
        root = etree.fromstring(FORMATS["svg"](*pictures).encode())
        sizes.append((float(root.get("width", "")), float(root.get("height", ""))))
    (width, high), (_, low), *both = sizes
    assert [each for each, _ in both] == [width] * 2
    assert [height for _, height in both] == [pytest.approx(high + low, abs=2)] * 2


def test_what_is_too_wide_for_a_terminal_stands_below_one_another() -> None:
    made = drawn(NAD + VM)
    wide = FORMATS["text"](made)
    widest = max(len(line) for line in wide.splitlines() if not line.startswith("  ! "))
    assert FORMATS["text"](made, columns=widest) == wide
    narrow = FORMATS["text"](made, columns=widest - 1).splitlines()
    assert max(len(line) for line in narrow if not line.startswith("  ! ")) < 80
    assert [line for line in narrow if line.startswith("│ NAD")] != []
    assert [line for line in narrow if line.startswith("╎ NAD")] != []
    assert all(f"{box.kind} {box.name}" in "\n".join(narrow) for box in made.boxes if box.kind != "NIC")


def test_the_text_keeps_columns_and_breaks_the_line_of_a_nic_that_is_down() -> None:
    lines = FORMATS["text"](drawn(NAD + VM)).splitlines()
    first, second = (next(line for line in lines if line.startswith(f"{name} ")) for name in "ab")
    assert [first.index(word) for word in ("tap ", "pod bridge", "pod link")] == [
        second.index(word) for word in ("tap ", "pod bridge", "pod link")
    ]
    assert "──" in first
    assert "──" not in second
    assert "╌╌" in second


STANDS = {
    "guest NIC": ("NIC",),
    "attached by": ("tap", "macvtap", "user mode", "vhost-user"),
    "bridge": ("Linux bridge",),
    "link": ("link",),
    "network": ("NAD", "libvirt network", "resource claim", "network"),
}


def test_each_kind_of_box_stands_in_its_column() -> None:
    column = {kind: n for n, heading in enumerate(COLUMNS) for kind in STANDS[heading]}
    devices = (
        f"<domain><devices><interface type='{nic}</interface></devices></domain>" for nic, _, _ in PLUGGED.values()
    )
    spec = "domain: {{devices: {{interfaces: [{{name: a, bridge: {{}}}}]}}}}, networks: [{}]"
    networks = [f"{{name: a, {network}}}" for _, network, _, _ in NETWORKS.values()]
    machines = ("{" + spec.format(each) + "}" for each in (*networks, "{name: a, pod: {}}", ""))
    found = {
        (box.kind, box.column)
        for picture in (*map(picture_of_domain, devices), *map(drawn, machines))
        for row in picture.rows
        for box in row.boxes
        if box.kind in column
    }
    assert found == {*column.items()}


def test_every_class_of_a_graph_has_a_style() -> None:
    for severity in ("error", "warning"):
        problem = kvnet.Problem(kvnet.FieldPath(), "KN906", "told", severity=kvnet.Severity(severity))
        row = Row(boxes=(Box(column=0, kind="NIC", name="a"),), problems=(problem,))
        text = FORMATS["mermaid"](Picture(title="x", rows=(row,)))
        assert f":::{severity} " in text
        assert f"classDef {severity} stroke:" in text


def test_a_box_that_several_nics_share_is_drawn_once_in_a_graph() -> None:
    text = VM.replace("other/vf", "lan").replace("sriov: {}", "bridge: {}")
    made = drawn(NAD + text)
    for format in ("svg", "mermaid"):
        assert FORMATS[format](made).count("CNI bridge") == 1
    assert FORMATS["text"](made).count("CNI bridge") == 2


class Page(HTMLParser):
    """Counts the elements of a page, and fails where one is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


TEXTS = st.text(max_size=12)
BOXES = st.builds(
    Box,
    column=st.integers(0, 4),
    kind=TEXTS,
    name=TEXTS,
    facts=st.lists(TEXTS, max_size=2).map(tuple),
    state=st.sampled_from(["", "down", "absent"]),
)
PROBLEMS = st.builds(
    kvnet.Problem, st.just(kvnet.FieldPath()), st.just("KN101"), TEXTS, severity=st.sampled_from(list(kvnet.Severity))
)


def _row(boxes: list[Box], problems: list[kvnet.Problem]) -> Row:
    return Row(boxes=tuple(sorted(boxes, key=lambda box: box.column)), problems=tuple(problems))


ROWS = st.builds(
    _row,
    st.lists(BOXES, min_size=1, max_size=5, unique_by=lambda box: box.column),
    st.lists(PROBLEMS, max_size=2),
)
PICTURES = st.builds(
    Picture, title=TEXTS, rows=st.lists(ROWS, max_size=3).map(tuple), problems=st.lists(PROBLEMS, max_size=1).map(tuple)
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(PICTURES)
def test_any_text_stays_text_in_each_format(made: Picture) -> None:
    root = etree.fromstring(FORMATS["svg"](made).encode())
    assert len(root.findall(".//{*}rect")) == len(made.boxes)
    page = Page()
    page.feed(FORMATS["html"](made, made))
    assert page.opened == []
    assert set(page.seen) <= {
        *("html", "head", "meta", "title", "style", "body", "section", "h1", "h2", "figure", "div", "svg", "desc", "g"),
        *("rect", "text", "path", "table", "thead", "tbody", "tr", "th", "td", "small", "ul", "li", "a", "code"),
    }
    statements = FORMATS["mermaid"](made).splitlines()
    assert len(statements) >= 5
    assert all(line.count('"') in (0, 2) for line in statements)


@settings(max_examples=examples(0.5), suppress_health_check=list(HealthCheck), deadline=None)
@given(machines(), targets())
def test_any_machine_is_drawn_with_each_of_its_nics(machine: kvnet.Machine, target: kvnet.Target) -> None:
    made = picture(machine, target)
    names = [row.boxes[0].name for row in made.rows]
    assert names[: len(machine.interfaces)] == [nic.name for nic in machine.interfaces]
    assert all(FORMATS[format](made) for format in FORMATS)


@settings(max_examples=examples(0.5), suppress_health_check=list(HealthCheck), deadline=None)
@given(domains())
def test_any_domain_is_drawn_with_each_of_its_devices(xml: str) -> None:
    assert len(picture_of_domain(xml).rows) == len(kvnet.read_domain(xml, lossless=True))


def test_the_colours_of_text_have_enough_contrast() -> None:
    from kvnet.pictures.svg import _COLOURS  # noqa: PLC0415

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for scheme in (0, 1):
        behind = luminance(_COLOURS["--kv-box"][scheme])
        for name in ("--kv-ink", "--kv-quiet", "--kv-error", "--kv-warning"):
            lighter, darker = sorted((luminance(_COLOURS[name][scheme]), behind), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_machine_gives_the_same_bytes(format: str) -> None:
    assert FORMATS[format](drawn(NAD + VM)) == FORMATS[format](drawn(NAD + VM))
    assert re.search("lan", FORMATS[format](drawn(NAD + VM)))


def test_a_page_links_each_code_to_its_page_and_shows_code_as_code() -> None:
    told = kvnet.Problem(kvnet.FieldPath(), "KN112", "KN112 is about `<pod>`", hint="use `bridge: {}`")
    page = FORMATS["html"](Picture(title="a", rows=(), problems=(told,)))
    link = '<a href="https://kvnet.readthedocs.io/en/latest/reference/problems/KN112.html">KN112</a>'
    assert f"<li>error {link} KN112 is about <code>&lt;pod&gt;</code>; use <code>bridge: {{}}</code></li>" in page
