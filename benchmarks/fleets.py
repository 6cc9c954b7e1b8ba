"""What ``kvnet bulk`` takes for a machine in one process: parse, render, write, and note what is used.

    python benchmarks/fleets.py

The figures are multiples of the floor of ``peers/fstring.py``, taken in turns with it. A machine that is refused ends
the run, and so do lines that are not those of the ordinary way.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path

from attrs import evolve, field, frozen

from compare import Step, in_chunks
from kvnet.bulk.inputs import Ndjson
from kvnet.bulk.lines import Block
from kvnet.bulk.outputs import FileOutput
from kvnet.bulk.run import render_chunk, run
from kvnet.bulk.settings import Settings, Worker
from memory import lines
from peers import fstring
from work import Vm, vms

__all__ = ["in_floors", "main"]

GROUP, GROUPS = 100, 20
"""How many machines are timed at once, and how many times in each round."""
COMPARED = 500
NEVER_AGAIN = 1 << 30


@frozen(kw_only=True)
class Fleet:
    """Lines of machines of so many shapes, and how they are rendered."""

    shapes: int
    settings: Settings
    numbers: count[int] = field(factory=count, eq=False)

    def block(self, _: object) -> Block:
        """The lines of machines that were not there before."""
        first = next(self.numbers) * GROUP
        texts = [text.encode().rstrip(b"\n") for text in lines(GROUP, self.shapes, first)]
        return Block.of("fleet", first + 1, first, texts)


FLEETS = {
    "known shape, devices": Fleet(shapes=1, settings=Settings()),
    "known shape, domains": Fleet(shapes=1, settings=Settings(whole=True)),
    "20 known shapes, devices": Fleet(shapes=20, settings=Settings()),
    "no two of one shape, devices": Fleet(shapes=NEVER_AGAIN, settings=Settings()),
    "without templates, devices": Fleet(shapes=1, settings=Settings(templates=False)),
    "without templates, domains": Fleet(shapes=1, settings=Settings(whole=True, templates=False)),
}


def in_floors(rounds: int) -> dict[str, float]:
    """What a machine of each fleet takes, in f-strings. Raises ValueError where a result is not the ordinary one."""
    fleet = vms(GROUP * GROUPS)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        steps = {"f-string": Step(lambda n: fleet[n * GROUP : (n + 1) * GROUP], _floor)}
        outputs = []
        for number, (name, each) in enumerate(FLEETS.items()):
            _demand_ordinary(each, folder)
            output = opened.enter_context(closing(FileOutput(str(Path(folder, f"{number}.ndjson")), force=True)))
            outputs.append(output)
            steps[name] = Step(each.block, partial(_rendered, Worker(each.settings), output))
            for _ in range(GROUPS):  # most shapes are known after that
                _rendered_before(steps[name])
        taken = in_chunks(steps, range(GROUPS), rounds, size=1)
        if any(output.tally.refused for output in outputs):
            raise ValueError("a machine was refused")
    return {name: taken[name] / taken["f-string"] for name in FLEETS}


def _rendered_before(step: Step) -> None:
    step.call(step.prepare(0))


def _rendered(worker: Worker, output: FileOutput, block: Block) -> None:
    output.write(render_chunk(worker, block, run=output.run))


def _floor(fleet: Sequence[Vm]) -> None:
    for vm in fleet:
        fstring.render(vm)


def _demand_ordinary(fleet: Fleet, folder: str) -> None:
    """Raise ValueError where templates give other lines than the ordinary way."""
    text = "".join(lines(COMPARED, fleet.shapes)).encode()
    with_templates, without = (
        _written(text, evolve(fleet.settings, templates=templates), Path(folder, "compared.ndjson"))
        for templates in (fleet.settings.templates, False)
    )
    if with_templates != without:
        raise ValueError("templates gave other lines than the ordinary way")


def _written(text: bytes, settings: Settings, path: Path) -> bytes:
    show: Callable[[int, int, bool], None] = lambda *_: None  # noqa: E731
    with closing(FileOutput(str(path), force=True)) as output:
        run(Ndjson(io.BytesIO(text), "fleet"), settings, output, None, ahead=1, show=show)
        if output.tally.refused or any(output.duplicates()):
            raise ValueError(f"not all machines were rendered: {output.tally}")
    return path.read_bytes()


def main() -> int:
    """Print what a machine of each fleet takes."""
    for name, floors in in_floors(rounds=5).items():
        print(f"{floors:7.2f} f-strings a machine  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
