"""What is corrected, and what is left alone because more than one answer may be right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

from kvnet import FieldPath, Place, Problem, Severity
from kvnet.checks import told_of
from kvnet.manifest import load_partly
from kvnet.manifest.document import Text
from kvnet.report.fixes import Edit, Fix, applied, fix_of, fixes_of, made_problems

FILE = "vm.yaml"
MACHINE = """\
# a machine
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: a, annotations: {}}
spec:
  domain:
    devices:
      interfaces:
      - name: a
        masquerade: {}
        state: up  # here
  networks:
  - name: a
    pod: {}
"""
MEMBER = "state: up"

CORRECTED = {
    # keys: letter case, dashes and underscores, one slip
    "MacAddress: 02:00:00:00:00:01": "macAddress: 02:00:00:00:00:01",
    "mac_address: 02:00:00:00:00:01": "macAddress: 02:00:00:00:00:01",
    '"macAdress": 02:00:00:00:00:01': '"macAddress": 02:00:00:00:00:01',
    "'bootorder' : 1": "'bootOrder' : 1",
    "dhcpOptions: {BootFileName: x}": "dhcpOptions: {bootFileName: x}",
    # values in another letter case
    "model:   VirtIO": "model:   virtio",
    "model: 'E1000'": "model: 'e1000'",
    'model: "ne2k-pci"': 'model: "ne2k_pci"',
    "state: Down": "state: down",
    # values with one slip, and no other digits
    "model: virtoi": "model: virtio",
    "model: 'vitio'": "model: 'virtio'",
    "model: pcnett": "model: pcnet",
    "model: E-1000-E": "model: e1000e",
    "model: rlt8139": "model: rtl8139",
    "state: dwon": "state: down",
    'state: "don"': 'state: "down"',
    "ports: [{port: 80, protocol: tcp}]": "ports: [{port: 80, protocol: TCP}]",
    # quotes
    'bootOrder: "1"': "bootOrder: 1",
    "ports: [{port: '80'}]": "ports: [{port: 80}]",
    "tag: 5": 'tag: "5"',
    "tag: 1.10": 'tag: "1.10"',
    "tag: true": 'tag: "true"',
    "macAddress: 525400123456": 'macAddress: "525400123456"',
    "macAddress: 0200e0000001": 'macAddress: "0200e0000001"',
    # addresses
    "macAddress: ' 02:00:00:00:00:01'": "macAddress: '02:00:00:00:00:01'",
    "macAddress: 52 54 0 12 34 56": 'macAddress: "52:54:00:12:34:56"',
    "macAddress: 2:0:0:0:0:A": 'macAddress: "02:00:00:00:00:0a"',
    "pciAddress: 01:00.0": 'pciAddress: "0000:01:00.0"',
}
LEFT = [
    "model: e100",
    "model: e1001",
    "model: rtl8129",
    "model: ne2k_isa",
    "model: vmxnet3",
    "state: upp",
    "state: on",
    "state: low",
    "ports: [{port: 80, protocol: SCTP}]",
    "ports: [{port: 80, protocol: TPC}]",
    "mac: 02:00:00:00:00:01",
    "colour: red",
    "bootOrder: '010'",
    "bootOrder: first",
    "tag: yes",
    "tag: {a: 1}",
    "macAddress: 02:00:00:00:00",
    "macAddress: 02:00:00:00:00:0g",
    "pciAddress: 1:2",
    "slirp: {}",
    "macvtap: {}",
    "model: &nic VirtIO",
    "model: !!str VirtIO",
    "model: |\n          VirtIO",
]
AROUND = {
    "kind: VirtualMachineInstance": ("kind: virtualMachineinstance", "kind: VirtualMachineInstanc"),
    "apiVersion: kubevirt.io/v1": (
        "apiVersion: kubevirt.io/V1",
        "apiVersion: kubevirt.io/v2",
        "apiVersion: kubevrt.io/v1",
    ),
    "  domain:\n": ("  Domain:\n",),
    "metadata: {name: a, annotations: {}}": ("metdata: {name: a, annotations: {}}",),
}


def problems(text: str) -> Iterator[Problem]:
    read = load_partly(Text(FILE, text))
    yield from read.problems
    target = read.manifest.target()
    for machine in read.manifest.machines:
        yield from told_of(machine, target)
    for partial in read.partial:
        yield from filter(partial.stands, told_of(partial.machine, target))


def fixed(text: str) -> str:
    return applied(text, [each.edit for each in fixes_of(problems(text), {FILE: text})])


def with_member(member: str) -> str:
    return MACHINE.replace(MEMBER, member)


@pytest.mark.parametrize(("wrong", "right"), CORRECTED.items())
def test_what_has_one_right_answer_is_corrected_and_nothing_else(wrong: str, right: str) -> None:
    assert fixed(with_member(wrong)) == with_member(right)


@pytest.mark.parametrize("wrong", LEFT)
def test_what_has_several_answers_or_is_written_in_an_odd_way_is_left_alone(wrong: str) -> None:
    assert fixed(with_member(wrong)) == with_member(wrong)


@pytest.mark.parametrize(("right", "wrong"), [(right, each) for right, wrong in AROUND.items() for each in wrong])
def test_what_is_around_the_interfaces_is_corrected(right: str, wrong: str) -> None:
    assert fixed(MACHINE.replace(right, wrong, 1)) == MACHINE


@pytest.mark.parametrize("wrong", ["kind: Machine", "apiVersion: kubevirt.io/v1beta7", "apiVersion: v1"])
def test_a_kind_or_api_version_that_resembles_several_or_none_is_left_alone(wrong: str) -> None:
    text = MACHINE.replace(next(each for each in AROUND if each[:4] == wrong[:4]), wrong)
    assert fixed(text) == text


@pytest.mark.parametrize(("written", "corrected"), [("passtt", "passt"), ("Passt", "passt"), ("vlan8", "vlan8")])
def test_a_binding_plugin_is_corrected_to_a_registered_one(written: str, corrected: str) -> None:
    cluster = (
        "---\nkind: KubeVirt\napiVersion: kubevirt.io/v1\nspec: {configuration: {network: {binding: "
        "{passt: {domainAttachmentType: tap}, vlan7: {domainAttachmentType: tap}}}}}\n"
    )
    text = MACHINE.replace("masquerade: {}", f"binding: {{name: {written}}}") + cluster
    assert fixed(text) == text.replace(f"name: {written}", f"name: {corrected}")


def test_a_key_that_differs_in_a_digit_is_left_alone() -> None:
    text = MACHINE.replace("pod: {}", "pod: {vmIPv4NetworkCIDR: 10.0.2.0/24}")
    assert fixed(text) == text


def test_the_kind_of_a_reference_is_corrected() -> None:
    text = "kind: VirtualMachine\nspec:\n  preference: {name: a, kind: VirtualMachinePrefernce}\n"
    text += "  template: {spec: {domain: {devices: {autoattachPodInterface: false}}}}\n"
    assert fixed(text) == text.replace("Prefernce", "Preference")


def test_annotations_and_json_are_corrected() -> None:
    key = "kubevirt.io/allow-pod-bridge-network-live-migration"
    text = MACHINE.replace("annotations: {}", f'annotations: {{{key.title()}: "true"}}')
    assert fixed(text) == MACHINE.replace("annotations: {}", f'annotations: {{{key}: "true"}}')
    json = '{"kind":"VirtualMachineInstance","spec":{"domain":{"devices":{"interfaces":[\r\n{"name":"a","Bridge":{}'
    json += ',"bootOrder":"2","macAddress":525400123456}]}},"networks":[{"name":"a","pod":{}}]}}'
    right = json.replace("Bridge", "bridge").replace('"2"', "2").replace("525400123456", '"525400123456"')
    assert fixed(json) == right


DATA = "version: 2, ethernets: {eth0: {addresses: [fd10:0:2::2/120], GATEWAY}}"
BLOCK = "version: 2\n        ethernets:\n          eth0:\n            addresses: [fd10:0:2::2/120]\n            GATEWAY"
GATEWAYS = [
    (f"|\n        {BLOCK}  # old", "gateway6: fd10:0:2::9", 'routes: [{to: "::/0", via: "fd10:0:2::1"}]'),
    (f"|\n        {BLOCK}", "gateway6: 'fd10:0:2::9'", "routes: [{to: '::/0', via: 'fd10:0:2::1'}]"),
    (f"|\n        {BLOCK}", "routes: [{to: default, via: fd10::9}]", "routes: [{to: default, via: fd10:0:2::1}]"),
    (f">-\n        {{{DATA}}}", 'gateway6: "fd10::9"', 'routes: [{to: "::/0", via: "fd10:0:2::1"}]'),
    (f'"{{{DATA}}}"', "gateway6: fd10::9", "routes: [{to: '::/0', via: 'fd10:0:2::1'}]"),
    (f'"{{{DATA}}}"', r"gateway6: \"fd10::9\"", r"routes: [{to: \"::/0\", via: \"fd10:0:2::1\"}]"),
    (f"'{{{DATA}}}'", "gateway6: fd10::9", "routes: [{to: ''::/0'', via: ''fd10:0:2::1''}]"),
    (f"'{{{DATA}}}'", 'gateway6: "fd10::9"', 'routes: [{to: "::/0", via: "fd10:0:2::1"}]'),
]


@pytest.mark.parametrize(("data", "wrong", "right"), GATEWAYS)
def test_the_gateway_of_network_data_is_corrected_in_any_style(data: str, wrong: str, right: str) -> None:
    text = f"{MACHINE}  volumes:\n  - name: c\n    cloudInitNoCloud:\n      networkData: {data}\n"
    corrected = fixed(text.replace("GATEWAY", wrong))
    assert corrected == text.replace("GATEWAY", right)
    assert not [*problems(corrected)]


@pytest.mark.parametrize(
    "member",
    ["gateway6: fd10::9\n          routes: []", "gateway6: fd10::9\n          routes: [{to: '::/0', via: fd10::8}]"],
)
def test_a_gateway_beside_routes_is_left_alone(member: str) -> None:
    data = f"version: 2\n        ethernets:\n         eth0:\n          addresses: [fd10:0:2::2/120]\n          {member}"
    text = MACHINE + f"  volumes:\n  - name: c\n    cloudInitNoCloud:\n      networkData: |\n        {data}\n"
    assert [each.code for each in problems(text)]
    assert "gateway6: fd10::9" in fixed(text)


def test_a_key_that_is_merged_from_elsewhere_is_not_taken_for_another_one() -> None:
    text = MACHINE.replace("      - name: a\n", "      - <<: {Model: virtio}\n        name: a\n")
    assert fixed(text) in (text, text.replace("Model", "model"))


def a_fix(code: str = "KN129", line: int = 1, start: int = 0, end: int = 2) -> Fix:
    return Fix(problem=a_problem(code, line), edit=Edit(file=FILE, start=start, end=end, text="x"), what="")


def a_problem(code: str = "KN129", line: int = 1, *, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(FieldPath(("a",)), code, "wrong", place=Place(FILE, line, 1), severity=severity)


def test_of_two_edits_of_the_same_characters_one_is_made() -> None:
    wrong = Problem(FieldPath(("model",)), "KN129", "wrong", place=Place(FILE, 1, 8), instead="virtio")
    assert len(fixes_of([wrong, wrong], {FILE: "model: VirtIO"})) == 1


def test_a_problem_of_an_unknown_text_has_no_fix() -> None:
    wrong = Problem(FieldPath(("model",)), "KN129", "wrong", place=Place(FILE, 1, 8), instead="virtio")
    assert fix_of(wrong, {}) is None
    assert fix_of(wrong.placed(None), {FILE: "model: VirtIO"}) is None


def test_another_problem_is_the_fault_of_a_fix_unless_its_object_was_not_judged() -> None:
    unread, near, far = a_fix("KN012"), a_problem("KN101", 1), a_problem("KN101", 7)
    assert made_problems([a_problem()], [near], [a_fix()]) == (near,)
    assert made_problems([a_problem()], [far], [a_fix()]) == (far,)
    assert made_problems([unread.problem], [far], [unread]) == ()
    assert made_problems([unread.problem], [near], [unread]) == (near,)


def test_in_a_line_with_a_whole_document_only_what_was_edited_is_the_fault_of_a_fix() -> None:
    unread = a_fix("KN012")
    beside = evolve(a_problem("KN101"), at=FieldPath(("spec", "networks", 0)))
    assert made_problems([unread.problem], [beside], [unread]) == ()
    around = evolve(beside, at=FieldPath())
    assert made_problems([unread.problem], [around], [unread]) == (around,)


def test_a_key_that_was_corrected_is_judged_under_its_new_name() -> None:
    unread = a_fix("KN012")
    at = FieldPath(("spec", "modle"))
    unread = evolve(unread, problem=evolve(unread.problem, at=at, instead="model"))
    for place, is_made in ((("spec", "model"), True), (("spec", "model", "x"), True), (("model",), False)):
        found = evolve(a_problem("KN101"), at=FieldPath(place))
        assert made_problems([unread.problem], [found], [unread]) == ((found,) if is_made else ())


def test_a_note_is_no_fault_of_a_fix_and_a_problem_that_stays_is_one() -> None:
    note = a_problem("KN922", severity=Severity.NOTE)
    assert made_problems([a_problem()], [note], [a_fix()]) == ()
    assert made_problems([a_problem()], [a_problem()], [a_fix()]) == (a_problem(),)
