"""The catalogue of problem codes: for each, what it means, why it matters, and a bad and a good example."""

from kvnet.codes.catalogue import UnknownCode, explanation, explanations
from kvnet.codes.page import GROUPS, Explanation

__all__ = ["GROUPS", "Explanation", "UnknownCode", "explanation", "explanations"]
