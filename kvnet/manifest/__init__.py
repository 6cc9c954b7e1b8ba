"""Text ⇄ spec: KubeVirt manifests and host facts in YAML and JSON, with the place of every problem."""

from kvnet.manifest.document import Document, Source, documents
from kvnet.manifest.dumping import dump, plain
from kvnet.manifest.facts import load_facts, loads_facts
from kvnet.manifest.loading import (
    Manifest,
    load,
    load_all,
    load_cluster,
    load_cluster_objects,
    loads,
    loads_all,
    loads_cluster,
)

__all__ = [
    "Document",
    "Manifest",
    "Source",
    "documents",
    "dump",
    "load",
    "load_all",
    "load_cluster",
    "load_cluster_objects",
    "load_facts",
    "loads",
    "loads_all",
    "loads_cluster",
    "loads_facts",
    "plain",
]
