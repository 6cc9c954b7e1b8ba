"""Text ⇄ spec: KubeVirt manifests in YAML and JSON, with the place of every problem."""

from kvnet.manifest.cluster import load_cluster
from kvnet.manifest.documents import Document, documents
from kvnet.manifest.facts import load_facts
from kvnet.manifest.stream import Manifest, dump, load, load_all, plain

__all__ = ["Document", "Manifest", "documents", "dump", "load", "load_all", "load_cluster", "load_facts", "plain"]
