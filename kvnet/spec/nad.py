"""NetworkAttachmentDefinition: a name for a CNI configuration (the Multus de-facto standard)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from kvnet.spec.wire import BriefRepr, Origin, Rest, mapping

__all__ = ["Nad"]


@frozen(kw_only=True, slots=False, repr=False)
class Nad(BriefRepr):
    """One NetworkAttachmentDefinition.

    - ``name``, ``namespace``: of the object
    - ``annotations``: of the object
    - ``config``: the text of ``spec.config``, which is JSON; ``None`` where the CNI configuration lies on the node
    - ``around``: the rest of the object
    - ``origin``: finds fields in the text, and does not count when NADs are compared
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
