"""KubeVirt objects whose configuration is none."""

from __future__ import annotations

import pytest

from kvnet import Rejected
from kvnet.manifest import load_cluster

CONFIGURATION = "kind: KubeVirt\nspec:\n  configuration:\n    "
PLUGINS = CONFIGURATION + "network: {binding: %s}\n"
GATES = CONFIGURATION + "developerConfiguration: {featureGates: %s}\n"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (GATES % "Passt", "4:44 KN004 spec.configuration.developerConfiguration.featureGates", "is not a list"),
        (GATES % "[A, 1]", "4:48 KN004 spec.configuration.developerConfiguration.featureGates[1]", "1 is not text"),
        (GATES % "[[A]]", "4:45 KN004 spec.configuration.developerConfiguration.featureGates[0]", "is not text"),
        (PLUGINS % "[]", "4:24 KN004 spec.configuration.network.binding", "[] is not a mapping"),
        (PLUGINS % "{a: 5}", "4:28 KN004 spec.configuration.network.binding.a", "5 is not a mapping"),
        (
            PLUGINS % "{a: {domainAttachmentType: on}}",
            "4:51 KN004 spec.configuration.network.binding.a.domainAttachmentType",
            "True is not text",
        ),
        (
            PLUGINS % "{a: {migration: on}}",
            "4:40 KN004 spec.configuration.network.binding.a.migration",
            "not a mapping",
        ),
        (
            PLUGINS % "{a: {migration: {method: 5}}}",
            "4:49 KN004 spec.configuration.network.binding.a.migration.method",
            "5 is not text",
        ),
        (CONFIGURATION + "cpuModel: 5\n", "4:15 KN004 spec.configuration.cpuModel", "5 is not text"),
    ],
)
def test_a_bad_cluster_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        load_cluster(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}" == f"<text>:{where}"
    assert says in problem.message


def test_a_stream_without_a_kubevirt_object_is_refused() -> None:
    with pytest.raises(Rejected, match="KN009"):
        load_cluster("kind: Secret\n")
