"""Fields of machines that KubeVirt does not have, or that hold what they cannot."""

from __future__ import annotations

import pytest

from kvnet import Rejected, loads_all

VMI = "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\n"
VM = "kind: VirtualMachine\n"
NICS = VMI + "spec:\n  domain:\n    devices:\n      interfaces:\n"
NIC = NICS + "      - name: a\n"
NIC0 = "spec.domain.devices.interfaces[0]"
NETWORKS = VMI + "spec:\n  domain: {devices: {}}\n  networks:\n"
DOMAIN = VMI + "spec:\n  domain:\n"

CASES = {
    "a field in small letters": (
        NIC + "        macaddress: x\n",
        f"8:9 KN003 {NIC0}.macaddress",
        "no field 'macaddress' | did you mean 'macAddress'?",
    ),
    "a misspelled binding": (
        NIC + "        slirpy: {}\n",
        f"8:9 KN003 {NIC0}.slirpy",
        "no field 'slirpy' | did you mean 'slirp'?",
    ),
    "the first word of a field": (
        NIC + "        mac: x\n",
        f"8:9 KN003 {NIC0}.mac",
        "no field 'mac' | did you mean 'macAddress'?",
    ),
    "kvnet's name of the bindings": (
        NIC + "        bindings: {}\n",
        f"8:9 KN003 {NIC0}.bindings",
        "no field 'bindings' | did you mean 'binding'?",
    ),
    "kvnet's name of the sources": (
        NETWORKS + "  - {name: a, sources: {}}\n",
        "6:15 KN003 spec.networks[0].sources",
        "no field 'sources' | did you mean",
    ),
    "a CIDR in small letters": (
        NETWORKS + "  - {name: a, pod: {vmNetworkCidr: x}}\n",
        "6:21 KN003 spec.networks[0].pod.vmNetworkCidr",
        "no field 'vmNetworkCidr' | did you mean 'vmNetworkCIDR'?",
    ),
    "a misspelled field of a port": (
        NIC + "        ports: [{port: 1, name: a, proto: TCP}]\n",
        f"8:36 KN003 {NIC0}.ports[0].proto",
        "no field 'proto' | did you mean 'protocol'?",
    ),
    "a misspelled DHCP option": (
        NIC + "        dhcpOptions: {bootFile: x}\n",
        f"8:23 KN003 {NIC0}.dhcpOptions.bootFile",
        "no field 'bootFile' | did you mean 'bootFileName'?",
    ),
    "kvnet's inner key of the bindings": (
        NIC + "        ({bindings}): x\n",
        f"8:9 KN003 {NIC0}.({{bindings}})",
        "no field '({bindings})' | did you mean 'binding'?",
    ),
    "a field of a binding that has none": (
        NIC + "        sriov: {x: 1}\n",
        f"8:17 KN003 {NIC0}.sriov.x",
        "no field 'x' | write {}",
    ),
    "a field like no other": (NIC + "        q: 1\n", f"8:9 KN003 {NIC0}.q", "no field 'q' | the fields are name, "),
    "a boolean for a name": (
        NICS + "      - name: on\n",
        f"7:15 KN004 {NIC0}.name",
        'on is a boolean, not text | quote it: "on"',
    ),
    "a number for a name": (
        NICS + "      - name: 12\n",
        f"7:15 KN004 {NIC0}.name",
        '12 is a number, not text | quote it: "12"',
    ),
    "a fraction for a name": (
        NICS + "      - name: 1.5\n",
        f"7:15 KN004 {NIC0}.name",
        '1.5 is a number, not text | quote it: "1.5"',
    ),
    "a list for a name": (NICS + "      - name: [a]\n", f"7:15 KN004 {NIC0}.name", '["a"] is a list, not text'),
    "a mapping for a name": (
        NICS + "      - name: {a: 1}\n",
        f"7:15 KN004 {NIC0}.name",
        '{"a": 1} is a mapping, not text',
    ),
    "a number in quotes": (
        NIC + "        bootOrder: '1'\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        '"1" is text, not a whole number | drop the quotes: 1',
    ),
    "text for a number": (
        NIC + "        bootOrder: x\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        '"x" is text, not a whole number',
    ),
    "a fraction for a whole number": (
        NIC + "        bootOrder: 1.0\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "1.0 is a number, not a whole number",
    ),
    "a boolean for a number": (
        NIC + "        bootOrder: true\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "true is a boolean, not a whole number",
    ),
    "a list for a binding": (NIC + "        bridge: []\n", f"8:17 KN004 {NIC0}.bridge", "[] is a list, not a mapping"),
    "text for a binding": (
        NIC + "        bridge: x\n",
        f"8:17 KN004 {NIC0}.bridge",
        '"x" is text, not a mapping | write `bridge: {}`',
    ),
    "a mapping for a list": (NIC + "        ports: {}\n", f"8:16 KN004 {NIC0}.ports", "{} is a mapping, not a list"),
    "a number for a port": (
        NIC + "        ports: [80]\n",
        f"8:17 KN004 {NIC0}.ports[0]",
        "80 is a number, not a mapping",
    ),
    "text for an interface": (NICS + "      - a\n", f"7:9 KN004 {NIC0}", '"a" is text, not a mapping'),
    "an empty entry": (
        NICS + "      -\n",
        f"7:8 KN004 {NIC0}",
        "an entry is empty, not a mapping | remove it, or fill it in",
    ),
    "a list for the devices": (
        DOMAIN + "    devices: []\n",
        "5:14 KN004 spec.domain.devices",
        "[] is a list, not a mapping",
    ),
    "a boolean in quotes": (
        DOMAIN + "    devices: {networkInterfaceMultiqueue: 'true'}\n",
        "5:43 KN004 spec.domain.devices.networkInterfaceMultiqueue",
        '"true" is text, not true or false | drop the quotes: true',
    ),
    "a number for a boolean": (
        DOMAIN + "    devices: {networkInterfaceMultiqueue: 1}\n",
        "5:43 KN004 spec.domain.devices.networkInterfaceMultiqueue",
        "1 is a number, not true or false",
    ),
    "a list for the spec": (VMI + "spec: []\n", "3:7 KN004 spec", "[] is a list, not a mapping"),
    "text for the spec": (VMI + "spec: text\n", "3:7 KN004 spec", '"text" is text, not a mapping'),
    "text for a network source": (
        NETWORKS + "  - {name: a, pod: x}\n",
        "6:20 KN004 spec.networks[0].pod",
        '"x" is text, not a mapping | write `pod: {}`',
    ),
    "text for the networks": (
        VMI + "spec: {networks: x, domain: {devices: {}}}\n",
        "3:18 KN004 spec.networks",
        '"x" is text, not a list',
    ),
    "a list for a quantity": (
        DOMAIN + "    memory: {guest: [1]}\n    devices: {}\n",
        "5:21 KN004 spec.domain.memory.guest",
        "[1] is a list, not a whole number, or text such as 500m or 1Gi",
    ),
    "a quantity of too many digits": (
        DOMAIN + f"    memory: {{guest: '{'9' * 5000}'}}\n    devices: {{}}\n",
        "5:21 KN004 spec.domain.memory.guest",
        "a quantity of 5000 characters is longer than 64",
    ),
    "a quantity beyond all measure": (
        DOMAIN + "    resources: {requests: {memory: '1e31'}}\n    devices: {}\n",
        "5:36 KN004 spec.domain.resources.requests.memory",
        "'1e31' is too large",
    ),
    "a word for a quantity": (
        DOMAIN + "    memory: {guest: lots}\n    devices: {}\n",
        "5:21 KN004 spec.domain.memory.guest",
        "'lots' is not a quantity",
    ),
    "memory that is given as a value": (
        DOMAIN + "    memory: 1Gi\n    devices: {}\n",
        "5:13 KN004 spec.domain.memory",
        '"1Gi" is text, not a mapping | write `memory: {guest: 1Gi}`',
    ),
    "an instancetype that is given by its name": (
        "kind: VirtualMachine\nspec: {instancetype: a b, template: {spec: {domain: {devices: {}}}}}\n",
        "2:22 KN004 spec.instancetype",
        '"a b" is text, not a mapping | write `instancetype: {name: "a b"}`',
    ),
    "a binding that is switched on": (
        NIC + "        masquerade: true\n",
        f"8:21 KN004 {NIC0}.masquerade",
        "true is a boolean, not a mapping | write `masquerade: {}`",
    ),
    "a binding that is switched off": (
        NIC + "        masquerade: false\n",
        f"8:21 KN004 {NIC0}.masquerade",
        "false is a boolean, not a mapping | leave it out",
    ),
    "text for the metadata": (
        "kind: VirtualMachineInstance\nmetadata: x\nspec: {domain: {devices: {}}}\n",
        "2:11 KN004 metadata",
        '"x" is text, not a mapping',
    ),
    "a number for the machine's name": (
        "kind: VirtualMachineInstance\nmetadata: {name: 1}\nspec: {domain: {devices: {}}}\n",
        "2:18 KN004 metadata.name",
        '1 is a number, not text | quote it: "1"',
    ),
    "a list for the annotations": (
        "kind: VirtualMachineInstance\nmetadata: {annotations: []}\nspec: {domain: {devices: {}}}\n",
        "2:25 KN004 metadata.annotations",
        "[] is a list, not a mapping",
    ),
    "a namespace that is a boolean": (
        "kind: VirtualMachineInstance\nmetadata: {namespace: no}\nspec: {domain: {devices: {}}}\n",
        "2:23 KN004 metadata.namespace",
        'no is a boolean, not text | quote it: "no"',
    ),
    "one server for a list of them": (
        NIC + "        dhcpOptions: {ntpServers: 1.2.3.4}\n",
        f"8:35 KN004 {NIC0}.dhcpOptions.ntpServers",
        '"1.2.3.4" is text, not a list',
    ),
    "a long value is cut": (
        NICS + "      - name: [" + "a, " * 40 + "]\n",
        f"7:15 KN004 {NIC0}.name",
        '"a", "... is a list, not text',
    ),
    "a state that is a boolean": (
        NIC + "        state: off\n",
        f"8:16 KN004 {NIC0}.state",
        'off is a boolean, not text | quote it: "off"',
    ),
    "a field that YAML takes for true": (
        NIC + "        y: 1\n",
        f"8:9 KN003 {NIC0}.true",
        "no field 'true' | the fields are name, ",
    ),
    "a letter that is a boolean": (
        NICS + "      - name: n\n",
        f"7:15 KN004 {NIC0}.name",
        'n is a boolean, not text | quote it: "n"',
    ),
    "a list for the status": (
        VMI + "spec: {domain: {devices: {}}}\nstatus: []\n",
        "4:9 KN004 status",
        "[] is a list, not a mapping",
    ),
    "an interface without a name": (
        NICS + "      - bridge: {}\n",
        f"7:9 KN005 {NIC0}.name",
        "the field 'name' is missing",
    ),
    "a network without a name": (
        NETWORKS + "  - pod: {}\n",
        "6:5 KN005 spec.networks[0].name",
        "the field 'name' is missing",
    ),
    "a machine without a spec": (VMI, "1:1 KN005 spec", "the field 'spec' is missing"),
    "a machine with an empty spec": (VMI + "spec:\n", "3:6 KN005 spec", "the field 'spec' is missing"),
    "a machine without a template": (VM + "spec: {}\n", "2:7 KN005 spec.template", "the field 'template' is missing"),
    "a template without a spec": (
        VM + "spec: {template: {}}\n",
        "2:18 KN005 spec.template.spec",
        "the field 'spec' is missing",
    ),
    "a port without a number": (
        NIC + "        ports: [{name: x}]\n",
        f"8:17 KN005 {NIC0}.ports[0].port",
        "the field 'port' is missing",
    ),
    "a multus network without its NAD": (
        NETWORKS + "  - {name: a, multus: {}}\n",
        "6:23 KN005 spec.networks[0].multus.networkName",
        "the field 'networkName' is missing",
    ),
    "text for the template": (VM + "spec: {template: x}\n", "2:18 KN004 spec.template", '"x" is text, not a mapping'),
    "a plugin without a name": (
        NIC + "        binding: {}\n",
        f"8:18 KN005 {NIC0}.binding.name",
        "the field 'name' is missing",
    ),
    "below zero": (
        NIC + "        bootOrder: -1\n",
        f"8:20 KN006 {NIC0}.bootOrder",
        "-1 is not between 0 and 4294967295",
    ),
    "beyond 64 bits": (
        NIC + "        bootOrder: 18446744073709551616\n",
        f"8:20 KN006 {NIC0}.bootOrder",
        "18446744073709551616 is not between",
    ),
    "beyond 32 bits": (
        NIC + "        ports: [{port: 2147483648}]\n",
        f"8:24 KN006 {NIC0}.ports[0].port",
        "2147483648 is not between",
    ),
    "an exponent for a whole number": (
        NIC + "        bootOrder: 1e3\n",
        f"8:20 KN004 {NIC0}.bootOrder",
        "1e3 is a number, not a whole number",
    ),
    "a negative number in base 16": (
        DOMAIN + "    cpu: {cores: -0x1}\n    devices: {}\n",
        "5:18 KN006 spec.domain.cpu.cores",
        "-1 is not between 0",
    ),
    "more cores than 31 bits hold": (
        DOMAIN + "    cpu: {cores: 2147483648}\n    devices: {}\n",
        "5:18 KN006 spec.domain.cpu.cores",
        "2147483648 is not between 0 and 2147483647",
    ),
    "a fraction without quotes for a quantity": (
        DOMAIN + "    resources: {requests: {cpu: 0.5}}\n    devices: {}\n",
        "5:33 KN004 spec.domain.resources.requests.cpu",
        '0.5 is a number, not a whole number, or text such as 500m or 1Gi | quote it: "0.5"',
    ),
    "a spec without a domain": (
        VMI + "spec: {networks: []}\n",
        "3:7 KN005 spec.domain",
        "the field 'domain' is missing | write `domain: {devices: {}}`",
    ),
    "null for the domain": (
        VMI + "spec: {domain: null}\n",
        "3:16 KN005 spec.domain",
        "the field 'domain' is missing | write `domain: {devices: {}}`",
    ),
    "a domain without devices": (
        VMI + "spec: {domain: {cpu: {}}}\n",
        "3:16 KN005 spec.domain.devices",
        "the field 'devices' is missing | write `devices: {}`",
    ),
    "a resource claim without a name": (
        VMI + "spec: {domain: {devices: {}}, resourceClaims: [{resourceClaimName: a}]}\n",
        "3:48 KN005 spec.resourceClaims[0].name",
        "the field 'name' is missing",
    ),
    "too many interfaces": (
        NICS + "      - {name: a}\n" * 257,
        "7:7 KN013 spec.domain.devices.interfaces",
        "257 entries are too many | give at most 256 entries",
    ),
    "too many networks": (
        NETWORKS + "  - {name: a, pod: {}}\n" * 257,
        "6:3 KN013 spec.networks",
        "257 entries are too many | give at most 256 entries",
    ),
    "a flaw in JSON": (
        '{"kind": "VirtualMachineInstance", "spec": {"domain": {"devices": {}}, "networks": [{"name": 5}]}}',
        "1:94 KN004 spec.networks[0].name",
        '5 is a number, not text | quote it: "5"',
    ),
    "a bare spec": (
        "domain: {devices: {interfaces: [{name: 5}]}}\n",
        f"1:40 KN004 {NIC0}.name",
        '5 is a number, not text | quote it: "5"',
    ),
    "a network of a bare spec": (
        "networks: [{name: a, podd: {}}]\ndomain: {devices: {}}\n",
        "1:22 KN003 spec.networks[0].podd",
        "no field 'podd' | did you mean 'pod'?",
    ),
    "an item of a list": (
        "kind: List\nitems:\n- kind: VirtualMachineInstance\n  spec: {domain: {devices: {interfaces: [{name: 5}]}}}\n",
        f"4:49 KN004 {NIC0}.name",
        '5 is a number, not text | quote it: "5"',
    ),
    "an item of a typed list": (
        "kind: VirtualMachineInstanceList\nitems:\n- spec: {domain: {devices: {interfaces: [{}]}}}\n",
        f"3:42 KN005 {NIC0}.name",
        "the field 'name' is missing",
    ),
    "a second document": (
        VMI + "spec: {domain: {devices: {}}}\n---\n" + NIC + "        q: 1\n",
        f"12:9 KN003 {NIC0}.q",
        "no field 'q' | the fields are name, ",
    ),
}


@pytest.mark.parametrize(("text", "where", "says"), CASES.values(), ids=CASES)
def test_a_bad_field_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}".rstrip() == f"<text>:{where}"
    message, _, hint = says.partition(" | ")
    assert message in problem.message
    assert hint in problem.hint if hint else not problem.hint
