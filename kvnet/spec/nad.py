"""NetworkAttachmentDefinition: a name for a CNI configuration (the Multus de-facto standard)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from kvnet.spec.origin import Origin
from kvnet.spec.wire import BriefRepr, Rest, mapping

__all__ = ["Nad"]


@frozen(kw_only=True, slots=False, repr=False)
class Nad(BriefRepr):
    """One NetworkAttachmentDefinition.

    ``config`` is the text of ``spec.config`` (JSON inside a string), ``None`` where the NAD has none
    and the CNI configuration lies on the node.
    """

    name: str
    namespace: str | None = None
    annotations: Mapping[str, str] = mapping()
    config: str | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)

    @property
    def plugins(self) -> tuple[Mapping[str, Any], ...]:
        """The chain of CNI plugin configurations; a single plugin is a chain of one.

        Raises ValueError where ``config`` is not JSON, which the loader has refused already.
        """
        config = json.loads(self.config) if self.config else {}
        chain = config.get("plugins", [config] if config else [])
        return tuple(chain)
