from __future__ import annotations

import pytest

from kvnet import Rejected, load

HEAD = "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nspec:\n  domain:\n    devices:\n      interfaces:\n"


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        (HEAD + "      - name: a\n        macaddress: x\n", "KN003", 8, "spec.domain.devices.interfaces[0].macaddress"),
        # kvnet's own names for what it folds are no fields of KubeVirt's
        (HEAD + "      - name: a\n        bindings: {}\n", "KN003", 8, "spec.domain.devices.interfaces[0].bindings"),
        (HEAD + "      - name: a\n  networks:\n  - {name: a, sources: {}}\n", "KN003", 9, "spec.networks[0].sources"),
        (HEAD + "      - name: on\n", "KN004", 7, "spec.domain.devices.interfaces[0].name"),
        (HEAD + "      - name: a\n        name: b\n", "KN002", 8, "spec.domain.devices.interfaces[0].name"),
        (HEAD + "      - bridge: {}\n", "KN005", 7, "spec.domain.devices.interfaces[0].name"),
        (HEAD + "      - name: a\n        bootOrder: -1\n", "KN006", 8, "spec.domain.devices.interfaces[0].bootOrder"),
        ("kind: virtualmachine\nspec: {}\n", "KN012", 1, "kind"),
        ("a: [\n", "KN001", 2, ""),
        ("kind: NetworkAttachmentDefinition\nmetadata: {name: a}\nspec:\n  config: '{'\n", "KN008", 4, "spec.config"),
    ],
)
def test_a_bad_document_is_refused_at_its_place(text: str, code: str, line: int, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        load(text)
    problem = caught.value.problems[0]
    assert (problem.code, problem.place and problem.place.line, problem.field) == (code, line, field)


@pytest.mark.parametrize("text", ["52:54:00:12:34:56", "0000:05:00.1", "22:22"])
def test_base_60_numbers_stay_text(text: str) -> None:
    machine = load(HEAD + f"      - name: a\n        macAddress: {text}\n")
    assert machine.interfaces[0].mac_address == text
