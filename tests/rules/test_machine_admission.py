"""KubeVirt's verdict on a machine beside its networks and interfaces."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from attrs import evolve
from machines import claim, multus, nic, pod, vmi
from tables import rows

import kvnet
from kvnet import ClusterConfig, Severity

Finding = tuple[str, str, str]
Json = dict[str, Any]

INVALID, DUPLICATE, REQUIRED = "FieldValueInvalid", "FieldValueDuplicate", "FieldValueRequired"
FORBIDDEN, NOT_SUPPORTED = "FieldValueForbidden", "FieldValueNotSupported"
SECURITY = ("KN228", "spec.launchSecurity", INVALID)
STOCK = ClusterConfig()
WITH_TDX = ClusterConfig(feature_gates=frozenset({"WorkloadEncryptionTDX"}))
WITH_CLAIMS = ClusterConfig(feature_gates=frozenset({"NetworkDevicesWithDRA"}))


def of(**members: Any) -> Json:
    """A machine on the pod network, with members of its spec."""
    return vmi([nic(binding="masquerade")], [pod()], spec=members)


def secured(security: Json, efi: Json | None = None, *, domain: Json | None = None, **members: Any) -> Json:
    firmware = {} if efi is None else {"firmware": {"bootloader": {"efi": efi}}}
    inner = {"launchSecurity": security, **firmware, **(domain or {})}
    return vmi([nic(binding="masquerade")], [pod()], domain=inner, spec=members)


UEFI = {"secureBoot": False}
LAUNCH_SECURITY = {
    "SEV and two NICs to boot from": (
        vmi(
            [nic("a", bootOrder=1), nic("b", bootOrder=2)],
            [multus("a"), multus("b")],
            domain={"launchSecurity": {"sev": {}}, "firmware": {"bootloader": {"efi": UEFI}}},
        ),
        [("KN203", "spec.launchSecurity", INVALID)] * 2,
    ),
    "launch security of no kind": (secured({}, UEFI), [("KN228", "spec.launchSecurity", FORBIDDEN)]),
    "two kinds": (secured({"sev": {}, "snp": {}}, UEFI), [("KN228", "spec.launchSecurity", FORBIDDEN)]),
    "TDX without its gate": (secured({"tdx": {}}, UEFI), [SECURITY]),
    "SEV without UEFI": (secured({"sev": {}}), [SECURITY]),
    "SNP with SecureBoot, which is the default": (secured({"snp": {}}, {}), [SECURITY]),
    "SNP with persistent variables": (secured({"snp": {}}, {**UEFI, "persistent": True}), [SECURITY]),
    "attestation of a machine that starts at once": (secured({"sev": {"attestation": {}}}, UEFI), [SECURITY]),
    "launch security on arm64": (
        secured({"sev": {}}, UEFI, architecture="arm64"),
        [("KN228", "spec.architecture", INVALID)],
    ),
    "launch security on an architecture that KubeVirt does not have": (
        secured({"sev": {}}, UEFI, architecture="riscv64"),
        [("KN228", "spec.architecture", INVALID), ("KN226", "spec.architecture", INVALID)],
    ),
}

LABEL, DOMAIN = "a" * 64, ".".join(["a" * 63] * 4)
CONFIG = "dnsConfig"
DNS = {
    "a hostname in capitals": (of(hostname="Web"), [("KN220", "spec.hostname", INVALID)]),
    "a hostname with a dot": (of(hostname="web.a"), [("KN220", "spec.hostname", INVALID)]),
    "a hostname of 64 characters": (of(hostname=LABEL), [("KN220", "spec.hostname", INVALID)]),
    "a subdomain with an underscore": (of(subdomain="a_b"), [("KN220", "spec.subdomain", INVALID)]),
    "a subdomain of 255 characters": (of(subdomain=DOMAIN), [("KN220", "spec.subdomain", INVALID)]),
    "no DNS at all": (of(dnsPolicy="None"), [("KN221", "spec.dnsConfig", REQUIRED)]),
    "no nameserver": (of(dnsPolicy="None", dnsConfig={"searches": ["a"]}), [("KN221", "nameservers", REQUIRED)]),
    "four nameservers": (of(dnsConfig={"nameservers": ["192.0.2.1"] * 4}), [("KN221", "nameservers", INVALID)]),
    "a nameserver by name, and one with a zone": (
        of(dnsConfig={"nameservers": ["dns.example", "fe80::1%eth0"]}),
        [("KN221", "nameservers", INVALID)] * 2,
    ),
    "seven search domains": (of(dnsConfig={"searches": list("abcdefg")}), [("KN221", "searchDomains", INVALID)]),
    "257 characters of search domains": (
        of(dnsConfig={"searches": ["a" * 63] * 3 + ["a" * 65]}),
        [("KN221", "searchDomains", INVALID)],
    ),
    "a search domain that is none": (of(dnsConfig={"searches": ["A.example"]}), [("KN221", "searchDomains", INVALID)]),
}


def cloud_init(kind: str = "cloudInitNoCloud", **members: Any) -> Json:
    return of(volumes=[{"name": "root", "containerDisk": {"image": "a"}}, {"name": "init", kind: members}])


SOURCE = "spec.volumes[1].cloudInitNoCloud"
GUEST = {
    "a probe without a pod network": (
        vmi([nic()], [multus(default=True)], spec={"readinessProbe": {"httpGet": {"port": 80}}}),
        [("KN204", "spec.readinessProbe.httpGet", INVALID)],
    ),
    "two probes without a pod network": (
        vmi(
            [nic()],
            [multus()],
            spec={"readinessProbe": {"tcpSocket": {"port": 80}}, "livenessProbe": {"tcpSocket": {"port": 80}}},
        ),
        [("KN204", "spec.readinessProbe.tcpSocket", INVALID), ("KN204", "spec.livenessProbe.tcpSocket", INVALID)],
    ),
    "network data that is no base64": (
        cloud_init(networkDataBase64="version: 2"),
        [("KN205", f"{SOURCE}.networkDataBase64", INVALID)],
    ),
    "two sources of network data": (
        cloud_init(networkData="a", networkDataSecretRef={"name": "b"}),
        [("KN206", SOURCE, INVALID)],
    ),
    "2049 bytes of network data": (cloud_init(networkData="a" * 2047 + "ä"), [("KN207", SOURCE, INVALID)]),
    "2049 bytes of network data in base64": (
        cloud_init(networkDataBase64=base64.b64encode(b"a" * 2049).decode()),
        [("KN207", SOURCE, INVALID)],
    ),
    "a config drive with nothing on it": (
        cloud_init("cloudInitConfigDrive", networkDataSecretRef={"name": ""}),
        [("KN208", "spec.volumes[1].cloudInitConfigDrive", INVALID)],
    ),
}


def claims(*entries: Json, devices: Json | None = None, networks: tuple[Json, ...] = ()) -> Json:
    nics = [nic(network["name"], "sriov") for network in networks]
    inner = {"autoattachPodInterface": False, **(devices or {})}
    return vmi(nics, [*networks], devices=inner, spec={"resourceClaims": [*entries]})


CARD = {"name": "card", "resourceClaimName": "card"}
GPU = {"gpus": [{"name": "gpu", "claimName": "card", "requestName": "vf"}]}
CLAIMS = {
    "a claim with an empty name": (
        claims({**CARD, "name": ""}),
        [("KN222", "spec.resourceClaims[0].name", REQUIRED)],
    ),
    "two claims of one name": (claims(CARD, CARD), [("KN222", "spec.resourceClaims[1].name", DUPLICATE)]),
    "a claim in capitals": (claims({**CARD, "name": "C"}), [("KN222", "spec.resourceClaims[0].name", INVALID)]),
    "a claim of nothing": (claims({"name": "card"}), [("KN223", "spec.resourceClaims[0]", INVALID)]),
    "a claim and a template": (
        claims({**CARD, "resourceClaimTemplateName": "cards"}),
        [("KN223", "spec.resourceClaims[0]", INVALID)],
    ),
    "a request of a GPU and a network": (
        claims(CARD, devices=GPU, networks=(claim(claimName="card", requestName="vf"),)),
        [("KN224", "spec.networks[0]", DUPLICATE)],
    ),
    "a request of a GPU and two networks, of which the first is told": (
        claims(
            CARD,
            devices=GPU,
            networks=(claim("a", claimName="card", requestName="vf"), claim("b", claimName="card", requestName="vf")),
        ),
        [("KN124", "spec.networks[1]", DUPLICATE), ("KN224", "spec.networks[0]", DUPLICATE)],
    ),
    "a GPU with a claim that is not listed": (claims(devices=GPU), [("KN225", "spec.resourceClaims", INVALID)]),
}


def cpus(requests: Any = None, limits: Any = None, **cpu: Any) -> Json:
    resources = {"requests": {"cpu": requests}, "limits": {"cpu": limits}}
    return vmi([nic()], [multus()], domain={"resources": resources, "cpu": cpu})


RESOURCES = "spec.domain.resources"
CPUS = {
    "a negative request": (cpus("-1m"), [("KN227", f"{RESOURCES}.requests.cpu", INVALID)]),
    "a negative limit, which is the request too": (
        cpus(limits=-1),
        [("KN227", f"{RESOURCES}.requests.cpu", INVALID), ("KN227", f"{RESOURCES}.limits.cpu", INVALID)],
    ),
    "a request above the limit": (cpus("1001m", "1"), [("KN227", f"{RESOURCES}.requests.cpu", INVALID)]),
    "half a dedicated CPU": (
        cpus("1500m", dedicatedCpuPlacement=True),
        [("KN227", f"{RESOURCES}.requests.cpu", INVALID)],
    ),
    "two threads of a dedicated CPU of arm64": (
        vmi(
            [nic()],
            [multus()],
            domain={"cpu": {"cores": 1, "threads": 2, "dedicatedCpuPlacement": True}},
            spec={"architecture": "arm64"},
        ),
        [("KN229", "spec.architecture", INVALID)],
    ),
    "an architecture that KubeVirt does not have": (
        of(architecture="x86_64"),
        [("KN226", "spec.architecture", INVALID)],
    ),
}

REFUSED = {**LAUNCH_SECURITY, **DNS, **GUEST, **CLAIMS, **CPUS}


def findings(machine: Json, cluster: ClusterConfig = STOCK) -> list[Finding]:
    problems = kvnet.check(kvnet.load(machine), kvnet.Target(cluster=cluster))
    assert all(problem.message and problem.hint for problem in problems)
    return [
        (each.code, each.field, str(each.cause)) for each in problems if each.severity is Severity.ERROR and each.cause
    ]


@pytest.mark.parametrize(("machine", "found"), rows(REFUSED))
def test_a_bad_machine_is_refused_for_its_cause_at_its_field(machine: Json, found: list[Finding]) -> None:
    assert findings(machine, WITH_CLAIMS) == found


SMM: Json = {"features": {"smm": {}}}


def test_tdx_with_smm_is_refused() -> None:
    assert findings(secured({"tdx": {}}, UEFI), WITH_TDX) == []
    assert findings(secured({"tdx": {}}, UEFI, domain=SMM), WITH_TDX) == [SECURITY]


ADMITTED = {
    "SEV as it should be": secured({"sev": {}}, UEFI),
    "attestation of a machine that starts paused": secured({"sev": {"attestation": {}}}, UEFI, startStrategy="Paused"),
    "Protected Virtualization and a boot order": vmi(
        [nic(bootOrder=1)], [multus()], domain={"launchSecurity": {}}, spec={"architecture": "s390x"}
    ),
    "a hostname of 63 characters": of(hostname="0" * 63),
    "a subdomain of two labels": of(subdomain="web.example"),
    "three nameservers and six domains": of(
        dnsPolicy="None",
        dnsConfig={"nameservers": ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"], "searches": list("abcdef")},
    ),
    "a probe over the pod network": of(readinessProbe={"httpGet": {"port": 80}}),
    "a probe of the guest agent without a pod network": vmi(
        [nic()], [multus()], spec={"livenessProbe": {"guestAgentPing": {}, "httpGet": None}}
    ),
    "2048 bytes of network data": cloud_init(networkData="a" * 2048),
    "network data in lines of base64": cloud_init(networkDataBase64="YWJj\nYWJj\n"),
    "user data alone": cloud_init(userData="a", networkData=None),
    "user data in a secret": cloud_init(secretRef={"name": "a"}),
    "a template of claims": claims({"name": "card", "resourceClaimTemplateName": "cards"}),
    "another request of a GPU's claim": claims(
        CARD, devices=GPU, networks=(claim(claimName="card", requestName="pf"),)
    ),
    "a GPU that names its device": claims(devices={"gpus": [{"name": "gpu", "deviceName": "vendor.example/gpu"}]}),
    "a request as high as the limit": cpus("1000m", 1),
    "a limit of zero": cpus("2", "0"),
    "whole dedicated CPUs": cpus("2000m", "2", dedicatedCpuPlacement=True),
}


@pytest.mark.parametrize("machine", ADMITTED.values(), ids=ADMITTED)
def test_what_is_nearly_wrong_is_admitted(machine: Json) -> None:
    assert findings(machine, WITH_CLAIMS) == []


def test_an_architecture_of_the_host_that_kubevirt_does_not_have_is_refused_too() -> None:
    problems = kvnet.check(kvnet.load(of()), kvnet.Target(architecture="ppc64le"))
    assert [(problem.code, problem.field) for problem in problems] == [("KN226", "spec.architecture")]


@pytest.mark.parametrize(
    ("architecture", "hint"),
    [
        ("AMD64", "did you mean 'amd64'?"),
        ("x86_64", "did you mean 'amd64'?"),
        ("aarch64", "did you mean 'arm64'?"),
        ("ppc64le", "write one of amd64, arm64, s390x"),
    ],
)
def test_an_architecture_that_kubevirt_does_not_have_is_told_once_whatever_the_host_is(
    architecture: str, hint: str
) -> None:
    machine = kvnet.load(of(architecture=architecture))
    for target in (kvnet.Target(architecture="amd64"), kvnet.Target()):
        assert [(problem.code, problem.hint) for problem in kvnet.check(machine, target)] == [("KN226", hint)]


@pytest.mark.parametrize("kind", ["VirtualMachine", "VirtualMachineInstance"])
def test_a_discontinued_gate_is_told_without_a_field_of_machines_that_kubevirt_judges_whole(kind: str) -> None:
    cluster = ClusterConfig(feature_gates=frozenset({"Passt", "Macvtap"}))
    told = findings(vmi([nic(passt={})], [multus()], kind=kind), cluster)
    gate = [("KN154", "", NOT_SUPPORTED)]
    assert told == [
        ("KN151", "spec.domain.devices.interfaces[0].passt", INVALID),
        *(gate if kind != "VirtualMachine" else []),
    ]


@pytest.mark.parametrize(
    "member", ["hostname", "subdomain", "dnsConfig", "dnsPolicy", "readinessProbe", "livenessProbe", "volumes"]
)
@pytest.mark.parametrize(
    "value", [None, 5, "", [], {}, [None], [5], {"nameservers": None}, [{"cloudInitNoCloud": None}]]
)
def test_plain_data_of_another_type_is_passed_over_in_a_machine_that_was_made(member: str, value: Any) -> None:
    machine = kvnet.load(vmi([nic()], [multus()]))
    machine = evolve(machine, spec=evolve(machine.spec, rest={member: value}))
    assert kvnet.check(machine) == ()


HALF = "\ud800"
WITH_HALF: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "a hostname": ({"hostname": HALF}, [("KN220", "spec.hostname")]),
    "a subdomain": ({"subdomain": f"{HALF}.b"}, [("KN220", "spec.subdomain")]),
    "a search domain": ({"dnsConfig": {"searches": [HALF]}}, [("KN221", "searchDomains")]),
    "network data": ({"volumes": [{"cloudInitNoCloud": {"networkData": HALF}}]}, []),
}


@pytest.mark.parametrize(("rest", "found"), WITH_HALF.values(), ids=WITH_HALF)
def test_half_of_a_surrogate_pair_in_a_machine_that_was_made_is_judged_as_any_character(
    rest: Json, found: list[tuple[str, str]]
) -> None:
    machine = kvnet.load(of())
    machine = evolve(machine, spec=evolve(machine.spec, rest=rest))
    assert [(each.code, each.field) for each in kvnet.check(machine) if each.is_error] == found


TYPED_IN_DOMAIN: dict[str, tuple[Any, str]] = {
    "cpu": ({"isolateEmulatorThread": "true"}, "isolateEmulatorThread"),
    "memory": ({"hugepages": "2Mi"}, "hugepages"),
    "firmware": ({"bootloader": "efi"}, "bootloader"),
    "features": ("smm", ""),
    "ioThreads": ("4", ""),
    "ioThreadsPolicy": (4, ""),
}
TYPED_IN_DEVICES: dict[str, Any] = {
    "hostDevices": 5,
    "gpus": "all",
    "inputs": [5],
    "rng": True,
    "watchdog": "i6300esb",
    "disableHotplug": "yes",
}
TYPED_IN_SPEC: dict[str, Any] = {
    "hostname": 5,
    "subdomain": [],
    "dnsPolicy": {},
    "dnsConfig": "1.1.1.1",
    "readinessProbe": 5,
    "livenessProbe": [],
    "volumes": {},
}


@pytest.mark.parametrize(("member", "value"), [*TYPED_IN_SPEC.items()])
def test_what_rules_read_of_the_spec_is_of_the_type_that_the_api_server_demands(member: str, value: Any) -> None:
    assert refused(vmi([nic()], [multus()], spec={member: value})) == [("KN004", f"spec.{member}")]


@pytest.mark.parametrize(("member", "value"), [*TYPED_IN_DEVICES.items()])
def test_what_is_known_of_other_devices_is_of_the_type_that_the_api_server_demands(member: str, value: Any) -> None:
    told = refused(vmi([nic()], [multus()], devices={member: value}))
    assert told == [("KN004", f"spec.domain.devices.{member}{'[0]' if member == 'inputs' else ''}")]


@pytest.mark.parametrize(("member", "value", "inner"), [(key, *value) for key, value in TYPED_IN_DOMAIN.items()])
def test_what_is_known_of_the_domain_is_of_the_type_that_the_api_server_demands(
    member: str, value: Any, inner: str
) -> None:
    told = refused(vmi([nic()], [multus()], domain={member: value}))
    assert told == [("KN004", f"spec.domain.{member}{'.' if inner else ''}{inner}")]


def test_null_in_place_of_what_is_kept_is_absent() -> None:
    kvnet.load(vmi([nic()], [multus()], spec=dict.fromkeys(TYPED_IN_SPEC), devices=dict.fromkeys(TYPED_IN_DEVICES)))


def refused(data: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(kvnet.Rejected) as raised:
        kvnet.load(data)
    return [(problem.code, problem.field) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [({}, "launch security is of no kind"), ({"sev": {}, "snp": {}}, "launch security has 2 kinds")],
    ids=["none", "two"],
)
def test_how_many_kinds_of_launch_security_there_are_is_told(kinds: dict[str, Any], told: str) -> None:
    (problem,) = (each for each in kvnet.check(kvnet.load(secured(kinds, UEFI))) if each.code == "KN228")
    assert (problem.message, problem.hint) == (told, "write one of sev, snp and tdx")
