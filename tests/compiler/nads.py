"""Targets of the host profile, with one NetworkAttachmentDefinition."""

from __future__ import annotations

import json
from typing import Any

from kvnet.spec import Nad

__all__ = ["host_target"]


def host_target(*plugins: dict[str, Any], name: str = "nad", namespace: str | None = None) -> dict[str, Any]:
    """What Target takes for the host profile and a definition of these CNI plugins; of none, one without config."""
    config = json.dumps({"cniVersion": "0.3.1", "name": "n", "plugins": plugins}) if plugins else None
    return {"profile": "host", "nads": (Nad(name=name, namespace=namespace, config=config),)}
