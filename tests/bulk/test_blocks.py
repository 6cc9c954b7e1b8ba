"""Blocks of lines: which machines are in them, and how they reach a worker."""

from __future__ import annotations

import io
import json
import pickle
from mmap import mmap

import pytest
from bulk.manifests import vmi
from hypothesis import given
from hypothesis import strategies as st

from kvnet.bulk.batches import Batch
from kvnet.bulk.inputs import Ndjson
from kvnet.bulk.lines import Block, Line, counted
from kvnet.bulk.run import render_chunk
from kvnet.bulk.settings import Settings, Worker
from kvnet.bulk.workers import Area, Slot, TextInSlot
from kvnet.fleet import Uses

_ODD = [b"", b" ", b"\t\r", b"\x0b\x0c", b"\0", b"\x85", b" a"]
TEXTS = st.lists(st.sampled_from([*_ODD, b"a", b"bb", b"{}"]), max_size=20)
TOLD = st.lists(st.fixed_dictionaries({"name": st.text(), "xml": st.text()}), max_size=40)


@pytest.fixture
def area() -> Area:
    return Area(2, 8000)


def in_slot(slot: Slot, text: bytes, machines: int = 1) -> Block:
    slot.room()[: len(text)] = text
    return Block("in", 1, 0, machines, TextInSlot(slot, 0, len(text)))


def told(lines: list[Line]) -> list[tuple[int, bytes]]:
    return [(each.number, each.text) for each in lines]


@given(texts=TEXTS, size=st.integers(1, 40))
def test_every_line_that_holds_a_machine_is_in_one_block_with_its_number_and_index(
    texts: list[bytes], size: int
) -> None:
    chunks = Ndjson(io.BytesIO(b"\n".join(texts)), "in", block=size).chunks()
    blocks = [each for each in chunks if isinstance(each, Block)]
    wanted = [(number, text) for number, text in enumerate(texts, 1) if text.strip()]
    assert told([line for block in blocks for line in block]) == wanted
    assert [block.first for block in blocks] == [sum(map(len, blocks[:n])) for n in range(len(blocks))]


@given(texts=TEXTS, start=st.integers(0, 20), stop=st.integers(0, 20))
def test_a_part_of_a_block_has_its_lines_with_their_numbers_and_indexes(
    texts: list[bytes], start: int, stop: int
) -> None:
    block = Block.of("in", 7, 3, texts)
    part = block[start:stop]
    assert told(list(part)) == told(list(block)[start:stop])
    assert len(part) == len(list(block)[start:stop])
    assert not part or part.first == 3 + start


@given(texts=TEXTS)
def test_the_lines_of_a_text_are_counted_and_found_as_if_it_were_split(texts: list[bytes]) -> None:
    text = b"\n".join(texts)
    split = text.split(b"\n")
    room = mmap(-1, len(text) + 2)
    room[:] = text + b"\n "
    assert counted(room, len(text)) == (len(split), sum(1 for line in split if line.strip()))
    assert [*Block("in", 1, 0, 0, text).texts()] == split


@given(
    told=st.lists(st.fixed_dictionaries({"name": st.text(), "xml": st.text()}), max_size=40), first=st.integers(0, 99)
)
def test_lines_that_a_worker_numbers_are_those_that_the_writing_process_would_number(
    told: list[dict[str, str]], first: int
) -> None:
    batch = Batch()
    for n, line in enumerate(told):
        batch.add(line, Uses(macs=(("lan", str(n % 7)),)))
    packed = batch.packed_by_worker(first, "r", None).packed
    assert packed is not None
    assert packed == batch.pack(first, "r")
    lines = bytes(packed.whole_text).splitlines(keepends=True)
    run = {"run": "r"} if not first and told else {}
    assert [json.loads(line) for line in lines] == [
        {"index": first + n, **(run if not n else {}), **line} for n, line in enumerate(told)
    ]
    assert packed.starts == [len(b"".join(lines[:n])) for n in range(len(lines)) if not (first + n) % 16]
    assert len(packed.records.text) == 16 * len(told)


def test_memory_whose_text_is_being_written_is_given_back_by_the_last_view() -> None:
    area = Area(1, 100)
    (kept,) = area.slot(0).put(b"kept")
    view = kept.view
    del area
    assert bytes(view) == b"kept"
    with pytest.raises(KeyError):
        kept.view  # noqa: B018


def test_a_block_is_sent_through_its_slot_and_its_lines_come_back_there(area: Area) -> None:
    block = in_slot(area.slot(5), json.dumps(vmi(1)).encode())
    data = pickle.dumps(block)
    assert b"VirtualMachineInstance" not in data
    made = render_chunk(Worker(Settings()), pickle.loads(data), run="r")
    assert made.packed is not None
    assert isinstance(made.packed.text, TextInSlot)
    here = render_chunk(Worker(Settings()), Block.of("in", 1, 0, [block.text]), run="r")
    assert here.packed is not None
    assert made.packed.whole_text == here.packed.whole_text


@given(texts=TEXTS, size=st.integers(1, 40))
def test_blocks_are_the_same_in_shared_memory_and_those_without_room_there_are_sent_as_they_are(
    texts: list[bytes], size: int
) -> None:
    whole, shared = b"\n".join(texts), Area(3, 40)
    plain = Ndjson(io.BytesIO(whole), "in", block=size).chunks()
    kept = Ndjson(io.BytesIO(whole), "in", block=size, area=shared).chunks()
    for one, other in zip(plain, kept, strict=True):
        assert isinstance(one, Block)
        assert isinstance(other, Block)
        sent = pickle.loads(pickle.dumps(other))
        for each in (other, sent):
            assert (each.text, each.size, len(each), each.first) == (one.text, one.size, len(one), one.first)
        assert sent.slot is None or sent.size <= 40


def test_blocks_take_their_slots_in_turns_and_one_without_machines_takes_none(area: Area) -> None:
    text = b"{}\n" + b"  \n" * 20 + b"{}\n" + b"  \n" * 20 + b"{}\n"
    blocks = [*Ndjson(io.BytesIO(text), "in", block=8, area=area).chunks()]
    assert [block.slot.number for block in blocks if isinstance(block, Block) and block.slot] == [0, 1, 0]


def test_a_result_without_room_in_its_slot_comes_back_as_it_is(area: Area) -> None:
    text = b"\n".join(json.dumps(vmi(n)).encode() for n in range(9))
    made = render_chunk(Worker(Settings(whole=True)), in_slot(area.slot(0), text, machines=9), run="r")
    assert made.packed is not None
    assert isinstance(made.packed.text, bytes)


@pytest.mark.parametrize(
    ("size", "block"),
    [
        pytest.param(None, 1 << 20, id="an input of unknown size has blocks of 1 MiB"),
        pytest.param(1 << 18, 1 << 18, id="a small one has one block"),
        pytest.param(1 << 22, 1 << 19, id="a larger one has eight, for workers to share"),
        pytest.param(1 << 30, 1 << 21, id="a large one has blocks of 2 MiB"),
    ],
)
def test_blocks_are_as_large_as_the_input(size: int | None, block: int) -> None:
    assert Ndjson(io.BytesIO(), "in", size).block == block
