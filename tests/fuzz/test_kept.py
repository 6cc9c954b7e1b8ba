"""What fuzzing found new ways with is given to every entry again, also where there is no atheris."""

from __future__ import annotations

import json

from fuzz.seeds import entry_texts, kept_entries

import kvnet


def test_what_was_kept_is_small_and_ends_in_kvnets_own_errors() -> None:
    kept = [*kept_entries(), *(text.encode() for text in entry_texts())]
    assert max(map(len, kept)) < 4096
    for data in kept:
        for read in (kvnet.loads_facts, kvnet.loads_cluster, kvnet.loads_found, kvnet.loads_all, kvnet.read_domain):
            try:
                read(data[1:])
            except kvnet.KvnetError as error:
                assert str(error), json.dumps(data.decode("latin-1"))  # noqa: PT017
