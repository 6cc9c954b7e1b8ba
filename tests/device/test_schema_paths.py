"""The paths of libvirt's grammar, read from the schema that is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from device.relaxng import Grammar
from device.schema_paths import SCHEMA, SchemaPath, device_paths, main, network_device_paths

GRAMMAR = "<grammar xmlns='http://relaxng.org/ns/structure/1.0'>{}</grammar>"
AROUND = "<start><element name='domain'><element name='devices'><ref name='nic'/></element></element></start>"
Paths = dict[str, SchemaPath]
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def paths() -> tuple[SchemaPath, ...]:
    if not SCHEMA.exists():
        pytest.skip(f"libvirt's schema is looked for at {SCHEMA}")
    return network_device_paths()


@pytest.fixture(scope="module")
def known(paths: tuple[SchemaPath, ...]) -> Paths:
    return {path.path: path for path in paths}


@pytest.fixture
def schema(tmp_path: Path) -> Write:
    """Writes a schema, and others beside it that it may include."""

    def write(text: str, **others: str) -> Path:
        for name, other in {"main": text, **others}.items():
            (tmp_path / f"{name}.rng").write_text(GRAMMAR.format(other))
        return tmp_path / "main.rng"

    return write


def nic(inside: str) -> str:
    return f"{AROUND}<define name='nic'><element name='nic'>{inside}</element></define>"


def paths_of(path: Path, **held: str) -> Paths:
    return {each.path: each for each in device_paths(Grammar.load(path), "nic", held)}


def test_each_path_stands_once(paths: tuple[SchemaPath, ...]) -> None:
    assert len({path.path for path in paths}) == len(paths) > 200


def test_an_interface_has_fifteen_types(known: Paths) -> None:
    assert " ".join(sorted(known["interface@type"].words)) == (
        "bridge client direct ethernet hostdev internal mcast network null server udp user vdpa vds vhostuser"
    )
    assert known["interface@type"].types == known["interface/mac"].types == known["interface@type"].words


TYPES = {
    "interface@managed": "hostdev",
    "interface/source@bridge": "bridge network",
    "interface/source@dev": "direct user vdpa",
    "interface/source@mode": "vhostuser direct",
    "interface/source/ip@address": "ethernet",
    "interface/source/local@port": "udp",
    "interface/virtualport/parameters@profileid": "bridge network direct hostdev",
    "hostdev/source/address@slot": "pci",
}


@pytest.mark.parametrize(("path", "types"), TYPES.items(), ids=TYPES)
def test_a_path_belongs_to_the_types_that_allow_it(known: Paths, path: str, types: str) -> None:
    assert known[path].types == tuple(types.split())


REQUIRED = {
    "interface/source": "vhostuser network direct internal mcast client udp server hostdev vdpa vds",
    "interface/source@bridge": "bridge",
    "interface/source@network": "network",
    "interface/source@address": "mcast client udp",
    "interface/teaming@persistent": "",
    "interface/virtualport@type": "",
    "hostdev@mode": "",
    "hostdev@type": "pci",
    "hostdev/source": "pci",
}


@pytest.mark.parametrize(("path", "types"), REQUIRED.items(), ids=REQUIRED)
def test_what_is_required_depends_on_the_type(known: Paths, path: str, types: str) -> None:
    assert known[path].required_by == tuple(types.split())


VALUES = {
    "interface/portForward@proto": "'tcp' | 'udp'",
    "interface/mtu@size": "integer{minInclusive=0; maxInclusive=65535}",
    "interface/portForward/range@start": "int{minInclusive=-1; maxInclusive=65535}",
    "interface/driver@name": "'kvm' | 'vfio' | 'xen' | 'qemu' | 'vhost'",
    "interface/driver@queues": "positiveInteger{pattern=[0-9]+}",
    "interface/source@network": "text",
    "interface/tune/sndbuf#text": "unsignedInt{pattern=[0-9]+}",
    "interface/mac@address": "string{pattern=[a-fA-F0-9][02468aAcCeE](:[a-fA-F0-9]{2}){5}}",
    "hostdev/driver@name": "'kvm' | 'vfio' | 'xen'",
    "hostdev@mode": "'subsystem'",
}


@pytest.mark.parametrize(("path", "values"), VALUES.items(), ids=VALUES)
def test_values_are_those_of_the_grammar(known: Paths, path: str, values: str) -> None:
    assert " | ".join(map(str, known[path].values)) == values


def test_values_may_differ_by_type(known: Paths) -> None:
    mode = known["interface/source@mode"].uses
    assert [str(leaf) for leaf in mode["vhostuser"].values] == ["'server'", "'client'"]
    assert [str(leaf) for leaf in mode["direct"].values] == ["string{pattern=(vepa|bridge|private|passthrough)}"]


def test_a_repeatable_path_says_so(known: Paths) -> None:
    repeatable = [path.path for path in known.values() if path.is_repeatable]
    assert repeatable == [
        "interface/source/ip",
        "interface/source/route",
        "interface/ip",
        "interface/route",
        "interface/portForward",
        "interface/portForward/range",
        "interface/filterref/parameter",
        "interface/vlan/tag",
    ]
    assert known["interface/vlan/tag"].is_required


def test_order_is_that_among_siblings(known: Paths) -> None:
    assert known["interface/mac"].order == known["interface/driver/host"].order == "interleave"
    assert known["interface/source/vendor"].order == known["interface/source/product"].order == "ordered"
    assert known["interface/vlan/tag"].order == known["interface@type"].order == ""


@pytest.mark.parametrize("path", ["interface/script#text", "interface/backend@hostname", "hostdev/vendor"])
def test_what_the_grammar_lacks_is_not_there(known: Paths, path: str) -> None:
    assert path not in known


def test_an_element_inside_itself_is_entered_once(schema: Write) -> None:
    inner = (
        "<optional><element name='in'><attribute name='a'/><optional><ref name='nic'/></optional></element></optional>"
    )
    found = paths_of(schema(nic(inner)))
    assert list(found) == ["nic/in", "nic/in@a", "nic/in/nic", "nic/in/nic/in"]
    assert [path for path, each in found.items() if each.uses[""].recursive] == ["nic/in/nic/in"]


COMBINED = {
    "choice": ("<element name='a'><empty/></element>", {"nic/a": False, "nic/b": False}),
    "interleave": ("<element name='a'><empty/></element>", {"nic/a": True, "nic/b": True}),
}


@pytest.mark.parametrize(("way", "first"), [(way, case[0]) for way, case in COMBINED.items()], ids=COMBINED)
def test_definitions_of_one_name_combine(schema: Write, way: str, first: str) -> None:
    second = f"<define name='x' combine='{way}'><element name='b'><empty/></element></define>"
    path = schema(
        f"<include href='other.rng'/>{second}", other=nic("<ref name='x'/>") + f"<define name='x'>{first}</define>"
    )
    assert {name: each.is_required for name, each in paths_of(path).items()} == COMBINED[way][1]


def test_an_include_may_replace_a_definition(schema: Write) -> None:
    mine = "<define name='x'><attribute name='mine'/></define>"
    theirs = "<define name='x'><attribute name='theirs'/></define>"
    path = schema(f"<include href='other.rng'><div>{mine}</div></include>", other=nic("<ref name='x'/>") + theirs)
    assert list(paths_of(path)) == ["nic@mine"]


def test_an_alternative_that_can_never_match_leaves_no_path(schema: Write) -> None:
    never = "<group><attribute name='a'/><notAllowed/></group>"
    assert list(paths_of(schema(nic(f"<choice>{never}<attribute name='b'/></choice>")))) == ["nic@b"]


def test_one_name_in_several_alternatives_is_one_path_with_all_values(schema: Write) -> None:
    one, two = (f"<element name='e'><attribute name='a'><value>{v}</value></attribute></element>" for v in "xy")
    found = paths_of(schema(nic(f"<choice>{one}<group>{two}<element name='f'/></group></choice>")))
    assert {name: (each.words, each.is_required) for name, each in found.items()} == {
        "nic/e": ((), True),
        "nic/e@a": (("x", "y"), True),
        "nic/f": ((), False),
    }


REFUSED = {
    "a pattern of another kind": (nic("<list><text/></list>"), "<list> at"),
    "an undefined name": (nic("<ref name='nothing'/>"), "'nothing' is not defined"),
    "a name that needs itself": (nic("<ref name='x'/>") + "<define name='x'><ref name='x'/></define>", "by itself"),
    "two definitions": (nic("<ref name='x'/>") + "<define name='x'><empty/></define>" * 2, "more than once"),
    "no such device": (nic("").replace("<element name='nic'>", "<element name='disk'>"), "no <nic>"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused(schema: Write, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        paths_of(schema(text))


def test_the_table_has_a_line_for_each_path(known: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == list(known)
    assert ["interface/mtu", "all 15", "", "optional", "interleave"] in lines
    assert ["interface/source@name", "internal", r"string{pattern=[a-zA-Z0-9_\.\-\\:/]+}", "required", ""] in lines
