"""The codes of what can be wrong with a manifest before any rule reads it."""

from __future__ import annotations

__all__ = [
    "CODES",
    "DUPLICATE",
    "MISSING",
    "NAD_CONFIG",
    "NOTHING_FOUND",
    "NO_KIND",
    "OUT_OF_RANGE",
    "SEVERAL_FOUND",
    "TOO_MANY",
    "UNKNOWN_FIELD",
    "UNKNOWN_KIND",
    "UNREADABLE",
    "UNSUPPORTED_YAML",
    "WRONG_TYPE",
]

UNREADABLE = "KN001"
DUPLICATE = "KN002"
UNKNOWN_FIELD = "KN003"
WRONG_TYPE = "KN004"
MISSING = "KN005"
OUT_OF_RANGE = "KN006"
UNSUPPORTED_YAML = "KN007"
NAD_CONFIG = "KN008"
NOTHING_FOUND = "KN009"
SEVERAL_FOUND = "KN010"
NO_KIND = "KN011"
UNKNOWN_KIND = "KN012"
TOO_MANY = "KN013"

CODES: dict[str, str] = {
    UNREADABLE: "the text cannot be read, or is neither YAML nor JSON",
    DUPLICATE: "a key is given twice in one mapping",
    UNKNOWN_FIELD: "KubeVirt has no field of this name here",
    WRONG_TYPE: "a value is not of the type that its field has",
    MISSING: "a required field is absent",
    OUT_OF_RANGE: "a number does not fit the field's integer type",
    UNSUPPORTED_YAML: "a YAML tag, alias or nesting that no manifest needs",
    NAD_CONFIG: "spec.config of a NetworkAttachmentDefinition is not a CNI configuration",
    NOTHING_FOUND: "the source holds no VirtualMachine",
    SEVERAL_FOUND: "the source holds several machines, and one was expected",
    NO_KIND: "a document does not say its kind, and is no VMI spec either",
    UNKNOWN_KIND: "a kind is KubeVirt's but for its letter case",
    TOO_MANY: "a list is longer than KubeVirt lets it be",
}
"""What each code means, in one line."""
