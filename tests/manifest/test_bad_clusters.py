"""KubeVirt objects whose configuration is none."""

from __future__ import annotations

import pytest

from kvnet import Rejected
from kvnet.manifest import loads_cluster

CONFIGURATION = "kind: KubeVirt\nspec:\n  configuration:\n    "
PLUGINS = CONFIGURATION + "network: {binding: %s}\n"
GATES = CONFIGURATION + "developerConfiguration: {featureGates: %s}\n"
GATES_AT = "spec.configuration.developerConfiguration.featureGates"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (
            GATES % "Passt",
            f"4:44 KN004 {GATES_AT}",
            '"Passt" is text, not a list',
        ),
        (
            GATES % "[A, 1]",
            f"4:48 KN004 {GATES_AT}[1]",
            "1 is a number, not text",
        ),
        (
            GATES % "[[A]]",
            f"4:45 KN004 {GATES_AT}[0]",
            '["A"] is a list, not text',
        ),
        (PLUGINS % "[]", "4:24 KN004 spec.configuration.network.binding", "[] is a list, not a mapping"),
        (PLUGINS % "{a: 5}", "4:28 KN004 spec.configuration.network.binding.a", "5 is a number, not a mapping"),
        (
            PLUGINS % "{a: {domainAttachmentType: on}}",
            "4:51 KN004 spec.configuration.network.binding.a.domainAttachmentType",
            "on is a boolean, not text",
        ),
        (
            PLUGINS % "{a: {migration: on}}",
            "4:40 KN004 spec.configuration.network.binding.a.migration",
            "not a mapping",
        ),
        (
            PLUGINS % "{a: {migration: {method: 5}}}",
            "4:49 KN004 spec.configuration.network.binding.a.migration.method",
            "5 is a number, not text",
        ),
        (CONFIGURATION + "cpuRequest: many\n", "4:17 KN004 spec.configuration.cpuRequest", "'many' is not a quantity"),
        (CONFIGURATION + "cpuModel: 5\n", "4:15 KN004 spec.configuration.cpuModel", "5 is a number, not text"),
    ],
)
def test_a_bad_cluster_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_cluster(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}" == f"<text>:{where}"
    assert says in problem.message


def test_a_stream_without_a_kubevirt_object_is_refused() -> None:
    with pytest.raises(Rejected, match=r"KN009\b"):
        loads_cluster("kind: Secret\n")
