"""libvirt's own verdict about one network device: the RELAX NG schema that is installed with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

__all__ = ["SCHEMA", "validated"]

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")

_DEVICES = ("interface", "hostdev")
_DOMAIN = "<domain type='kvm'><name>vm</name><memory>65536</memory><os><type>hvm</type></os><devices/></domain>"
_FROM_A_DEVICE = """
<grammar xmlns='http://relaxng.org/ns/structure/1.0'>
  <include href='{}'>
    <start><choice><ref name='interface'/><ref name='hostdev'/></choice></start>
  </include>
</grammar>
"""


def validated(device_xml: str) -> list[str]:
    """What the installed schema has against an ``<interface>`` or ``<hostdev>`` in a minimal domain; nothing if valid.

    libxml2 refuses a valid ``<hostdev>`` that has another child among its driver, teaming and source. Raises
    ``etree.RelaxNGParseError`` where no schema is installed.
    """
    try:
        device = etree.fromstring(device_xml.encode(), etree.XMLParser(encoding="utf-8", resolve_entities=False))
    except etree.XMLSyntaxError as error:
        return [str(error)]
    if device.tag not in _DEVICES:
        return [f"<{device.tag!s}> is neither an <interface> nor a <hostdev>"]
    domain = etree.fromstring(_DOMAIN)
    # The last child is <devices>; the device itself stays whole for the second question.
    domain[-1].append(etree.fromstring(etree.tostring(device)))
    whole = _schema()
    if whole.validate(domain):
        return []
    # Of a domain libxml2 says no more than that its devices are wrong, so the device alone is asked for reasons.
    alone = _device_schema()
    alone.validate(device)
    return [*_reasons(alone), *_reasons(whole)]


def _reasons(schema: etree.RelaxNG) -> list[str]:
    return list(dict.fromkeys(entry.message for entry in schema.error_log))


@cache
def _schema() -> etree.RelaxNG:
    return etree.RelaxNG(file=str(SCHEMA))


@cache
def _device_schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.fromstring(_FROM_A_DEVICE.format(SCHEMA.as_uri())))
