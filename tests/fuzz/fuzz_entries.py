"""Fuzzes every other entry: ``fuzz_entries.py [libFuzzer options]``, such as ``-max_total_time=30``.

The first byte chooses the entry: host facts, the cluster's configuration, a CNI configuration in a NAD, a line of a
bulk run, a file that ``--resume`` finds, a configuration, a baseline, what was found in a pod, what a guest agent
reports, and XML for a patch, an import and a plan. Only kvnet's own errors may come of the rest, whatever it is.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
from seeds import entry_texts, kept_entries, write_seeds

with atheris.instrument_imports(include=["kvnet"]):
    # names, for kvnet imports what they need only when they are asked for
    from kvnet import (
        KvnetError,
        LiveDomain,
        Target,
        import_domain,
        load,
        loads_all,
        loads_cluster,
        loads_facts,
        loads_found,
        patch,
        plan_changes,
        render,
        status,
    )
    from kvnet.bulk.lines import Line
    from kvnet.bulk.outputs import FileOutput, FolderOutput
    from kvnet.bulk.rendering import Settings
    from kvnet.report.baseline import read_baseline
    from kvnet.report.config import read_config

_MACHINE = load(
    {
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "m"},
        "spec": {
            "domain": {"devices": {"interfaces": [{"name": "a", "bridge": {}}]}},
            "networks": [{"name": "a", "multus": {"networkName": "x"}}],
        },
    }
)
_NIC = "<interface type='bridge'><source bridge='b'/><alias name='ua-a'/></interface>"


def _nad(data: bytes) -> None:
    nad = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "x"}}
    text = json.dumps({**nad, "spec": {"config": data.decode(errors="replace")}})
    render(_MACHINE, Target(profile="host", nads=loads_all(text).nads))


def _line(data: bytes) -> None:
    list(Line("a", 1, data).results(Settings(whole=True)))


def _resumed(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for kind, name, path in ((FileOutput, "out", "out"), (FolderOutput, "d/kvnet-bulk.ndjson", "d")):
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            output = kind(str(Path(folder, path)), run="0", resume=True)
            try:
                output.resume()
                output.go_on()
                list(output.duplicates())
            except OSError:
                assert file.read_bytes() == data
            finally:
                output.close()


def _reported(data: bytes) -> None:
    try:
        report = json.loads(data)
    except (ValueError, RecursionError):
        return
    status(_MACHINE, f"<domain><devices>{_NIC}</devices></domain>", report, report, pod_ips=report)


def _domain(data: bytes) -> None:
    text = data.decode(errors="replace")
    for call in (
        lambda: patch(f"<domain><devices>{_NIC}</devices></domain>", [text]),
        lambda: patch(text, [_NIC]),
        lambda: import_domain(data),
        lambda: LiveDomain.parse(text),
        lambda: plan_changes(text, _MACHINE),
    ):
        _tried(call)


def _tried(call: Callable[[], object]) -> None:
    try:
        call()
    except KvnetError as error:
        told(error)


def told(error: KvnetError) -> None:
    """An error says something."""
    assert str(error)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


ENTRIES: tuple[Callable[[bytes], object], ...] = (
    loads_facts,
    loads_cluster,
    _nad,
    _line,
    _resumed,
    lambda data: read_config(_text(data), ".kvnet.toml"),
    lambda data: read_baseline(_text(data), "baseline.json"),
    loads_found,
    _reported,
    _domain,
)


def one_input(data: bytes) -> None:
    """Give the rest of the data to the entry that its first byte chooses."""
    if data:
        _tried(lambda: ENTRIES[data[0] % len(ENTRIES)](data[1:]))


def main() -> None:
    """Fuzz until libFuzzer ends."""
    with tempfile.TemporaryDirectory() as folder:
        write_seeds([*entry_texts(), *kept_entries()], Path(folder))
        words = Path(__file__).with_name("manifest.dict")
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=4096", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
