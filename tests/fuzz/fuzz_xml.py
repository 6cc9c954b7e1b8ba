"""Fuzzes the XML reader: ``fuzz_xml.py [libFuzzer options]``, such as ``-max_total_time=30``.

Whatever the bytes are, only an XmlError may come of them; and what is read without loss is written as it was.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris
from seeds import device_texts, write_seeds

with atheris.instrument_imports(include=["kvnet"]):
    # names, for kvnet imports what they need only when they are asked for
    from kvnet import XmlError, diff, read_device, read_domain, write

from lxml import etree


def canonical(text: str | bytes) -> bytes:
    """The document in canonical form."""
    parser = etree.XMLParser(resolve_entities=False, encoding="utf-8")
    return etree.tostring(etree.fromstring(text.encode() if isinstance(text, str) else text, parser), method="c14n")


def one_input(data: bytes) -> None:
    """Read as a device and as a domain, in every way."""
    for read in (read_device, read_domain):
        try:
            read(data)
        except XmlError as error:
            told(error)
    try:
        device = read_device(data, lossless=True)
    except XmlError:
        return
    try:
        given = canonical(data)
    except etree.C14NError:  # of a namespace that is a relative address, which libvirt takes
        return
    assert canonical(write(device)) == given
    for change in diff(device, device):
        raise AssertionError(change)
    with suppress(XmlError):
        write(device, libvirt="9.0")


def told(error: XmlError) -> None:
    """An error says something."""
    assert str(error)


def main() -> None:
    """Fuzz until libFuzzer ends."""
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(device_texts(), Path(folder))
        words = Path(__file__).with_name("xml.dict")
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=4096", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
