"""Text that several parts of a device are made of, as libvirt's schema has it."""

from __future__ import annotations

from kvnet.xml.types import Text, Token

__all__ = ["ABSOLUTE_PATH", "ALIAS", "BRIDGE_NAME", "DEVICE_NAME", "UUID"]

ABSOLUTE_PATH = Text(r"(/|[a-zA-Z]:\\).+")
ALIAS = Token(r"[a-zA-Z0-9_\-.]+")
BRIDGE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/ ]*")
DEVICE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/]+")
UUID = Token(r"[a-fA-F0-9]{32}|[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}")
