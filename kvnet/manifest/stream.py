"""Whole sources: every object in them, or every problem at once; and back to text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import yaml
from attrs import frozen

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import codes, scalars
from kvnet.manifest.cluster import cluster_config
from kvnet.manifest.documents import Document, sound_documents
from kvnet.manifest.objects import NAD, Flawed, machine_of, nad_of, plain_machine, plain_nad
from kvnet.spec import TEMPLATES, Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target

__all__ = ["Manifest", "dump", "load", "load_all", "plain"]


@frozen(kw_only=True, slots=False)
class Manifest:
    """The objects of a source, in its order; ``skipped`` are the kinds that kvnet does not read.

    ``cluster`` is the configuration of the KubeVirt object, the last one where there are several.
    """

    objects: tuple[Machine | Nad, ...] = ()
    cluster: ClusterConfig | None = None
    skipped: tuple[str, ...] = ()

    @property
    def machines(self) -> tuple[Machine, ...]:
        return tuple([each for each in self.objects if isinstance(each, Machine)])

    @property
    def nads(self) -> tuple[Nad, ...]:
        return tuple(each for each in self.objects if isinstance(each, Nad))

    def target(
        self,
        *,
        profile: Profile | str = Profile.KUBEVIRT,
        facts: HostFacts | None = None,
        cluster: ClusterConfig | None = None,
        virt_type: str = "kvm",
    ) -> Target:
        """What these machines are compiled against: the NADs and the KubeVirt object among them, and what is given.

        ``cluster`` counts where the documents hold no KubeVirt object.

        >>> import kvnet
        >>> kvnet.load_all("examples/multus.yaml").target(profile="host").nads[0].name
        'linux-bridge-net-ipam'
        """
        return Target(
            profile=Profile(profile),
            facts=facts or HostFacts(),
            cluster=self.cluster or cluster or ClusterConfig(),
            nads=self.nads,
            virt_type=virt_type,
        )

    def __iter__(self) -> Iterator[Machine | Nad]:
        return iter(self.objects)


def load_all(source: Any) -> Manifest:
    """Read every machine and NetworkAttachmentDefinition of a source.

    A source is a path, text (YAML or JSON), an open file, a mapping or a sequence of mappings. Raises
    Rejected with every problem of every document, each with its place.
    """
    return _read(source)


def _read(source: Any) -> Manifest:
    objects: list[Machine | Nad] = []
    skipped: list[str] = []
    cluster = None
    sound, problems = sound_documents(source)
    for document in sound:
        try:
            made = _object(document)
        except Flawed as flawed:
            problems += flawed.problems
            continue
        if isinstance(made, str):
            skipped.append(made)
        elif isinstance(made, ClusterConfig):
            cluster = made
        else:
            objects.append(made)
    if problems:
        raise Rejected(sorted(problems, key=_position))
    return Manifest(objects=tuple(objects), cluster=cluster, skipped=tuple(skipped))


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def load(source: Any) -> Machine:
    """Read the one machine of a source. Raises Rejected, also where there is none or more than one."""
    manifest = _read(source)
    machines = manifest.machines
    if len(machines) == 1:
        return machines[0]
    if machines:
        names = ", ".join(str(machine.name) for machine in machines)
        told, hint = f"there are {len(machines)} machines: {names}", "use load_all"
        raise Rejected([Problem(FieldPath(), codes.SEVERAL_FOUND, told, hint=hint)])
    kinds = [*manifest.skipped, *(NAD for _ in manifest.objects), *(["KubeVirt"] if manifest.cluster else [])]
    seen = f", only {', '.join(sorted(set(kinds)))}" if kinds else ""
    told = f"there is no virtual machine in {len(kinds)} documents{seen}"
    raise Rejected([Problem(FieldPath(), codes.NOTHING_FOUND, told, hint="give a VirtualMachine or its spec")])


def _object(document: Document) -> Machine | Nad | ClusterConfig | str:
    data = document.data
    if type(data) is not dict and not isinstance(data, Mapping):
        told = "a document is a mapping with apiVersion and kind"
        raise Flawed([document.placed(Problem(FieldPath(), codes.NO_KIND, told))])
    kind = data.get("kind")
    if kind is None and "apiVersion" not in data and ("domain" in data or "networks" in data):
        return machine_of(document, "")
    if not isinstance(kind, str) or not kind:
        told, hint = "the document does not say its kind", f"write `kind: {next(iter(TEMPLATES))}`"
        raise Flawed([document.placed(Problem(FieldPath(("kind",)), codes.NO_KIND, told, hint=hint))])
    if kind in TEMPLATES:
        return machine_of(document, kind)
    if kind == NAD:
        return nad_of(document)
    if kind == "KubeVirt":
        try:
            return cluster_config(document)
        except Rejected as rejected:
            raise Flawed(list(rejected.problems)) from None
    meant = next((each for each in (*TEMPLATES, NAD) if each.lower() == kind.lower()), None)
    if meant is not None:
        told, hint = f"there is no kind '{kind}'", f"did you mean '{meant}'?"
        raise Flawed([document.placed(Problem(FieldPath(("kind",)), codes.UNKNOWN_KIND, told, hint=hint))])
    if kind.endswith("List") and data.get("items") is not None:
        raise Flawed([document.placed(Problem(FieldPath(("items",)), codes.WRONG_TYPE, "the items are no list"))])
    return kind


def plain(value: Machine | Nad | Manifest) -> Any:
    """The plain data of an object; of a manifest, a List."""
    if isinstance(value, Machine):
        return plain_machine(value)
    if isinstance(value, Nad):
        return plain_nad(value)
    return {"apiVersion": "v1", "kind": "List", "items": [plain(each) for each in value]}


def dump(value: Machine | Nad | Manifest, format: Literal["yaml", "json"] = "yaml") -> str:
    """KubeVirt's YAML or JSON for an object; ``load`` of it gives the object again.

    A manifest becomes a YAML stream of documents, or a JSON List.
    """
    if format == "json":
        return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"
    whole = [plain(each) for each in value] if isinstance(value, Manifest) else [plain(value)]
    return yaml.dump_all(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # colons and digits first: MACs and PCI addresses are base 60 numbers to some readers
    needs_quotes = ":" in value or value[:1].isdigit() or not _is_text(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if needs_quotes else None)


def _is_text(value: str) -> bool:
    """Whether Kubernetes reads it as text without quotes too; PyYAML does not know all of its booleans and octals."""
    try:
        return scalars.plain(value) == value
    except scalars.Unfit:
        return False


_Dumper.add_representer(str, _text)
