"""Texts that are no documents, and documents that are no objects."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kvnet import Rejected, loads_all

API = "apiVersion: kubevirt.io/v1\n"
VMI = API + "kind: VirtualMachineInstance\n"
NICS = VMI + "spec:\n  domain:\n    devices:\n      interfaces:\n"
NIC = NICS + "      - name: a\n"
NIC0 = "spec.domain.devices.interfaces[0]"
NAD = "kind: NetworkAttachmentDefinition\nmetadata: {name: a}\n"

CASES = {
    "a flow list that does not end": ("a: [\n", "2:1 KN001", "did not find expected node content | close the bracket"),
    "a quote that does not end": ("kind: 'x\n", "2:1 KN001", "unexpected end of stream | close the quotes"),
    "a tab for indentation": ("a:\n\t- b\n", "2:1 KN001", "cannot start any token | indent with spaces, not tabs"),
    "an entry that is indented less": (
        "a:\n  b: 1\n c: 2\n",
        "3:2 KN001",
        "expected key | indent a key like its neighbours",
    ),
    "a key among the entries of a list": ("- a\nb: 1\n", "2:1 KN001", "expected '-' indicator | begin each entry"),
    "a bracket that is closed late": ("a: [1\nb: 2\n", "2:2 KN001", "expected ',' or ']' | close the bracket"),
    "two colons in a line": (
        "a: b: c\n",
        "1:5 KN001",
        "mapping values are not allowed | quote a value that holds a colon",
    ),
    "indented under a scalar": (
        VMI + "  spec: {}\n",
        "3:7 KN001",
        "mapping values are not allowed | indent a key like its neighbours",
    ),
    "a control character": ("kind: \x01\n", "1:7 KN001", "U+0001 is not allowed | escape it"),
    "a reserved character": ("kind: @x\n", "1:7 KN001", "cannot start any token | quote the value"),
    "another YAML": ("%YAML 3.0\n---\nkind: x\n", "1:1 KN001", "incompatible YAML document"),
    "an alias of nothing": ("kind: *a\n", "1:7 KN007", "undefined alias | define the anchor"),
    "a tag of one's own": (VMI + "spec: !x {}\n", "3:7 KN007 spec", "the tag '!x' is not one"),
    "a Python tag": (
        VMI + "spec: !!python/object:os.system {}\n",
        "3:7 KN007 spec",
        "the tag '!!python/object:os.system'",
    ),
    "binary": (VMI + "spec: !!binary aGk=\n", "3:7 KN007 spec", "the tag '!!binary'"),
    "a set": (VMI + "spec: !!set {a}\n", "3:7 KN007 spec", "the tag '!!set'"),
    "text tagged as a number": (
        NIC + "        bootOrder: !!int x\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "'x' is not a whole number",
    ),
    "an alias that holds itself": (VMI + "spec: &a\n  domain: *a\n", "3:7 KN007 spec.domain", "holds the alias itself"),
    "a key twice": (
        NICS + "      - name: a\n        name: b\n",
        f"8:9 KN002 {NIC0}.name",
        "'name' is given twice, first in line 7, column 9",
    ),
    "a kind twice": (VMI + "kind: x\nspec: {}\n", "3:1 KN002 kind", "'kind' is given twice, first in line 2, column 1"),
    "a key twice, once in quotes": (
        VMI + "spec: {domain: {}, 'domain': {}}\n",
        "3:20 KN002 spec.domain",
        "'domain' is given twice, first in line 3, column 8",
    ),
    "a number and its text as keys": (
        VMI + "metadata:\n  labels: {1: a, '1': b}\n",
        "4:18 KN002 metadata.labels.1",
        "'1' is given twice, first in line 4, column 12",
    ),
    "two words for true as keys": (
        VMI + "metadata:\n  labels: {yes: a, on: b}\n",
        "4:20 KN002 metadata.labels.true",
        "'true' is given twice",
    ),
    "two merge keys": (VMI + "spec:\n  <<: {}\n  <<: {}\n", "5:3 KN002 spec.<<", "'<<' is given twice"),
    "null as a key": (VMI + "spec:\n  ~: x\n", "4:3 KN004 spec", "a key has to be text"),
    "a list as a key": (VMI + "spec:\n  ? [a]\n  : x\n", "4:5 KN004 spec", "a key has to be text"),
    "a number merged": (VMI + "spec:\n  <<: [1]\n", "4:8 KN004 spec", "'<<' merges mappings"),
    "text merged": (VMI + "spec:\n  <<: x\n", "4:7 KN004 spec", "'<<' merges mappings"),
    "infinity": (
        NIC + "        bootOrder: .inf\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "'.inf' is not a number that JSON can carry",
    ),
    "not a number": (
        NIC + "        bootOrder: .nan\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "'.nan' is not a number that JSON can carry",
    ),
    "a list of objects": (
        "- kind: Secret\n- kind: NetworkAttachmentDefinition\n  metadata: {name: a}\n",
        "1:1 KN011",
        "this is a list of them | put them into `items` of an object",
    ),
    "items of no kind": (
        "apiVersion: v1\nitems:\n- apiVersion: kubevirt.io/v1\n  kind: VirtualMachine\n  spec: {}\n",
        "1:1 KN011 kind",
        "does not say its kind | write `apiVersion: v1` and `kind: List`",
    ),
    "no kind": (API + "spec: {}\n", "1:1 KN011 kind", "does not say its kind | write `kind: VirtualMachine`"),
    "an empty kind": (
        API + "kind:\nspec: {}\n",
        "2:6 KN011 kind",
        "does not say its kind | write `kind: VirtualMachine`",
    ),
    "a list for the kind": (
        API + "kind: [x]\n",
        "2:7 KN011 kind",
        "does not say its kind | write `kind: VirtualMachine`",
    ),
    "a boolean for the kind": (
        API + "kind: yes\n",
        "2:7 KN011 kind",
        "does not say its kind | write `kind: VirtualMachine`",
    ),
    "a machine without a kind": (
        "spec: {domain: {devices: {}}}\n",
        "1:1 KN011 kind",
        "does not say its kind | write `kind: VirtualMachine`",
    ),
    "a kind in small letters": (
        "kind: virtualmachine\nspec: {}\n",
        "1:7 KN012 kind",
        "no kind 'virtualmachine' | did you mean 'VirtualMachine'?",
    ),
    "a kind in mixed letters": (
        "kind: VirtualMachineInstancereplicaset\n",
        "1:7 KN012 kind",
        "no kind 'VirtualMachineInstancereplicaset' | did you mean 'VirtualMachineInstanceReplicaSet'?",
    ),
    "a NAD in small letters": (
        "kind: networkattachmentdefinition\n",
        "1:7 KN012 kind",
        "no kind 'networkattachmentdefinition' | did you mean 'NetworkAttachmentDefinition'?",
    ),
    "text for the items": ("kind: VirtualMachineList\nitems: x\n", "2:8 KN004 items", "the items are not a list"),
    "a mapping for the items": ("kind: List\nitems: {}\n", "2:8 KN004 items", "the items are not a list"),
    "JSON with two commas": ('{"kind": "VirtualMachineInstance",,}', "1:35 KN001", "Expecting property name"),
    "a JSON key twice": (
        '{"kind": "VirtualMachineInstance", "kind": "x"}',
        "1:36 KN002 kind",
        "'kind' is given twice, first in line 1, column 2",
    ),
    "a JSON value that is no number": ('{"kind": NaN}', "1:10 KN004", "NaN is not JSON"),
    "a JSON number too large": ('{"kind": 1e999}', "1:10 KN004", "the number 1e999... is too large"),
    "half a JSON character": ('{"kind": "\\ud800"}', "1:10 KN004", "half of a surrogate pair"),
    "JSON too deep": ('{"kind": ' + "[" * 200 + "]" * 200 + "}", "1:137 KN007", "nested deeper than 128 levels"),
    "JSON cut short": ('{"kind": "Virtual', "1:10 KN001", "Unterminated string"),
    "JSON without a colon": ('{"a" 1}', "1:6 KN001", "Expecting ':' delimiter"),
    "JSON after JSON": ('{"kind": "X"} {"kind": "Y"}', "1:15 KN001", "Extra data | put several objects into a List"),
    "a JSON number too long": ('{"kind": 1' + "0" * 5000 + "}", "1:10 KN004", "is too large"),
    "brackets too deep": ("kind: " + "[" * 200 + "]" * 200 + "\n", "1:133 KN007", "nested deeper than 128 levels"),
    "lists too deep": (
        "x: x\na:\n" + "".join(" " * n + "- \n" for n in range(1, 150)),
        "129:128 KN007",
        "nested deeper than 128 levels",
    ),
    "aliases that grow": (
        "kind: VirtualMachine\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{c}: &{c} [" + ",".join(["*" + p] * 10) + "]\n" for p, c in pairwise("abcdefg")),
        "1:1 KN007",
        "over 1,000,000 values",
    ),
    "aliases that nest": (
        "kind: VirtualMachine\na: &a [x]\n"
        + "".join(f"{n}: &n{n} [[[*{f'n{n - 1}' if n else 'a'}]]]\n" for n in range(60)),
        "1:1 KN007",
        "its aliases nest deeper than 128 levels",
    ),
    "a JSON number too large before other text": (
        '{"kind": 1e999.io/v1}',
        "1:10 KN004",
        "the number 1e999.io/v1... is too",
    ),
    "a tag of one's own on a key": ("kind: VirtualMachine\n!x spec: {}\n", "2:1 KN007", "the tag '!x' is not one"),
}


@pytest.mark.parametrize(("text", "where", "says"), CASES.values(), ids=CASES)
def test_a_bad_document_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}".rstrip() == f"<text>:{where}"
    message, _, hint = says.partition(" | ")
    assert message in problem.message
    assert hint in problem.hint if hint else not problem.hint
