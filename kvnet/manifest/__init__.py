"""Text ⇄ spec: KubeVirt manifests and host facts in YAML and JSON, with the place of every problem."""

from typing import TYPE_CHECKING

from kvnet._lazy import lazy_names
from kvnet.manifest._kinds import FACTS, NO_YAML, XML
from kvnet.manifest.document import Document, Source, documents, manifest_files
from kvnet.manifest.loading import (
    Manifest,
    Reading,
    is_of_others,
    load,
    load_all,
    load_cluster,
    load_cluster_objects,
    load_partly,
    loads,
    loads_all,
    loads_cluster,
)

if TYPE_CHECKING:
    from kvnet.manifest.dumping import dump, plain
    from kvnet.manifest.facts import load_facts, loads_facts
else:
    # what a check without facts does not need
    _HOMES = {"kvnet.manifest.dumping": "dump plain", "kvnet.manifest.facts": "load_facts loads_facts"}
    __getattr__ = lazy_names(__name__, _HOMES)

__all__ = [
    "FACTS",
    "NO_YAML",
    "XML",
    "Document",
    "Manifest",
    "Reading",
    "Source",
    "documents",
    "dump",
    "is_of_others",
    "load",
    "load_all",
    "load_cluster",
    "load_cluster_objects",
    "load_facts",
    "load_partly",
    "loads",
    "loads_all",
    "loads_cluster",
    "loads_facts",
    "manifest_files",
    "plain",
]
