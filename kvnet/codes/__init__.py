"""The catalogue of problem codes: for each, what it means, why it matters, and a bad and a good example."""

from typing import TYPE_CHECKING

from kvnet._lazy import lazy_names
from kvnet.codes.groups import GROUPS, OPTIONAL_GROUPS, group_of

if TYPE_CHECKING:
    from kvnet.codes.catalogue import Explanation, UnknownCode, explanation, explanations
else:
    # what most checks do not need
    __getattr__ = lazy_names(__name__, {"kvnet.codes.catalogue": "Explanation UnknownCode explanation explanations"})

__all__ = ["GROUPS", "OPTIONAL_GROUPS", "Explanation", "UnknownCode", "explanation", "explanations", "group_of"]
