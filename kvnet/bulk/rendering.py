"""Render many machines through any executor, each with a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from itertools import islice
from typing import Any

from attrs import evolve, field, frozen

from kvnet.bulk._template import Answer
from kvnet.bulk.scheduler import results
from kvnet.bulk.settings import Settings, Work, Worker
from kvnet.defaults import with_default_nic
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.fleet import Uses, uses_of
from kvnet.instancetypes import expand
from kvnet.manifest import Document, documents, load, load_facts, loads
from kvnet.manifest.document import given_text
from kvnet.pipeline import placed
from kvnet.pipeline import render as render_alone
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["BulkResult", "MachineSource", "Settings", "documents_of", "lost", "refused", "render", "render_source"]

CHUNK = 256
AHEAD = 16
_MOST_BYTES = 1 << 20
"""The size of a chunk at which it is shipped, however few machines it holds."""
_USUAL_BYTES = 1 << 10
"""The assumed size of a machine that is not a text."""

_Item = tuple[int, Any, Any]
"""The index of a machine, the machine in any form, and the facts of its own that it may have brought."""

MachineSource = Machine | Mapping[str, Any] | str | bytes | tuple[Any, HostFacts | Mapping[str, Any] | None]
"""A machine, a mapping, the text of one object, or a pair of one of those and the machine's own facts."""


@frozen(kw_only=True, slots=False)
class BulkResult:
    """What rendering gives for one machine of many: its XML, or the errors for which there is none.

    ``index`` counts the machines of the input from 0. ``namespace`` and ``name`` are those of the machine, ``None``
    where they could not be read. ``devices`` holds the XML of each NIC, ``document`` the ``<domain>``; only the one
    that was wanted is there. ``problems`` are errors, each with its place where the machine was a text; ``notes`` are
    warnings and notes without places. ``uses`` says what no other machine may use.
    """

    index: int = 0
    namespace: str | None = None
    name: str | None = None
    devices: tuple[str, ...] = ()
    document: str | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    uses: Uses = field(factory=Uses)

    @property
    def is_refused(self) -> bool:
        """Whether there are errors, and therefore no XML."""
        return bool(self.problems)


def render(
    machines: Iterable[MachineSource],
    target: Target | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    ordered: bool = True,
    *,
    whole: bool = False,
    templates: bool = True,
    chunk: int = CHUNK,
    ahead: int = AHEAD,
) -> Generator[BulkResult, None, None]:
    """Render machines against one target, and yield a result for each.

    ``executor`` is any executor of ``concurrent.futures``, a callable that makes one (and another where that breaks),
    or ``None`` to render in this process. The results are in the order of the input; with ``ordered=False`` they come
    as they are finished. ``whole`` asks for domains instead of devices. Of machines that are given as JSON without
    facts of their own, each process learns how those of one shape are rendered, unless ``templates`` is false; the
    results are the same.

    The input is read as results are taken: at most ``ahead`` chunks of ``chunk`` machines are in work, without an
    executor one machine. Closing the generator cancels what has not begun.

    A machine that cannot be rendered stops no other: its errors are the ``problems`` of its own result. Raises what
    the input raises.

    >>> good = "{domain: {devices: {interfaces: [{name: lan, bridge: {}}]}}, networks: [{name: lan, pod: {}}]}"
    >>> for result in render([good, "{domain: 7}"]):
    ...     print(result.index, [problem.code for problem in result.problems], len(result.devices))
    0 [] 1
    1 ['KN004'] 0
    """
    settings = Settings(target=target or Target(), whole=whole, templates=templates)
    chunks = _chunks(machines, 1 if executor is None else chunk)
    with closing(
        results(chunks, Work(_render_chunk, settings), _lost_item, executor, ahead=max(ahead, 1), ordered=ordered)
    ) as parts:
        for part in parts:
            yield from part


def _chunks(machines: Iterable[MachineSource], most: int) -> Iterator[list[_Item]]:
    held: list[_Item] = []
    size = 0
    for index, machine in enumerate(machines):
        source, facts = machine if isinstance(machine, tuple) and len(machine) == 2 else (machine, None)
        held.append((index, source, facts))
        size += len(source) if isinstance(source, str | bytes) else _USUAL_BYTES
        if len(held) >= most or size >= _MOST_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


def _render_chunk(worker: Worker, chunk: Sequence[_Item]) -> list[BulkResult]:
    return [
        evolve(_render_item(worker, source, f"machines[{index}]", facts), index=index) for index, source, facts in chunk
    ]


def _render_item(worker: Worker, source: Any, name: str, facts: Any) -> BulkResult:
    """Render a machine by the template of its shape, else in the ordinary way, and learn from it."""
    settings, templates = worker.settings, worker.templates
    if templates is None or facts is not None or not isinstance(source, str | bytes):
        return render_source(source, name, settings, facts)
    line = source.encode(errors="surrogatepass") if isinstance(source, str) else source
    answer = templates.answer(line)
    if answer is not None:
        return _of_answer(answer)
    result = render_source(source, name, settings)
    if not result.problems:
        templates.learn(line, lambda text: _as_answer(render_source(text, name, settings)))
    return result


def _as_answer(result: BulkResult) -> Answer | None:
    """A result as texts that may hold names and addresses, and the same result without them."""
    if result.problems:
        return None
    notes = [text for note in result.notes for text in (note.message, note.hint, note.instead)]
    uses = [text for _, *pair in result.uses for text in pair]
    texts = [result.namespace or "", result.name or "", *result.devices, result.document or "", *notes, *uses]
    rest = evolve(
        result,
        namespace=result.namespace and "",
        name=result.name and "",
        devices=("",) * len(result.devices),
        document=result.document and "",
        notes=tuple([evolve(note, message="", hint="", instead="") for note in result.notes]),
        uses=Uses(*(tuple([("", "")] * len(pairs)) for pairs in _pairs(result.uses))),
    )
    return Answer.of(texts, rest)


def _of_answer(answer: Answer) -> BulkResult:
    """The result that an answer stands for."""
    rest = answer.rest
    assert isinstance(rest, BulkResult)
    texts = map(bytes.decode, answer.others)
    namespace, name = answer.first.decode(), next(texts)
    devices = tuple(islice(texts, len(rest.devices)))
    document = next(texts)
    notes = [evolve(each, message=next(texts), hint=next(texts), instead=next(texts)) for each in rest.notes]
    uses = Uses(*(tuple([(next(texts), next(texts)) for _ in pairs]) for pairs in _pairs(rest.uses)))
    return BulkResult(
        namespace=None if rest.namespace is None else namespace,
        name=None if rest.name is None else name,
        devices=devices,
        document=None if rest.document is None else document,
        notes=tuple(notes),
        uses=uses,
    )


def _pairs(uses: Uses) -> tuple[tuple[tuple[str, str], ...], ...]:
    return uses.macs, uses.vfs, uses.taps, uses.domains


def _lost_item(item: _Item, error: BaseException) -> list[BulkResult]:
    index, source, _ = item
    return [evolve(lost(source, error), index=index)]


def render_source(source: Any, name: str, settings: Settings, facts: Any = None) -> BulkResult:
    """Render a machine in any form; problems call its text ``name``. Never raises an Exception."""
    known = source
    try:
        known = machine = _machine(source, name)
        target = settings.target if facts is None else evolve(settings.target, facts=_facts(facts))
        return _render_machine(machine, target, settings.whole)
    except Exception as error:
        return refused(known, error)


def _render_machine(machine: Machine, target: Target, whole: bool) -> BulkResult:
    """Render a machine as ``kvnet.render`` does, and note what it uses."""
    origin = machine.origin
    # finding a place takes longer than all the rest: errors get their places, notes do not
    rendered = render_alone(evolve(machine, origin=None) if origin is not None else machine, target, whole=whole)
    if rendered.problems:
        problems = placed(origin, rendered.problems)
        return BulkResult(namespace=machine.namespace, name=machine.name, problems=problems)
    return BulkResult(
        namespace=machine.namespace,
        name=machine.name,
        devices=() if whole else tuple(rendered.devices()),
        document=rendered.document,
        notes=rendered.notes,
        uses=uses_of(with_default_nic(expand(machine, target).machine, target.cluster), rendered.compiled, target),
    )


def refused(source: Any, error: Exception) -> BulkResult:
    """The result of a machine that cannot be rendered. A bug of kvnet is a problem too, for it must stop no other."""
    if isinstance(error, KvnetError):
        problems = error.problems
    else:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        problems = (Problem(FieldPath(), "KN701", message, hint="report this as a bug of kvnet"),)
    namespace, name = _identity(source)
    return BulkResult(namespace=namespace, name=name, problems=problems)


def lost(source: Any, error: BaseException, place: Place | None = None) -> BulkResult:
    """The result of a machine that no worker could render."""
    message = f"no worker returned a result: {type(error).__name__}: {error}"
    hint = "render this machine alone, and look at its size and at the memory that is free"
    namespace, name = _identity(source)
    problem = Problem(FieldPath(), "KN702", message, hint=hint, place=place)
    return BulkResult(namespace=namespace, name=name, problems=(problem,))


def documents_of(text: str | bytes, name: str) -> tuple[Document, ...]:
    """The documents of a text (never a path). Raises Rejected."""
    return documents(given_text(text, name))


def _machine(source: Any, name: str) -> Machine:
    """The machine in any form; a string is a text, never a path. Raises Rejected."""
    if isinstance(source, Machine):
        return source
    if isinstance(source, str | bytes):
        return loads(source, name=name)
    if isinstance(source, Mapping):
        return load(source)
    message = f"a machine is given as a Machine, a mapping or a text, not as {type(source).__name__}"
    raise Rejected([Problem(FieldPath(), "KN700", message, hint="give one KubeVirt object for each machine")])


def _facts(facts: Any) -> HostFacts:
    """The facts of one machine. Raises KvnetError."""
    if isinstance(facts, HostFacts):
        return facts
    if isinstance(facts, Mapping):
        return load_facts(facts)
    message = f"facts are HostFacts or a mapping, not {type(facts).__name__}"
    raise Rejected([Problem(FieldPath(), "KN700", message, hint="give a pair of a machine and its facts")])


def _identity(source: Any) -> tuple[str | None, str | None]:
    """Namespace and name of a machine in any form, as far as they can be read."""
    if isinstance(source, Machine):
        return source.namespace, source.name
    if isinstance(source, str | bytes):
        try:
            found = documents_of(source, "")
        except (KvnetError, ValueError):
            return None, None
        source = found[0].data if found else None
    metadata = source.get("metadata") if isinstance(source, Mapping) else None
    if not isinstance(metadata, Mapping):
        return None, None
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return namespace if isinstance(namespace, str) else None, name if isinstance(name, str) else None
