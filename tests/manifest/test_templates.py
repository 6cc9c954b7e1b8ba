"""Templates of Helm, Jinja and envsubst that nobody has rendered."""

from __future__ import annotations

import pytest

from kvnet import Rejected, loads_all, loads_facts

HEAD = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\n"
BODY = "spec: {template: {spec: {domain: {devices: {}}}}}\n"
TEMPLATES = {
    "a value": ("metadata: {name: {{ .Release.Name }}}\n" + BODY, "3:18"),
    "a value of its own line": ("metadata:\n  name: {{ .Release.Name }}\n" + BODY, "4:9"),
    "a part of a value": ("metadata:\n  name: {{ .Release.Name }}-vm\n" + BODY, "4:9"),
    "a value in quotes": ('metadata:\n  name: "{{ .Release.Name }}-vm"\n' + BODY, "4:9"),
    "a condition": ("{{- if .Values.on }}\n" + BODY + "{{- end }}\n", "3:1"),
    "a comment": ("{{- /* a comment\n of two lines */ -}}\n" + BODY, "3:1"),
    "an include": ("metadata:\n  labels:\n    {{- include `x` . | nindent 4 }}\n" + BODY, "5:5"),
    "a key": ("metadata:\n  labels:\n    {{ .key }}: x\n" + BODY, "5:5"),
    "a loop of Jinja": ("metadata:\n{% for x in y %}\n  name: x\n{% endfor %}\n" + BODY, "4:1"),
    "after a YAML comment with braces": ("# {{ x }}\nmetadata: {name: {{ y }}}\n" + BODY, "4:18"),
    "a value over two lines": ("metadata: {name: {{ include `x`\n  . }}}\n" + BODY, "3:18"),
    "a condition over two lines": ("{{- if and .a\n  .b }}\n" + BODY + "{{- end }}\n", "3:1"),
    "a list of Jinja over two lines": ("{% set x = {'a': 1,\n 'b': 2} %}\n" + BODY, "3:1"),
    "braces in an action": ('metadata:\n  name: {{ printf "{%s}" .x }}\n' + BODY, "4:9"),
    "a mapping in an action": ("metadata:\n  name: {{ {'a': 1} | to_json }}\n" + BODY, "4:9"),
    "a label": ('metadata: {labels: {a: "{{ x }}"}}\n' + BODY, "3:24"),
    "a machine for each name": ("metadata: {name: a}\n---\n{{ range .x }}\n" + HEAD + BODY + "{{ end }}\n", "5:1"),
}


@pytest.mark.parametrize(("text", "place"), TEMPLATES.values(), ids=TEMPLATES)
def test_an_unrendered_template_is_told_at_its_first_brace_and_nothing_else(text: str, place: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(HEAD + text)
    told = [(each.code, str(each.place)) for each in caught.value.problems]
    assert told[-1:] == [("KN015", f"<text>:{place}")]
    assert {code for code, _ in told} <= {"KN015", "KN005"}
    assert "render it first" in caught.value.problems[-1].hint


@pytest.mark.parametrize(
    ("head", "place"),
    [
        ('apiVersion: kubevirt.io/v1\nkind: "{{ .kind }}"\n', "2:7"),
        ('apiVersion: "{{ .api }}"\nkind: VirtualMachine\n', "1:13"),
        ('apiVersion: "{{ .api }}"\nkind: "{{ .kind }}"\n', "1:13"),
    ],
)
def test_a_template_that_may_become_a_machine_is_told(head: str, place: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(head + BODY)
    assert [(each.code, str(each.place)) for each in caught.value.problems] == [("KN015", f"<text>:{place}")]


VARIABLES = {
    "a value": ("metadata: {name: ${NAME}}\n" + BODY, "3:18"),
    "a value of its own line": ("metadata:\n  name: ${NAME}\n" + BODY, "4:9"),
    "a part of a value in quotes": ('metadata:\n  name: "vm-${NAME}"\n' + BODY, "4:9"),
    "a default": ("metadata:\n  name: ${NAME:-web}\n" + BODY, "4:9"),
    "one of a workflow": ("metadata:\n  name: ${{ inputs.name }}\n" + BODY, "4:9"),
    "a number": ("spec: {template: {spec: {domain: {cpu: {cores: '${CORES}'}, devices: {}}}}}\n", "3:48"),
}


@pytest.mark.parametrize(("text", "place"), VARIABLES.values(), ids=VARIABLES)
def test_a_variable_that_nobody_has_filled_in_is_told_and_nothing_else(text: str, place: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(HEAD + text)
    assert [(each.code, str(each.place)) for each in caught.value.problems] == [("KN015", f"<text>:{place}")]
    assert "`envsubst`" in caught.value.problems[0].hint


def test_a_parameter_of_a_template_of_openshift_is_no_variable() -> None:
    machine = "{kind: VirtualMachine, metadata: {name: '${NAME}'}, spec: {template: {spec: {domain: {devices: {}}}}}}"
    template = (
        f"apiVersion: template.openshift.io/v1\nkind: Template\nparameters: [{{name: NAME}}]\nobjects: [{machine}]\n"
    )
    assert [each.name for each in loads_all(template).machines] == ["${NAME}"]


DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\n{{- if .x }}\nspec: {a: {{ .x }}}\n{{- end }}\n"
FOREIGN = {
    "a template": DEPLOYMENT,
    "a template in a condition": "{{- if .x }}\n" + DEPLOYMENT + "{{- end }}\n",
    "a condition around documents": "{{- if .x }}\n---\n" + DEPLOYMENT + "---\n{{- end }}\n",
    "a template with Windows line ends": DEPLOYMENT.replace("\n", "\r\n"),
    "a template of another group of KubeVirt's": DEPLOYMENT.replace("apps/v1", "cdi.kubevirt.io/v1beta1"),
    "a template of a kind of another group": DEPLOYMENT.replace("Deployment", "VirtualMachine"),
    "a template that speaks of machines": DEPLOYMENT + "source: {kind: VirtualMachine}\n",
    "tabs": "kind: ConfigMap\napiVersion: v1\ndata:\n\ta: b\n",
    "no YAML at all": "kind: ConfigMap\na: b: c\n",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_a_document_of_others_that_yaml_cannot_read_is_skipped_and_the_others_are_read(text: str) -> None:
    manifest = loads_all(f"{HEAD}metadata: {{name: a}}\n{BODY}---\n{text}---\n{HEAD}metadata: {{name: b}}\n{BODY}")
    assert [each.name for each in manifest.machines] == ["a", "b"]
    assert len(manifest.skipped) == 1


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_what_follows_a_document_of_others_has_its_place(text: str) -> None:
    stream = f"{text}---\n{HEAD}spec: {{template: {{spec: {{domain: {{devices: 5}}}}}}}}\n"
    with pytest.raises(Rejected) as caught:
        loads_all(stream)
    [problem] = caught.value.problems
    assert (problem.code, str(problem.place)) == ("KN004", f"<text>:{len(stream.splitlines())}:44")


@pytest.mark.parametrize("broken", ["{name: a: b}", "{name: a}"], ids=["no YAML", "keys given twice"])
def test_a_machine_that_no_line_separates_from_a_document_of_others_is_not_lost(broken: str) -> None:
    with pytest.raises(Rejected, match=r"KN00[12]"):
        loads_all(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {broken}\n{HEAD}{BODY}")


def test_a_template_of_json_is_told_too() -> None:
    with pytest.raises(Rejected) as caught:
        loads_all('{"kind": "VirtualMachine",\n "metadata": {"name": {{ .name }}}}')
    assert [(each.code, str(each.place)) for each in caught.value.problems] == [("KN015", "<text>:2:23")]


OTHERS = {
    "braces for the guest": 'spec: {template: {spec: {domain: {devices: {}}, volumes: [{x: "{{ ds.x }}"}]}}}\n',
    "braces in an annotation": 'metadata: {annotations: {a: "{{ x }}"}}\n' + BODY,
    "braces in a comment": "# {{ x }}\n" + BODY,
    "variables for the guest": 'spec: {template: {spec: {domain: {devices: {}}, volumes: [{x: "${HOME}"}]}}}\n',
    "variables of a shell in a probe": (
        "spec: {template: {spec: {domain: {devices: {}}, readinessProbe: {exec: {command: [sh, -c, 'echo ${A}']}}}}}\n"
    ),
    "a variable in a comment": "# ${x}\n" + BODY,
    "dollars and braces apart": "metadata: {labels: {a: '$x {y} ${1} ${}'}}\n" + BODY,
    "flow mappings": "spec: {template: {spec: {domain: {devices: {}}}}}\n",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_braces_that_nothing_is_to_fill_in_are_no_template(text: str) -> None:
    assert len(loads_all(HEAD + text).machines) == 1


def test_a_mistake_elsewhere_is_told_although_the_text_has_braces_for_the_guest() -> None:
    data = "spec:\n  template:\n    x: |\n      {{ ds.x }}\n    y: a: b\n"
    with pytest.raises(Rejected) as caught:
        loads_all(HEAD + data)
    assert [each.code for each in caught.value.problems] == ["KN001"]


@pytest.mark.parametrize(
    "piece", ["{{", "{% ", "{# ", "{{/*", "{{ x }}", "{{x}}\n", "# {{x}}\n", "${", "${X}", "${{", "${X:-"]
)
def test_very_many_braces_end_soon(piece: str) -> None:
    with pytest.raises(Rejected, match=r"KN0(01|04|05|07|15)"):
        loads_all(HEAD + "a: " + piece * 50_000)


def test_facts_are_no_templates() -> None:
    assert loads_facts("libvirtNetworks: ['{{ x }}']").libvirt_networks is not None
