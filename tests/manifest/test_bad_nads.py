"""NetworkAttachmentDefinitions that are none."""

from __future__ import annotations

import pytest

from kvnet import Rejected, loads_all

NAD = "kind: NetworkAttachmentDefinition\nmetadata: {name: a}\n"

CASES = {
    "a CNI configuration cut short": (
        NAD + "spec:\n  config: '{'\n",
        "4:12 KN008 spec.config",
        "is not JSON: Expecting property name | write JSON such as",
    ),
    "a CNI configuration without quotes": (
        NAD + "spec: {config: {type: bridge}}\n",
        "3:16 KN008 spec.config",
        "a mapping, not a CNI configuration | put the JSON into quotes",
    ),
    "an empty list for a CNI configuration": (
        NAD + "spec: {config: '[]'}\n",
        "3:17 KN008 spec.config",
        "is neither a plugin nor a list of plugins | write JSON such as",
    ),
    "a CNI plugin without a type": (
        NAD + "spec: {config: '{}'}\n",
        "3:17 KN008 spec.config",
        "has a plugin without a `type` | write JSON such as",
    ),
    "a CNI configuration without plugins": (
        NAD + "spec: {config: '{\"plugins\": []}'}\n",
        "3:17 KN008 spec.config",
        "is neither a plugin nor a list of plugins | write JSON such as",
    ),
    "a CNI key twice": (
        NAD + 'spec: {config: \'{"type": "a", "type": "b"}\'}\n',
        "3:31 KN008 spec.config",
        "'type' is given twice",
    ),
    "a misspelled config": (
        NAD + "spec: {conf: x}\n",
        "3:8 KN003 spec.conf",
        "no field 'conf' | did you mean 'config'?",
    ),
    "a list for a NAD's spec": (NAD + "spec: []\n", "3:7 KN004 spec", "[] is a list, not a mapping"),
    "a NAD without a name": (
        'kind: NetworkAttachmentDefinition\nspec: {config: \'{"type": "a"}\'}\n',
        "1:1 KN005 metadata.name",
        "the field 'name' is missing",
    ),
    "a CNI configuration with two commas": (
        NAD + 'spec:\n  config: |\n    {\n      "type": "x",\n      ,\n    }\n',
        "7:7 KN008 spec.config",
        "is not JSON:  | write JSON such as",
    ),
    "a number for a CNI configuration": (
        NAD + "spec: {config: 5}\n",
        "3:16 KN008 spec.config",
        "5 is a number, not a CNI configuration | put the JSON into quotes",
    ),
    "a CNI value that is no number": (
        NAD + "spec: {config: '{\"type\": NaN}'}\n",
        "3:26 KN008 spec.config",
        "NaN is not JSON",
    ),
    "a CNI plugin whose type is a number": (
        NAD + "spec: {config: '{\"type\": 5}'}\n",
        "3:17 KN008 spec.config",
        "has a plugin without a `type` | write JSON such as",
    ),
}


@pytest.mark.parametrize(("text", "where", "says"), CASES.values(), ids=CASES)
def test_a_bad_network_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}".rstrip() == f"<text>:{where}"
    message, _, hint = says.partition(" | ")
    assert message in problem.message
    assert hint in problem.hint if hint else not problem.hint
