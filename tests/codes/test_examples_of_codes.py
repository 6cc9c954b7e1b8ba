"""The bad example of each page is told with its code and severity, and the good one is told nothing that is wrong."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from codes.example import Example, told

from kvnet.codes import Explanation, explanations
from kvnet.errors import Severity

PAGES = explanations()
ALSO_TOLD: dict[str, set[str]] = {
    # a bridge that is forbidden would keep the machine from migrating, too
    "KN114": {"KN906"},
    # a gate that KubeVirt has removed is told beside its binding
    "KN154": {"KN151"},
    # so many queues need as many interrupts
    "KN320": {"KN920"},
    # a NIC is removed together with its network
    "KN811": {"KN813"},
    "KN813": {"KN811"},
    # check warns of the same for any pod
    "KN844": {"KN910"},
    # a bridge on the pod network has the pod's address, and cannot migrate either
    "KN927": {"KN906"},
    # KubeVirt's stock default is a bridge on the pod network
    "KN930": {"KN906"},
}
"""Errors and warnings that a bad example gets besides its own."""

NOT_RUN = {
    "KN613": "every import says that disks and consoles are left out",
    "KN701": "a bug that is known is mended",
    "KN702": "a worker would have to be killed",
    "KN703": "8 MiB are too long for a page",
    "KN872": "a running guest of QEMU is needed",
    "KN873": "a running guest of QEMU is needed",
    "KN874": "libvirt's daemon would have to end",
    "KN875": "a libvirt with QEMU is needed",
    **{f"KN88{n}": "a pod is made by root, with CNI plugins" for n in range(7)},
    **dict.fromkeys(("KN887", "KN888", "KN889"), "a machine is brought up by root, with CNI plugins"),
}
"""The pages with an example that is not run, and why."""


def is_run(section: str) -> bool:
    return not Example.parse(section).not_run


def output(section: str, folder: Path) -> str:
    """What an example prints; without libvirt, one that needs it is skipped."""
    if "test:///" in section and importlib.util.find_spec("libvirt") is None:
        pytest.fail("missing here: libvirt-python") if os.environ.get("CI") else pytest.skip("libvirt-python")
    return Example.parse(section).run(folder)


@pytest.mark.parametrize("page", [each for each in PAGES if is_run(each.bad)], ids=lambda page: page.code)
def test_a_bad_example_is_told_with_its_code_and_little_else(page: Explanation, tmp_path: Path) -> None:
    found = told(output(page.bad, tmp_path))
    assert (page.severity, page.code) in found
    others = {code for severity, code in found if severity is not Severity.NOTE and code != page.code}
    assert others == ALSO_TOLD.get(page.code, set())


@pytest.mark.parametrize("page", [each for each in PAGES if is_run(each.good)], ids=lambda page: page.code)
def test_a_good_example_has_no_error_no_warning_and_not_the_code(page: Explanation, tmp_path: Path) -> None:
    found = told(output(page.good, tmp_path))
    assert [code for severity, code in found if severity is not Severity.NOTE or code == page.code] == []


def test_few_examples_are_not_run_and_each_says_why() -> None:
    reasons = {
        page.code: reason
        for page in PAGES
        for section in (page.bad, page.good)
        if (reason := Example.parse(section).not_run)
    }
    assert reasons == NOT_RUN


@pytest.mark.parametrize(
    "section", ["```yaml\nkind: VirtualMachineInstance\n```", "```sh\nkvnet check nothing.yaml\n```"]
)
def test_an_example_that_ends_otherwise_is_seen(section: str, tmp_path: Path) -> None:
    assert {severity for severity, _ in told(Example.parse(section).run(tmp_path))} == {Severity.ERROR}
