"""The catalogue of problem codes: for each, what it means, why it matters, and a bad and a good example."""

from kvnet.codes.catalogue import UnknownCode, explanation, explanations
from kvnet.codes.groups import GROUPS, OPTIONAL_GROUPS, group_of
from kvnet.codes.page import Explanation

__all__ = ["GROUPS", "OPTIONAL_GROUPS", "Explanation", "UnknownCode", "explanation", "explanations", "group_of"]
