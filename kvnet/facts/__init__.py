"""Host facts: the model, and the documents it is read from."""

from kvnet.facts.documents import load_facts
from kvnet.facts.model import Confidential, HostFacts, PodLink, PodNetwork

__all__ = ["Confidential", "HostFacts", "PodLink", "PodNetwork", "load_facts"]
