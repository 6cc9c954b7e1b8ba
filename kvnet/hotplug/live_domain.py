"""Parse a domain of libvirt once, and read its NICs and what it says of the whole machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from attrs import frozen

from kvnet.compiler.pod import VF_ALIAS
from kvnet.device import Device, Hostdev, Interface
from kvnet.domain.document import NICS, DomainDocument, Span
from kvnet.domain.read import About, about, is_nic
from kvnet.errors import FieldPath
from kvnet.spec import Interface as SpecInterface
from kvnet.spec import Sriov
from kvnet.xml.reading import read_tree

__all__ = ["LiveDomain", "LiveNic", "is_virtual_function"]


@frozen(kw_only=True)
class LiveNic:
    """One ``<interface>`` or PCI ``<hostdev>`` of a domain.

    ``at`` is its path, such as ``interface[0]``; ``span`` its position in the document, in bytes; ``text`` its XML as
    it is spelled there; ``device`` the value of that XML, read without loss.
    """

    at: FieldPath
    span: Span
    text: str
    device: Device

    @property
    def alias(self) -> str:
        """Its alias, empty where it has none."""
        return self.device.alias or ""


@frozen(slots=False)
class LiveDomain(DomainDocument):
    """A domain document, parsed: the live configuration of a running domain, or a persistent configuration.

    To what a ``DomainDocument`` has it adds ``about``, what the domain says of the whole machine, and ``nics``, its
    interfaces and PCI hostdevs in document order. Each is read once, when it is first used.

    >>> nic = "<interface type='user'><alias name='ua-a'/></interface>"
    >>> [nic.alias for nic in LiveDomain.parse(f"<domain><devices>{nic}</devices></domain>").nics]
    ['ua-a']
    """

    @classmethod
    def of(cls, domain: str | LiveDomain) -> LiveDomain:
        """A domain that may be parsed already. Raises XmlError."""
        return domain if isinstance(domain, LiveDomain) else cls.parse(domain)

    @cached_property
    def about(self) -> About:
        return about(self.domain)

    @cached_property
    def nics(self) -> tuple[LiveNic, ...]:
        nics: list[LiveNic] = []
        counts = dict.fromkeys(NICS, 0)
        for element in self.devices:
            tag = str(element.tag)
            if is_nic(element):
                span = self.spans[element]
                text = self.data[span.start : span.end].decode()
                device = read_tree(element, Interface, Hostdev, text=self.data, lossless=True)
                nics.append(LiveNic(at=FieldPath((tag,))[counts[tag]], span=span, text=text, device=device))
            if tag in NICS:
                counts[tag] += 1
        return tuple(nics)

    def nics_of(self, interface: SpecInterface, name_of: Callable[[str], str | None]) -> tuple[LiveNic, ...]:
        """The NICs whose alias names an interface of the machine: one, none, or several where an alias is not unique.

        ``name_of`` reads the name from an alias. An SR-IOV interface is first looked for as ``sriov-NAME`` among the
        hostdevs.
        """
        wanted: list[tuple[type[Device], str]] = [(Interface, interface.name)]
        if is_virtual_function(interface):
            wanted.insert(0, (Hostdev, f"{VF_ALIAS}{interface.name}"))
        for kind, name in wanted:
            found = tuple(nic for nic in self.nics if isinstance(nic.device, kind) and name_of(nic.alias) == name)
            if found:
                return found
        return ()


def is_virtual_function(interface: SpecInterface) -> bool:
    """Whether an interface of a machine is a virtual function that is passed through."""
    return isinstance(interface.binding, Sriov)
