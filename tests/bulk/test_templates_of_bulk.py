"""What is learnt of lines of one shape changes no result, answers the lines of a fleet, and stays small."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bulk.compare_templates import compare
from bulk.conftest import Bulk
from bulk.manifests import lines, vmi
from hypothesis import given
from hypothesis import strategies as st

import kvnet
from kvnet.bulk import _holes, _template, render
from kvnet.bulk._template import Answer
from kvnet.bulk.lines import Block
from kvnet.bulk.run import render_chunk
from kvnet.bulk.settings import Settings, Worker
from kvnet.bulk.templates import Templates
from kvnet.spec.nic import are_usual
from kvnet.target import Target

SECONDS = int(os.environ.get("KVNET_FUZZ_SECONDS", "30" if os.environ.get("CI") else "0"))


def block(*machines: Any) -> Block:
    return Block.of("in", 1, 0, [json.dumps(each).encode() for each in machines])


@pytest.mark.parametrize("seed", range(24))
def test_lines_of_a_fleet_give_the_same_bytes_with_templates_and_without(seed: int) -> None:
    compare(seed, 25)


@pytest.mark.fuzz
@pytest.mark.skipif(not SECONDS, reason="fuzzing runs under CI; KVNET_FUZZ_SECONDS=30 runs it here")
def test_no_generated_line_gives_other_bytes_with_templates() -> None:
    ends, random = time.monotonic() + min(SECONDS, 120), Random()
    while time.monotonic() < ends:
        compare(random.randrange(1 << 60), 40)


def test_a_shape_is_learnt_at_its_third_line_and_answers_the_others() -> None:
    worker = Worker(Settings())
    assert worker.templates is not None
    counts = []
    for n in range(6):
        render_chunk(worker, block(vmi(n)))
        counts.append((worker.templates.count, worker.templates.answered))
    assert counts == [(0, 0), (0, 0), (1, 0), (1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("is_whole", [False, True], ids=["devices", "domains"])
@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_a_result_of_a_known_shape_is_that_of_the_ordinary_way(profile: Any, is_whole: bool) -> None:
    facts = kvnet.HostFacts(networks={"lan": kvnet.facts.HostNetwork(bridge="br0")}) if profile == "host" else None
    target = Target(profile=profile, facts=facts or kvnet.HostFacts())
    machines = [json.dumps(vmi(n)) for n in range(9)]
    assert [*render(machines, target, whole=is_whole)] == [*render(machines, target, whole=is_whole, templates=False)]


ODD: dict[str, Any] = {
    "a MAC address in capitals": vmi(7, mac="52:54:00:AA:BB:CC"),
    "a MAC address of a group": vmi(7, mac="53:54:00:aa:bb:cc"),
    "no MAC address at all": vmi(7, mac="lan"),
    "a NAD whose name is none": vmi(7, network="default/Lan"),
    "a NAD without its namespace": vmi(7, network="other"),
    "a name with a character of Unicode": vmi(7) | {"metadata": {"name": "vm-é", "namespace": "fleet"}},
    "another order of keys": dict(reversed([*vmi(7).items()])),
    "one more key": vmi(7, nodeName="node-7"),
    "a name that is a word of the line": vmi(7) | {"metadata": {"name": "masquerade", "namespace": "fleet"}},
    "a name that is the namespace": vmi(7) | {"metadata": {"name": "fleet", "namespace": "fleet"}},
}


@pytest.mark.parametrize("what", ODD)
def test_a_line_that_is_almost_of_a_shape_is_rendered_in_the_ordinary_way(what: str) -> None:
    worker = Worker(Settings())
    assert worker.templates is not None
    render_chunk(worker, block(*map(vmi, range(4))))
    odd = block(ODD[what])
    before = worker.templates.answered
    assert render_chunk(worker, odd) == render_chunk(Worker(Settings(templates=False)), odd)
    assert (before, worker.templates.answered) == (1, 1)


@pytest.mark.parametrize("change", [(b": ", b":"), (b"vm-7", b"\\u0076m-7"), (b'"kind"', b'"kind": "Pod", "kind"')])
def test_white_space_escapes_and_keys_given_twice_are_left_to_the_ordinary_way(change: tuple[bytes, bytes]) -> None:
    worker = Worker(Settings())
    assert worker.templates is not None
    render_chunk(worker, block(*map(vmi, range(4))))
    odd = Block.of("in", 1, 0, [json.dumps(vmi(7)).encode().replace(*change)])
    assert render_chunk(worker, odd) == render_chunk(Worker(Settings(templates=False)), odd)
    assert worker.templates.answered == 1


def test_the_mac_address_of_masquerades_bridge_is_refused_in_a_line_of_a_known_shape() -> None:
    def masqueraded(n: int, mac: str) -> dict[str, Any]:
        machine = vmi(n)
        machine["spec"]["domain"]["devices"]["interfaces"][0]["macAddress"] = mac
        return machine

    worker = Worker(Settings())
    assert worker.templates is not None
    render_chunk(worker, block(*(masqueraded(n, f"52:54:01:00:00:0{n}") for n in range(4))))
    made = render_chunk(worker, block(masqueraded(7, "02:00:00:00:00:00")))
    assert b'"code": "KN113"' in made.lines[0]
    assert worker.templates.answered == 1


def test_duplicates_are_found_among_machines_of_a_known_shape(bulk: Bulk, tmp_path: Path) -> None:
    machines = [*map(vmi, range(8)), vmi(9, mac=vmi(6)["spec"]["domain"]["devices"]["interfaces"][1]["macAddress"])]
    text = lines([*machines, vmi(7)])
    made = {}
    for name, words in {"with": [], "without": ["--no-templates"]}.items():
        ended = bulk("-f", "-", "-o", f"{name}.ndjson", "--report", f"{name}.json", "--jobs", "1", *words, stdin=text)
        report = json.loads((tmp_path / f"{name}.json").read_text()) | {"seconds": 0, "rate": 0}
        made[name] = (ended.returncode, ended.stderr, report, (tmp_path / f"{name}.ndjson").read_bytes())
    assert made["with"] == made["without"]
    assert [each["code"] for each in made["with"][2]["duplicates"]] == ["KN710", "KN710"]


def test_a_run_is_continued_with_templates_that_was_begun_without(bulk: Bulk, tmp_path: Path) -> None:
    text = lines([*map(vmi, range(20))])
    bulk("-f", "-", "-o", "all.ndjson", "--jobs", "1", stdin=text)
    whole = (tmp_path / "all.ndjson").read_bytes()
    (tmp_path / "some.ndjson").write_bytes(b"".join(whole.splitlines(keepends=True)[:7]))
    ended = bulk("-f", "-", "-o", "some.ndjson", "--jobs", "1", "--resume", "--no-templates", stdin=text)
    assert (ended.returncode, (tmp_path / "some.ndjson").read_bytes()) == (0, whole)


GUARDS: dict[str, tuple[_holes.Kind, Callable[[str], bool]]] = {
    "name": (_holes._NAME, lambda name: are_usual([name], [], [], [])),
    "link-local and group addresses": (_holes._MAC, lambda mac: are_usual(["red"], [mac], [], [])),
    "root port": (_holes._ROOT_PORT, lambda port: are_usual(["red"], [], [port], [])),
    "NAD": (_holes._NAD, lambda nad: are_usual(["red"], [], [], [nad])),
    "NAD with its namespace": (_holes._NAD_WITH_NAMESPACE, lambda nad: are_usual(["red"], [], [], [nad])),
}


@pytest.mark.parametrize("what", GUARDS)
@given(data=st.data())
def test_nothing_is_taken_for_a_name_or_an_address_that_a_rule_could_mind(what: str, data: st.DataObject) -> None:
    kind, fits = GUARDS[what]
    value = data.draw(st.from_regex(kind.pattern.decode(), fullmatch=True))
    assert fits(value)


@given(
    number=st.integers(0, 150),
    kind=st.sampled_from([each for each in vars(_holes).values() if type(each) is _holes.Kind]),
)
def test_the_marks_of_a_kind_are_of_it_and_differ(number: int, kind: _holes.Kind) -> None:
    marks = [*kind.marks(number), *kind.marks(number + 1)]
    assert all(kind.fits(mark.encode()) for mark in marks)
    assert len(set(marks)) == 4


PIECES = st.lists(st.integers(0, 3) | st.sampled_from([b"<a>", b"b", b"'", b"\\", b"{x}"]), max_size=12)


@given(texts=st.lists(PIECES, min_size=1, max_size=4), values=st.permutations([b"one", b"zwei", b"d'3'"]))
def test_a_template_puts_other_names_and_what_is_computed_from_them_wherever_those_of_its_example_were(
    texts: list[list[int | bytes]], values: list[bytes]
) -> None:
    """The number 3 stands for a text that is computed from the second value."""

    def answer(values: tuple[bytes, ...]) -> Answer:
        known = (*values, computed(values))
        made = [b"".join(known[each] if isinstance(each, int) else each for each in pieces) for pieces in texts]
        return Answer(made[0], made[1:], "rest")

    def computed(values: tuple[bytes, ...]) -> bytes:
        return values[1][::-1] + b"."

    example = (b"K000_Q7", b"K001_Q7", b"K002_Q7")
    template = _template._with_holes(answer(example), example, [computed], frozenset(), 0)
    assert template.filled(tuple(values)) == answer(tuple(values))


def test_a_text_with_half_a_character_is_no_answer() -> None:
    assert Answer.of(["a", "\ud800"], None) is None
    assert Answer.of(["a", "é"], 7) == Answer(b"a", ["é".encode()], 7)


SPEC, STATUS, FACTS = ("vm", "spec"), ("vm", "status"), ("facts",)
METADATA = ("vm", "metadata")
CHANGING: dict[str, tuple[tuple[str | int, ...], Callable[[int], str]]] = {
    "its name": ((*METADATA, "name"), "other-{}".format),
    "its namespace": ((*METADATA, "namespace"), "ns-{}".format),
    "its UID": ((*METADATA, "uid"), "0b1c-{}".format),
    "its resource version": ((*METADATA, "resourceVersion"), "10{}".format),
    "when it was created": ((*METADATA, "creationTimestamp"), "2024-01-01T00:00:0{}Z".format),
    "the label of its domain": ((*METADATA, "labels", "kubevirt.io/domain"), "domain-{}".format),
    "the label of its machine": ((*METADATA, "labels", "kubevirt.io/vm"), "vm-{}".format),
    "the label of its node": ((*METADATA, "labels", "kubevirt.io/nodeName"), "node-{}.lab".format),
    "the label of its name": ((*METADATA, "labels", "vm.kubevirt.io/name"), "name-{}".format),
    "a NAD without its namespace": ((*SPEC, "networks", 1, "multus", "networkName"), "lan-{}".format),
    "a NAD with its namespace": ((*SPEC, "networks", 1, "multus", "networkName"), "fleet/lan-{}".format),
    "a MAC address": ((*SPEC, "domain", "devices", "interfaces", 1, "macAddress"), "52:54:00:00:01:0{}".format),
    "a PCI address": ((*SPEC, "domain", "devices", "interfaces", 1, "pciAddress"), "0000:0{}:00.0".format),
    "its host name": ((*SPEC, "hostname"), "host-{}".format),
    "its firmware's UUID": ((*SPEC, "domain", "firmware", "uuid"), "5d307ca9-b3ef-428c-8861-06e72d69f22{}".format),
    "a claim": ((*SPEC, "volumes", 0, "persistentVolumeClaim", "claimName"), "claim-{}".format),
    "a data volume": ((*SPEC, "volumes", 1, "dataVolume", "name"), "volume-{}".format),
    "an image": ((*SPEC, "volumes", 2, "containerDisk", "image"), "quay.io/disks/image:{}".format),
    "its node": ((*STATUS, "nodeName"), "node-{}.lab".format),
    "the name of a link": ((*FACTS, "links", "lan", "name"), "pod0123456789{}".format),
    "the MAC address of a link": ((*FACTS, "links", "lan", "mac"), "52:54:00:00:02:0{}".format),
    "a tap": ((*FACTS, "links", "lan", "tap"), "tap{}".format),
    "the host address of a function": ((*FACTS, "pciAddresses", "fast"), "0000:05:00.{}".format),
}
"""Places of a machine and its facts, and what stands there in line 1, 2, ..."""


def _whole_line() -> dict[str, Any]:
    """A machine that has each of the places, and its facts."""
    machine = vmi(1, interfaces=[{"name": "lan"}])
    machine["metadata"] |= {"labels": {}}
    spec = machine["spec"]
    spec["domain"] |= {"firmware": {}}
    spec["domain"]["devices"]["interfaces"].append({"name": "fast", "sriov": {}})
    spec["networks"].append({"name": "fast", "multus": {"networkName": "default/fast"}})
    disks = {"claim": "persistentVolumeClaim", "data": "dataVolume", "image": "containerDisk"}
    spec["domain"]["devices"]["disks"] = [{"name": name, "disk": {"bus": "virtio"}} for name in disks]
    spec["volumes"] = [{"name": name, source: {}} for name, source in disks.items()]
    line = {"vm": machine, "facts": {"links": {"lan": {}}, "pciAddresses": {}}}
    for place, value in CHANGING.values():
        _write(line, place, value(7))
    return line


def _write(line: dict[str, Any], place: tuple[str | int, ...], value: str) -> None:
    inner: Any = line
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value


@pytest.mark.parametrize("what", CHANGING)
def test_lines_are_of_one_shape_whatever_name_or_address_is(what: str) -> None:
    place, value = CHANGING[what]
    worker = Worker(Settings())
    assert worker.templates is not None
    for n in range(1, 6):
        line = _whole_line()
        _write(line, place, value(n))
        made = block(line)
        assert render_chunk(worker, made) == render_chunk(Worker(Settings(templates=False)), made)
    assert (worker.templates.count, worker.templates.answered) == (1, 2)


def test_the_least_used_template_is_forgotten() -> None:
    templates = Templates(Target(), most=2)
    lines_of = [json.dumps(vmi(n)).encode() for n in range(5)]
    machines = [[each.replace(b'"1Gi"', b'"%dGi"' % size) for each in lines_of] for size in (1, 2, 3)]
    for shape in machines:
        for line in shape[:3]:
            templates.learn(line, lambda text: Answer(text, [], None))
        assert templates.answer(shape[3]) is not None
    assert templates.count == 2
    assert [templates.answer(shape[4]) is not None for shape in machines] == [False, True, True]


def test_lines_of_ever_new_shapes_are_looked_at_a_bounded_number_of_times() -> None:
    templates = Templates(Target())
    rendered = 0

    def render_line(text: bytes) -> Answer:
        nonlocal rendered
        rendered += 1
        return Answer(text, [], None)

    for n in range(3000):
        machine = vmi(n // 3) | {"status": {f"key{n // 3}": 1}}
        templates.learn(json.dumps(machine).encode(), render_line)
    assert templates.count <= 20
    assert rendered <= 60
