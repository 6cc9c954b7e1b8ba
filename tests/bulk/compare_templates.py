"""Render generated lines with templates and without, and compare: ``python tests/bulk/compare_templates.py --help``.

The lines, the XML, the uses and the counts have to be the same. The status is 1 at the first difference, which is
printed with the line and the numbers to make it again.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bulk.fleets import envelope, lines_like

import kvnet
from kvnet.bulk.batches import Batch
from kvnet.bulk.lines import Block
from kvnet.bulk.rendering import render
from kvnet.bulk.run import render_chunk
from kvnet.bulk.settings import Settings, Worker

__all__ = ["Difference", "compare"]

_NADS = kvnet.loads_all(
    "\n---\n".join(
        "{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: lan, namespace: "
        + namespace
        + '}, spec: {config: \'{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br1", "mtu": 1400}\'}}'
        for namespace in ("default", "fleet")
    )
).nads
TARGETS = (
    *[kvnet.Target()] * 4,
    kvnet.Target(profile="host"),
    kvnet.Target(profile="host", nads=_NADS),
    kvnet.Target(nads=_NADS),
    kvnet.Target(facts=kvnet.HostFacts(architecture="amd64", libvirt_version="10.0.0")),
    kvnet.Target(profile="host", facts=kvnet.HostFacts(networks={"default": kvnet.facts.HostNetwork(bridge="br0")})),
    kvnet.Target(cluster=kvnet.ClusterConfig(feature_gates=frozenset({"Passt"}))),
)


class Difference(AssertionError):
    """Templates gave something else than the ordinary way."""


def compare(seed: int, lines: int, *, is_quick: bool = False) -> tuple[int, int]:
    """Compare the lines of one shape. Returns how many there were, and how many templates answered.

    With ``is_quick``, lines that no template answers are not rendered after the first ten: what renders them is the
    same with templates and without. Raises Difference.
    """
    random = Random(seed)
    target, whole, files = random.choice(TARGETS), random.random() < 0.5, random.random() < 0.2
    plain = Worker(Settings(target=target, whole=whole, files=files, templates=False))
    data = envelope(random)
    while seed % 16 and render_chunk(plain, _block(1, json.dumps(data).encode())).tally.refused:
        data = envelope(random)
    texts = [text for text in lines_like(data, random, lines) if text.strip()]
    learnt = Worker(Settings(target=target, whole=whole, files=files))
    for number, text in enumerate(texts, 1):
        block = _block(number, text)
        if is_quick and number > 10 and learnt.templates and learnt.templates.answer(text) is None:
            continue
        _demand_same(seed, block, render_chunk(plain, block), render_chunk(learnt, block))
    if not seed % 8 and not is_quick:
        for text, one, other in zip(
            texts, render(texts, target, whole=whole, templates=False), render(texts, target, whole=whole), strict=True
        ):
            if one != other:
                raise Difference(f"seed {seed}, {text!r}:\n{one}\n{other}")
    assert learnt.templates is not None
    return len(texts), learnt.templates.answered // (1 + is_quick)


def _block(number: int, text: bytes) -> Block:
    return Block.of("in", number, number - 1, [text])


def _demand_same(seed: int, item: Block, one: Batch, other: Batch) -> None:
    if one != other:
        told = "\n".join(f"{each.lines} {each.files} {each.tally}" for each in (one, other))
        raise Difference(f"seed {seed}, line {item.number}, {item.text!r}:\n{told}")


def _runs(seed: int, lines: int, of_shape: int, is_quick: bool) -> Iterator[tuple[int, int]]:
    total = answered = 0
    while total < lines:
        seen, known = compare(seed, of_shape, is_quick=is_quick)
        total, answered, seed = total + seen, answered + known, seed + 1
        yield total, answered


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare until so many lines were compared."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first shape")
    parser.add_argument("--of-shape", type=int, default=40, help="lines of each shape (default: 40)")
    parser.add_argument("--quick", action="store_true", help="compare only what templates answer")
    asked = parser.parse_args(arguments)
    total = answered = 0
    try:
        for n, (total, answered) in enumerate(_runs(asked.seed, asked.lines, asked.of_shape, asked.quick)):
            if not n % 100:
                print(f"{total:,} lines, {answered:,} by templates", flush=True)
    except Difference as difference:
        print(difference, file=sys.stderr)
        return 1
    print(f"{total:,} lines are the same with templates and without; templates answered {answered:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
