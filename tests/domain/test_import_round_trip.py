"""Import, render and diff: nothing that the guest sees changes without being told."""

from __future__ import annotations

import json

import pytest
import recorded
from hypothesis import HealthCheck, assume, given, settings

import kvnet
from kvnet import Noticed
from kvnet.device import Device, Hostdev
from kvnet.domain.read import about, domain_element, effective
from kvnet.target import Profile
from kvnet.testing import domains
from kvnet.xml.parser import parse

WHOLE = (
    "<domain type='kvm'><name>vm</name><memory unit='GiB'>2</memory><vcpu>4</vcpu>"
    "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{}</devices></domain>"
)


def as_run(xml: str) -> tuple[Device, ...]:
    """The devices of a domain as libvirt would run them."""
    return effective(kvnet.read_domain(xml, lossless=True), about(domain_element(parse(xml), "test")))


def rendered(imported: kvnet.Imported, profile: Profile) -> kvnet.Rendered:
    """The machine as it is rendered from the texts that the command writes."""
    manifest = kvnet.loads_all(kvnet.dump(kvnet.Manifest(objects=(imported.machine, *imported.nads))))
    facts = kvnet.loads_facts(kvnet.dump(kvnet.facts_of([imported])))
    (machine,) = manifest.machines
    return kvnet.render(machine, manifest.target(profile=profile, facts=facts))


def untold(xml: str, profile: Profile) -> list[str]:
    """What the guest of the rendered domain sees otherwise, or why there is none, and the import does not tell."""
    imported = kvnet.import_domain(xml, profile=profile)
    told = "\n".join(problem.message for problem in imported.assumptions)
    made = rendered(imported, profile)
    if made.problems:
        return [str(problem) for problem in made.problems if problem.is_error and problem.message not in told]
    changes = kvnet.diff(as_run(xml), as_run(made.document or ""))
    return [str(change) for change in changes if change.noticed is Noticed.GUEST and not is_told(change, told)]


def is_told(change: kvnet.Change, told: str) -> bool:
    """Whether a change is told: by its path inside the device and its values, or as a device that is left out."""
    if change.at.parts[0] == "hostdev" and all(isinstance(part, int) for part in change.at.parts[1:]):
        return change.after is None and "is left out" in told
    return str(change).partition(".")[2] in told


def test_of_any_domain_the_guest_sees_no_change_that_is_not_told() -> None:
    of_any_domain(100)


@pytest.mark.slow
def test_of_five_hundred_domains_the_guest_sees_no_change_that_is_not_told() -> None:
    of_any_domain(500)


def of_any_domain(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(domains())
    def nothing_is_untold(xml: str) -> None:
        assume(not has_twins(xml))
        assert {profile: untold(xml, profile) for profile in Profile} == {profile: [] for profile in Profile}

    nothing_is_untold()


def has_twins(xml: str) -> bool:
    """Whether two devices are one device of the host, which no domain can start with."""
    sources = [each.source for each in kvnet.read_domain(xml) if isinstance(each, Hostdev)]
    return any(source in sources[:n] for n, source in enumerate(sources))


@pytest.mark.parametrize("profile", Profile)
def test_of_every_device_of_the_corpus_the_guest_sees_no_change_that_is_not_told(profile: Profile) -> None:
    cases = [json.loads(line) for line in recorded.lines(recorded.recordings(recorded.CORPUS)[-1])]
    found = {case["id"]: untold(WHOLE.format(case["xml"]), profile) for case in cases}
    assert {name: changes for name, changes in found.items() if changes} == {}
