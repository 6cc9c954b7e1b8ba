"""The groups of problem codes, and the group of each code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

__all__ = ["GROUPS", "OPTIONAL_GROUPS", "group_of"]

GROUPS: Final[Mapping[str, str]] = {
    "syntax": "reading manifests",
    "facts": "reading host facts and targets",
    "selection": "configuration, suppressions and baselines",
    "admission": "what KubeVirt's admission refuses",
    "instancetypes": "instancetypes and preferences",
    "compile": "what libvirt has no device for",
    "assumption": "what was assumed",
    "cni": "NetworkAttachmentDefinitions on a plain host",
    "define": "defining domains on libvirt",
    "libvirt": "what KubeVirt admits and libvirt refuses",
    "xml": "reading and writing XML",
    "domain": "whole domains",
    "import": "manifests made from domains",
    "bulk": "rendering many machines",
    "fleet": "machines that disturb each other",
    "status": "reports on running machines",
    "lifecycle": "restart and live migration",
    "pod": "the network of a pod",
    "hotplug": "changing the NICs of a running machine",
    "live": "changing domains on libvirt",
    "node": "the network of a pod on this host",
    "advice": "what is admitted, and may not behave as expected",
    "security": "what weakens the isolation of a network; off unless asked for",
}
"""For each group of codes, what its codes are about."""

OPTIONAL_GROUPS: Final = ("security",)
"""The groups that are told only where they are asked for."""

_GROUP_OF: Final[Mapping[str, str]] = {
    "KN00": "syntax",
    "KN01": "syntax",
    "KN02": "facts",
    "KN03": "selection",
    "KN1": "admission",
    "KN2": "admission",
    "KN21": "instancetypes",
    "KN30": "compile",
    "KN31": "assumption",
    "KN32": "assumption",
    "KN33": "assumption",
    "KN34": "cni",
    "KN40": "define",
    "KN41": "libvirt",
    "KN5": "xml",
    "KN60": "domain",
    "KN61": "import",
    "KN70": "bulk",
    "KN71": "fleet",
    "KN80": "status",
    "KN81": "lifecycle",
    "KN82": "lifecycle",
    "KN83": "pod",
    "KN84": "pod",
    "KN85": "hotplug",
    "KN86": "hotplug",
    "KN87": "live",
    "KN88": "node",
    "KN9": "advice",
    "KN925": "security",
}
"""The group of the codes that begin so; of several beginnings, the longest counts."""


@lru_cache(1024)
def group_of(code: str) -> str:
    """The group of a code, or of the codes that begin so, without reading its page.

    >>> group_of("KN906")
    'advice'
    """
    lengths = range(len(code), 0, -1)
    return next((_GROUP_OF[code[:length]] for length in lengths if code[:length] in _GROUP_OF), "advice")
