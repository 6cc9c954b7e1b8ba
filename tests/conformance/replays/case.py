"""What cases have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import kvnet
from kvnet.spec import Machine

__all__ = ["Case", "Difference", "bare", "network_status", "running"]

Case = dict[str, Any]
Difference = tuple[str, Any, Any]


def running(vmi: Mapping[str, Any]) -> Machine:
    """A VMI of a case, which does not say its kind."""
    return kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"} | dict(vmi))


def network_status(annotations: Mapping[str, str] | None) -> Any:
    """The pod's network-status from its annotations; to KubeVirt one that is no JSON is empty."""
    try:
        return json.loads((annotations or {}).get("k8s.v1.cni.cncf.io/network-status", "[]"))
    except ValueError:
        return []


def bare(value: Any) -> Any:
    """Without what counts for nothing: null and empty lists equal what is absent."""
    if isinstance(value, dict):
        return {key: bare(each) for key, each in value.items() if each not in (None, [])}
    return [bare(each) for each in value] if isinstance(value, list) else value
