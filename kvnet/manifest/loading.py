"""Load objects from sources, all of them or every problem at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from kvnet._arguments import checked, checked_items
from kvnet._html import drawing, table
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest._json import parse_json
from kvnet.manifest._kinds import FACTS, KUBEVIRT, NAD, NO_YAML, XML
from kvnet.manifest._learnt import LearntMachines
from kvnet.manifest._problems import NOTHING_FOUND, SEVERAL_FOUND, TEMPLATE, UNREADABLE, Misfit
from kvnet.manifest._templates import mentions_ours
from kvnet.manifest.document import (
    Document,
    Source,
    Text,
    given_text,
    is_foreign,
    read_text,
    sound_documents,
    text_at_least,
)
from kvnet.manifest.objects import cluster_of, object_of, repeated
from kvnet.manifest.partial import (
    Name,
    PartialMachine,
    follows_from_unread,
    names_of_unread,
    partial_machine,
    with_misplaced_keys,
)
from kvnet.spec import INSTANCETYPE_KINDS, PREFERENCE_KINDS, Instancetype, Machine, Nad, Origin, Preference
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.wire import BriefRepr
from kvnet.target import Profile, Target

__all__ = [
    "Manifest",
    "Reading",
    "is_of_others",
    "load",
    "load_all",
    "load_cluster",
    "load_cluster_objects",
    "load_partly",
    "loads",
    "loads_all",
    "loads_cluster",
]

_CLUSTER = ("a ClusterConfig", "read it with kvnet.load_cluster, or leave it out")
_INSTANCETYPES = ("a sequence of Instancetype", "take manifest.instancetypes of kvnet.load_all")
_PREFERENCES = ("a sequence of Preference", "take manifest.preferences of kvnet.load_all")
_READ_OTHERWISE = {FACTS: "read host facts with load_facts", XML: "read a domain with import_domain"}
_Object = Machine | Nad | Instancetype | Preference


@frozen(kw_only=True, slots=False, repr=False)
class Manifest(BriefRepr):
    """The objects of a source.

    - ``objects``: machines, NetworkAttachmentDefinitions, instancetypes and preferences, in the order of the source
    - ``cluster``: the configuration in the KubeVirt object, of several the last one
    - ``skipped``: the kind of each document that kvnet does not read, with its API version where the kind is one of
      KubeVirt's
    - ``repeated``: a warning for each object, not being a machine, that takes the place of an earlier one
    """

    objects: tuple[_Object, ...] = ()
    cluster: ClusterConfig | None = None
    skipped: tuple[str, ...] = ()
    repeated: tuple[Problem, ...] = ()

    def _repr_html_(self) -> str:
        target = self.target()
        others = [(type(each).__name__, each.name) for each in self.objects if not isinstance(each, Machine)]
        told = table("Other objects", ("Kind", "Name"), others) if others else ""
        return drawing(*([machine, target] for machine in self.machines)) + told

    @property
    def machines(self) -> tuple[Machine, ...]:
        return tuple([each for each in self.objects if isinstance(each, Machine)])

    @property
    def nads(self) -> tuple[Nad, ...]:
        return tuple([each for each in self.objects if isinstance(each, Nad)])

    @property
    def instancetypes(self) -> tuple[Instancetype, ...]:
        return tuple([each for each in self.objects if isinstance(each, Instancetype)])

    @property
    def preferences(self) -> tuple[Preference, ...]:
        return tuple([each for each in self.objects if isinstance(each, Preference)])

    def target(
        self,
        *,
        profile: Profile | str = Profile.KUBEVIRT,
        facts: HostFacts | None = None,
        cluster: ClusterConfig | None = None,
        instancetypes: Iterable[Instancetype] = (),
        preferences: Iterable[Preference] = (),
        virt_type: str = "kvm",
        architecture: str | None = None,
        libvirt_release: str | None = None,
    ) -> Target:
        """What these machines are compiled against: NADs, instancetypes, preferences and the KubeVirt object among
        the documents, and what is given.

        ``cluster`` counts where the documents hold no KubeVirt object, and of ``instancetypes`` and ``preferences``
        those whose kind, name and namespace no document has. A binding plugin that the KubeVirt object does not list
        is not registered. The other arguments are those of ``Target``.

        >>> import kvnet
        >>> nad = "{kind: NetworkAttachmentDefinition, metadata: {name: vlan100}}"
        >>> kvnet.loads_all(nad).target(profile="host")
        Target(profile=<Profile.HOST: 'host'>, nads=(Nad(name='vlan100'),))
        """
        known = cluster if self.cluster is None else self.cluster
        return Target(
            profile=Profile(profile),
            facts=HostFacts() if facts is None else facts,
            cluster=ClusterConfig() if known is None else checked(known, ClusterConfig, *_CLUSTER).complete,
            nads=self.nads,
            instancetypes=(*checked_items(instancetypes, *_INSTANCETYPES), *self.instancetypes),
            preferences=(*checked_items(preferences, *_PREFERENCES), *self.preferences),
            virt_type=virt_type,
            architecture=architecture,
            libvirt_release=libvirt_release,
        )

    def __iter__(self) -> Iterator[_Object]:
        return iter(self.objects)


@frozen(kw_only=True)
class Reading:
    """What ``load_partly`` reads.

    - ``manifest``: the objects without flaws
    - ``partial``: the machines with flaws, without the fields that have them
    - ``unread``: what the other objects with flaws are called, as far as machines are judged by them
    - ``problems``: the flaws, with their places
    - ``files``: the names of the texts that hold something that kvnet reads, or have flaws
    """

    manifest: Manifest = Manifest()
    partial: tuple[PartialMachine, ...] = ()
    unread: frozenset[Name] = frozenset()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()

    def explains(self, problem: Problem, machine: Machine) -> bool:
        """Whether a problem of a machine follows from the flaws of another object."""
        return follows_from_unread(problem, machine, self.unread)


def load(source: Source) -> Machine:
    """Read the one machine of a path, an open file, a mapping or a sequence of mappings.

    Raises Rejected with every problem, also where there is no machine or more than one; TypeError or ValueError for
    what is not a source, such as a text, which ``loads`` reads.

    >>> spec = {"domain": {"devices": {}}}
    >>> load({"kind": "VirtualMachineInstance", "metadata": {"name": "red"}, "spec": spec}).name
    'red'
    """
    machine = _LEARNT.read(source) if isinstance(source, Text) else None
    if machine is not None:
        return machine
    manifest = _loaded(source)
    objects = manifest.objects
    if len(objects) == 1 and isinstance(objects[0], Machine):
        return objects[0]
    machines = manifest.machines
    if len(machines) == 1:
        return machines[0]
    if machines:
        names = ", ".join(str(machine.name) for machine in machines)
        message = f"there are {len(machines)} machines: {names}"
        raise Rejected([Problem(FieldPath(), SEVERAL_FOUND, message, hint="use load_all")])
    kinds = [*manifest.skipped, *map(_kind, manifest.objects), *([KUBEVIRT] if manifest.cluster else [])]
    only = f", only {', '.join(sorted(set(kinds)))}" if kinds else ""
    message = f"there is no virtual machine in {len(kinds)} documents{only}"
    hint = next((hint for kind, hint in _READ_OTHERWISE.items() if kind in kinds), "give a VirtualMachine or its spec")
    raise Rejected([Problem(FieldPath(), NOTHING_FOUND, message, hint=hint)])


def _kind(value: _Object) -> str:
    return NAD if isinstance(value, Nad) else value.kind


def loads(text: str | bytes, *, name: str = "<text>") -> Machine:
    """Read the one machine of a YAML or JSON text; ``name`` is what problems call the text. Otherwise as ``load``.

    >>> loads("{domain: {devices: {}}, networks: [{name: red, pod: {}}]}").networks[0].name
    'red'
    """
    return load(given_text(text, name))


def load_all(source: Source, *more: Source) -> Manifest:
    """Read every object of a path, an open file, a mapping or a sequence of mappings, or of several of these.

    Documents of other kinds and API groups are ``skipped``. Of several objects with one kind, namespace and name, the
    last one counts. Raises Rejected with every problem of the others, each with its place; otherwise as ``load``.

    >>> nads = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "vlan100"}}
    >>> load_all({"kind": "VirtualMachineInstance", "spec": {"domain": {"devices": {}}}}, nads).nads
    (Nad(name='vlan100'),)
    """
    if not more:
        machine = _LEARNT.read(source) if isinstance(source, Text) else None
        if machine is not None:
            return Manifest(objects=(machine,))
        return _loaded(source)
    sources = _readable((source, *more))
    read = [sound_documents(each, of_kubernetes=True) for each in sources]
    documents = [document for sound, _ in read for document in sound]
    return _manifest_of(documents, [problem for _, problems in read for problem in problems], sources)


def _loaded(source: Source) -> Manifest:
    return _manifest_of(*sound_documents(source, of_kubernetes=True), (source,))


def _machine_of_json(text: Text) -> Machine | None:
    """The machine of a JSON text that holds nothing else, read in the ordinary way."""
    try:
        parse_json(text.text)
        manifest = _loaded(text)
    except (ValueError, Misfit, Rejected):
        return None
    machine = manifest.objects[0] if manifest.objects else None
    return machine if isinstance(machine, Machine) and manifest == Manifest(objects=(machine,)) else None


_LEARNT = LearntMachines(_machine_of_json)


def _readable(sources: Sequence[Source]) -> Sequence[Source]:
    """The sources, those that are files as their texts. Raises Rejected with every file that has none."""
    texts: list[Source] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            is_data = isinstance(source, Text | Mapping | list | tuple)
            texts.append(source if is_data else read_text(source))  # type: ignore[arg-type]
        except Rejected as error:
            problems += error.problems
    if problems:
        raise Rejected(problems)
    return texts


def load_partly(*sources: Source, only_ours: bool = False) -> Reading:
    """Read every object that sources have, with the problems of those that cannot be read, or not whole.

    Takes the sources of ``load``. With ``only_ours``, a text that is not YAML and names nothing of KubeVirt's is
    skipped. Raises Rejected where no text can be read at all.
    """
    readings = [sound_documents(source, of_kubernetes=True) for source in sources]
    others = [n for n, source in enumerate(sources) if only_ours and is_of_others(source, readings[n][1])]
    ours = [
        n
        for n, (sound, found) in enumerate(readings)
        if n not in others and (found or not all(is_foreign(each.data) for each in sound))
    ]
    manifest, misfits = _objects_of(document for sound, _ in readings for document in sound)
    problems = [problem for n, (_, found) in enumerate(readings) if n not in others for problem in found]
    partial = [partial_machine(document, misfit.flaws) for document, misfit in misfits]
    return Reading(
        manifest=evolve(manifest, skipped=(*manifest.skipped, *[NO_YAML] * len(others))),
        partial=tuple([each for each in partial if each is not None]),
        unread=names_of_unread(document.data for document, _ in misfits),
        problems=_in_order(sources, [*problems, *_told_of(misfits)]),
        files=tuple([source.file for n, source in enumerate(sources) if isinstance(source, Text) and n in ours]),
    )


def is_of_others(source: Source, problems: Iterable[Problem]) -> bool:
    """Whether a text or a file that cannot be read, going by its problems, names nothing of KubeVirt's."""
    if not any(problem.code in (UNREADABLE, TEMPLATE) for problem in problems):
        return False
    text = text_at_least(source) if isinstance(source, str | os.PathLike) else source
    return isinstance(text, Text) and not mentions_ours(text.text)


def _manifest_of(sound: Iterable[Document], problems: list[Problem], sources: Iterable[Source] = ()) -> Manifest:
    """The objects of documents. Raises Rejected with what is wrong with these, and the problems of others."""
    manifest, misfits = _objects_of(sound)
    problems += _told_of(misfits)
    if problems:
        raise Rejected(_in_order(sources, problems))
    return manifest


def _objects_of(documents: Iterable[Document]) -> tuple[Manifest, list[tuple[Document, Misfit]]]:
    """The objects of documents, and the documents that are none, each with its flaws."""
    objects: list[_Object] = []
    skipped: list[str] = []
    misfits: list[tuple[Document, Misfit]] = []
    others: list[tuple[_Object | ClusterConfig, Origin | None]] = []
    cluster = None
    for document in documents:
        try:
            read = object_of(document.data, document.origin)
        except Misfit as misfit:
            misfits.append((document, with_misplaced_keys(misfit, document.data)))
            continue
        if isinstance(read, str):
            skipped.append(read)
            continue
        if isinstance(read, ClusterConfig):
            cluster = read
        else:
            objects.append(read)
        if not isinstance(read, Machine):
            others.append((read, document.origin))
    manifest = Manifest(
        objects=tuple(objects), cluster=cluster, skipped=tuple(skipped), repeated=repeated(others) if others else ()
    )
    return manifest, misfits


def _told_of(misfits: Iterable[tuple[Document, Misfit]]) -> list[Problem]:
    return [problem for document, misfit in misfits for problem in document.problems(misfit)]


def _in_order(sources: Iterable[Source], problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems in the order of their places, file by file."""
    files = {source.file: n for n, source in enumerate(sources) if isinstance(source, Text)}

    def position(problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        if place is None:
            return (0, 0, 0)
        return (files.get(place.file, 0), place.line, place.column)

    return tuple(sorted(problems, key=position))


def loads_all(text: str | bytes, *, name: str = "<text>") -> Manifest:
    """Read every object of a YAML or JSON text; ``name`` is what problems call the text. Otherwise as ``load_all``.

    >>> loads_all("kind: Secret").skipped
    ('Secret',)
    """
    return load_all(given_text(text, name))


def load_cluster(source: Source) -> ClusterConfig:
    """Read ``spec.configuration`` of the KubeVirt object in a source, of several the last one.

    Other objects are passed over, and so are fields that kvnet does not use. Takes the sources of ``load``. Raises
    Rejected with every problem, also where there is no KubeVirt object.
    """
    read = _documents_of(source, KUBEVIRT)
    if not read:
        hint = f"give one with `kind: {KUBEVIRT}`; load_all reads instancetypes and preferences"
        raise _nothing(source, "no KubeVirt object", hint)
    try:
        return cluster_of(read[-1].data)
    except Misfit as misfit:
        raise Rejected(read[-1].problems(misfit)) from None


def load_cluster_objects(source: Source) -> Manifest:
    """Read what a source says of the cluster: its KubeVirt object, its instancetypes and its preferences.

    Other objects are passed over. Takes the sources of ``load``. Raises Rejected with every problem, also where there
    is none of these objects.
    """
    read = _documents_of(source, KUBEVIRT, *INSTANCETYPE_KINDS, *PREFERENCE_KINDS)
    if not read:
        hint = "give what `kubectl get kubevirt,vmclusterinstancetype,vmclusterpreference -A -o yaml` prints"
        raise _nothing(source, "no KubeVirt object, no instancetype and no preference", hint)
    return _manifest_of(read, [])


def _documents_of(source: Source, *kinds: str) -> list[Document]:
    sound, problems = sound_documents(source, of_kubernetes=True)
    if problems:
        raise Rejected(problems)
    return [each for each in sound if isinstance(each.data, Mapping) and each.data.get("kind") in kinds]


def _nothing(source: Source, what: str, hint: str) -> Rejected:
    """The error for a source without the objects that are read from it."""
    name = source.file if isinstance(source, Text) else source if isinstance(source, str | os.PathLike) else None
    given = "what was given" if name is None else f"'{os.fsdecode(name)}'"
    return Rejected([Problem(FieldPath(), NOTHING_FOUND, f"there is {what} in {given}", hint=hint)])


def loads_cluster(text: str | bytes, *, name: str = "<text>") -> ClusterConfig:
    """Read ``spec.configuration`` of the KubeVirt object in a YAML or JSON text. Otherwise as ``load_cluster``.

    >>> loads_cluster("kind: KubeVirt\\nspec: {configuration: {cpuModel: Haswell}}")
    ClusterConfig(cpu_model='Haswell')
    """
    return load_cluster(given_text(text, name))
