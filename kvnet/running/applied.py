"""The domain as it would be after a plan."""

from __future__ import annotations

from kvnet.domain.edit import Edit, edited, insertion, last_of, removal
from kvnet.domain.scan import encoded, scan
from kvnet.errors import FieldPath
from kvnet.running.standing import LiveNic, live_nics
from kvnet.running.step import Action, Plan, Step

__all__ = ["applied"]


def applied(domain_xml: str, plan: Plan) -> str:
    """The document after every step of a plan: what libvirt would then say, but for what it adds by itself.

    Every byte that no step speaks of stays. Raises XmlError.
    """
    for step in plan.steps:
        domain_xml = _after(domain_xml, step)
    return domain_xml


def _after(domain_xml: str, step: Step) -> str:
    document = encoded(domain_xml, FieldPath())
    outline = scan(document)
    if step.action is Action.ATTACH:
        place = last_of(outline, ("interface",), ("emulator", "disk", "controller", "filesystem"))
        return edited(document, [insertion(document, outline, [step.xml], place)])
    spans = [nic.span for nic in live_nics(domain_xml) if _is_meant(nic, step)]
    if step.action is Action.DETACH:
        return edited(document, [removal(document, span) for span in spans])
    return edited(document, [Edit(span.start, span.end, step.xml) for span in spans])


def _is_meant(nic: LiveNic, step: Step) -> bool:
    return nic.alias == step.alias and step.xml.startswith(f"<{nic.span.tag}")
