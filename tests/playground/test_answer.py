from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from playground.folder import EXAMPLES, SOURCES, source
from test_without_lxml import BLOCKED

import kvnet

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(".facts.yaml"))
SPEC = "{domain: {devices: {interfaces: [{name: a, %s}]}}, networks: [{name: a, pod: {}}]}"


def answer(manifest: str, facts: str = "", profile: str = "kubevirt") -> Any:
    return json.loads(source("answer").answer(manifest, facts, profile))


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")


def codes(answered: Any, severity: str = "error") -> list[str]:
    return [each["code"] for each in answered["problems"] if each["severity"] == severity]


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_what_render_gives(name: str, profile: str) -> None:
    facts = EXAMPLES / f"{name}.facts.yaml"
    manifest = kvnet.load_all(EXAMPLES / f"{name}.yaml")
    known = kvnet.load_facts(facts) if facts.exists() else None
    rendered = kvnet.render(manifest.machines[0], manifest.target(profile=profile, facts=known))
    answered = answer(example(name), facts.read_text(encoding="utf-8") if facts.exists() else "", profile)
    assert answered["machines"] == [{"name": rendered.name, "xml": rendered.document}]
    assert rendered.document
    assert sorted(each["code"] for each in answered["problems"]) == sorted(each.code for each in rendered.notes)
    assert answered["picture"]["svg"].startswith("<svg")
    assert answered["picture"]["summary"].startswith(f"VirtualMachine {name}")


def test_a_problem_has_the_columns_of_what_it_is_about() -> None:
    manifest = "# 😀\n" + SPEC % "model: virtoi, masquerade: {}"
    answered = answer(manifest)
    (problem,) = (each for each in answered["problems"] if each["severity"] == "error")
    assert answered["machines"] == [{"name": "default_vm", "xml": None}]
    assert problem["line"] == 2
    assert manifest.split("\n")[1][problem["from"] : problem["to"]] == "virtoi"


def test_columns_count_as_javascript_counts_characters() -> None:
    manifest = SPEC.replace("domain", "'😀': 1, domain") % "model: virtoi"
    (problem,) = (each for each in answer(manifest)["problems"] if "virtoi" in each["message"])
    utf16 = manifest.encode("utf-16-le")
    assert utf16[2 * problem["from"] : 2 * problem["to"]].decode("utf-16-le") == "virtoi"


def test_a_machine_with_flaws_is_judged_as_far_as_it_can_be_read() -> None:
    answered = answer(SPEC % "bridge: {}, model: [], macAddress: '01:00:00:00:00:01'")
    assert answered["machines"] == []
    assert answered["picture"] is None
    assert codes(answered) == ["KN004", "KN410"]


def test_flawed_facts_are_told_in_their_own_text_and_nothing_is_rendered() -> None:
    answered = answer(example("pod"), "pciAddreses: {}")
    assert answered["machines"] == []
    assert [(each["file"], each["line"]) for each in answered["problems"]] == [("facts", 1)]


@pytest.mark.parametrize("facts", ["", "  \n", "# none yet\n"])
def test_facts_without_content_are_no_facts(facts: str) -> None:
    assert answer(example("pod"), facts) == answer(example("pod"))


def test_a_comment_suppresses_a_problem() -> None:
    manifest = SPEC % "bridge: {}"
    assert "KN906" in codes(answer(manifest), "warning")
    assert "KN906" not in codes(answer(f"{manifest}  # kvnet: ignore[KN906] on purpose"), "warning")


def test_two_machines_with_one_mac_address_are_told() -> None:
    manifest = example("bridge").replace("bridge: {}", "bridge: {}\n              macAddress: '02:00:00:00:00:01'")
    answered = answer(manifest + "\n---\n" + manifest.replace("name: bridge\n", "name: other\n"))
    assert [each["name"] for each in answered["machines"]] == ["default_bridge", "default_other"]
    assert "KN710" in [each["code"] for each in answered["problems"]]


@pytest.mark.parametrize("manifest", ["", "# nothing\n", "kind: Secret\n"])
def test_a_text_without_a_machine_has_nothing_to_show(manifest: str) -> None:
    assert answer(manifest) == {"machines": [], "picture": None, "problems": []}


def test_answers_need_neither_lxml_nor_the_c_part_of_pyyaml() -> None:
    asked = "from answer import answer\nprint(answer(sys.stdin.read(), '', 'host'))"
    program = f"{BLOCKED}\nsys.path.append({str(SOURCES)!r})\n{asked}"
    result = subprocess.run(
        [sys.executable, "-c", program], input=example("pod"), capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == answer(example("pod"), profile="host")
