"""Host facts: the model, and the documents it is read from."""

from kvnet.facts.model import BindingPlugin, Confidential, HostFacts, PodLink, PodNetwork

__all__ = ["BindingPlugin", "Confidential", "HostFacts", "PodLink", "PodNetwork"]
