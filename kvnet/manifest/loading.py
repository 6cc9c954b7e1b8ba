"""A source becomes objects: all of them, or every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest.document import documents, sound_documents
from kvnet.manifest.objects import KUBEVIRT, NAD, cluster_of, object_of
from kvnet.manifest.problems import NOTHING_FOUND, SEVERAL_FOUND, Misfit
from kvnet.manifest.text import Source, Text, given_text
from kvnet.spec import Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.wire import BriefRepr
from kvnet.target import Profile, Target

__all__ = ["Manifest", "load", "load_all", "load_cluster", "loads", "loads_all", "loads_cluster"]


@frozen(kw_only=True, slots=False, repr=False)
class Manifest(BriefRepr):
    """The objects of a source.

    - ``objects``: machines and NetworkAttachmentDefinitions, in the order of the source
    - ``cluster``: the configuration in the KubeVirt object, of several the last one
    - ``skipped``: the kinds of objects that kvnet does not read
    """

    objects: tuple[Machine | Nad, ...] = ()
    cluster: ClusterConfig | None = None
    skipped: tuple[str, ...] = ()

    @property
    def machines(self) -> tuple[Machine, ...]:
        return tuple([each for each in self.objects if isinstance(each, Machine)])

    @property
    def nads(self) -> tuple[Nad, ...]:
        return tuple([each for each in self.objects if isinstance(each, Nad)])

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
        >>> nad = "{kind: NetworkAttachmentDefinition, metadata: {name: vlan100}}"
        >>> kvnet.loads_all(nad).target(profile="host")
        Target(profile=<Profile.HOST: 'host'>, nads=(Nad(name='vlan100'),))
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


def load(source: Source) -> Machine:
    """Read the one machine of a path, an open file, a mapping or a sequence of mappings.

    Raises Rejected with every problem, also where there is no machine or more than one; TypeError or ValueError for
    what is not a source, such as a text, which ``loads`` reads.

    >>> load({"kind": "VirtualMachineInstance", "metadata": {"name": "red"}, "spec": {}}).name
    'red'
    """
    return _only_machine(_manifest(source))


def loads(text: str | bytes, *, name: str = "<text>") -> Machine:
    """Read the one machine of a YAML or JSON text; ``name`` is what problems call the text. Otherwise as ``load``.

    >>> loads("{domain: {}, networks: [{name: red, pod: {}}]}").networks[0].name
    'red'
    """
    return _only_machine(_manifest(given_text(text, name)))


def load_all(source: Source) -> Manifest:
    """Read every object of a path, an open file, a mapping or a sequence of mappings.

    Raises Rejected with every problem of every document, each with its place; otherwise as ``load``.
    """
    return _manifest(source)


def loads_all(text: str | bytes, *, name: str = "<text>") -> Manifest:
    """Read every object of a YAML or JSON text; ``name`` is what problems call the text. Otherwise as ``load_all``.

    >>> loads_all("kind: Secret").skipped
    ('Secret',)
    """
    return _manifest(given_text(text, name))


def load_cluster(source: Source) -> ClusterConfig:
    """Read ``spec.configuration`` of the KubeVirt object in a source, of several the last one.

    Other objects are passed over, and so are fields that kvnet does not use. Takes the sources of ``load``. Raises
    Rejected with every problem, also where there is no KubeVirt object.
    """
    return _cluster(source)


def loads_cluster(text: str | bytes, *, name: str = "<text>") -> ClusterConfig:
    """Read ``spec.configuration`` of the KubeVirt object in a YAML or JSON text. Otherwise as ``load_cluster``.

    >>> loads_cluster("kind: KubeVirt\\nspec: {configuration: {cpuModel: Haswell}}")
    ClusterConfig(cpu_model='Haswell')
    """
    return _cluster(given_text(text, name))


def _manifest(source: Source | Text) -> Manifest:
    objects: list[Machine | Nad] = []
    skipped: list[str] = []
    cluster = None
    sound, problems = sound_documents(source)
    for document in sound:
        try:
            made = object_of(document.data, document.origin)
        except Misfit as misfit:
            problems += document.problems(misfit)
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


def _only_machine(manifest: Manifest) -> Machine:
    machines = manifest.machines
    if len(machines) == 1:
        return machines[0]
    if machines:
        names = ", ".join(str(machine.name) for machine in machines)
        told, hint = f"there are {len(machines)} machines: {names}", "use load_all"
        raise Rejected([Problem(FieldPath(), SEVERAL_FOUND, told, hint=hint)])
    kinds = [*manifest.skipped, *(NAD for _ in manifest.objects), *([KUBEVIRT] if manifest.cluster else [])]
    seen = f", only {', '.join(sorted(set(kinds)))}" if kinds else ""
    told = f"there is no virtual machine in {len(kinds)} documents{seen}"
    raise Rejected([Problem(FieldPath(), NOTHING_FOUND, told, hint="give a VirtualMachine or its spec")])


def _cluster(source: Source | Text) -> ClusterConfig:
    found = [each for each in documents(source) if isinstance(each.data, Mapping) and each.data.get("kind") == KUBEVIRT]
    if not found:
        told, hint = "there is no KubeVirt object in what was given", f"give one with `kind: {KUBEVIRT}`"
        raise Rejected([Problem(FieldPath(), NOTHING_FOUND, told, hint=hint)])
    try:
        return cluster_of(found[-1].data)
    except Misfit as misfit:
        raise Rejected(found[-1].problems(misfit)) from None
