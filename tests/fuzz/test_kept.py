"""What fuzzing found new ways with is given to every entry again, also where there is no atheris."""

from __future__ import annotations

import sys
from pathlib import Path

import kvnet

sys.path.insert(0, str(Path(__file__).parent))
from seeds import entry_texts, kept_entries


def _told(read: object, data: bytes) -> str:
    """What a reader says of data; nothing where it takes them."""
    try:
        read(data)  # type: ignore[operator]
    except kvnet.KvnetError as error:
        return str(error) or "an error without words"
    return ""


def test_what_was_kept_is_small_and_ends_in_kvnets_own_errors() -> None:
    kept = [*kept_entries(), *(text.encode() for text in entry_texts())]
    readers = (kvnet.loads_facts, kvnet.loads_cluster, kvnet.loads_found, kvnet.loads_all, kvnet.read_domain)
    assert max(map(len, kept)) < 4096
    assert "an error without words" not in {_told(read, data[1:]) for data in kept for read in readers}
