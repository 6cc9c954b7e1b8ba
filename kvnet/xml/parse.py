from __future__ import annotations

from lxml import etree

_PARSER = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True)

_NOBLANKS = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, remove_blank_text=True)


def parse(text: str | bytes, *, file: str = "<xml>", blanks: bool = True) -> etree._Element:
    return etree.fromstring(text.encode() if isinstance(text, str) else text, _PARSER if blanks else _NOBLANKS)
