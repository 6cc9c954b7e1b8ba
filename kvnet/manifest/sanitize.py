"""What KubeVirt rewrites while it decodes JSON: addresses with leading zeros (its API's sanitizers)."""

from __future__ import annotations

import re
from ipaddress import ip_address

__all__ = ["sanitized_cidr", "sanitized_ip"]

_DOTTED = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){3}")


def sanitized_ip(text: str) -> str:
    """The address in canonical form; text that is no address stays as it is."""
    if _DOTTED.fullmatch(text):
        text_or_none = ".".join(str(int(octet)) for octet in text.split("."))
        return text_or_none if _is_ip(text_or_none) else text
    return str(ip_address(text)) if _is_ip(text) else text


def sanitized_cidr(text: str) -> str:
    """The network with its address in canonical form, host bits kept; other text stays as it is."""
    address, slash, prefix = text.partition("/")
    canonical = sanitized_ip(address)
    if not slash or not _is_ip(canonical) or not re.fullmatch("[0-9]{1,3}", prefix):
        return text
    return f"{canonical}/{int(prefix)}"


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
