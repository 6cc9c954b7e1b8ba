"""Rules on ``dhcpOptions``."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from kvnet.errors import Problem
from kvnet.rules.context import Nic, Rule, RuleContext, refusal
from kvnet.spec import PrivateOption
from kvnet.values import ip_of

__all__ = ["RULES"]

_LOWEST_PRIVATE, _HIGHEST_PRIVATE = 224, 254


def unique_private_options(context: RuleContext) -> Iterator[Problem]:
    """A private DHCP option is given once."""
    for nic in context.nics:
        numbers = [option.option for option in _options(nic)]
        if len(set(numbers)) < len(numbers):
            twice = next(number for number in numbers if numbers.count(number) > 1)
            yield refusal(
                nic.at / "dhcpOptions" / "privateOptions",
                "KN146",
                f"private DHCP option {twice} is given twice",
                "keep one of the values",
                reported_at=context.root,
            )


def private_option_numbers(context: RuleContext) -> Iterator[Problem]:
    """Private DHCP options are 224 to 254 (RFC 3942)."""
    for nic in context.nics:
        for n, option in enumerate(_options(nic)):
            if not _LOWEST_PRIVATE <= option.option <= _HIGHEST_PRIVATE:
                yield refusal(
                    (nic.at / "dhcpOptions" / "privateOptions")[n] / "option",
                    "KN147",
                    f"DHCP option {option.option} is not for private use",
                    f"use {_LOWEST_PRIVATE} to {_HIGHEST_PRIVATE}",
                    reported_at=context.root,
                )


def ntp_servers(context: RuleContext) -> Iterator[Problem]:
    """NTP servers are IPv4 addresses, because they are sent in DHCPv4 option 42."""
    for nic in context.nics:
        options = nic.interface.dhcp_options
        for n, server in enumerate(options.ntp_servers if options else ()):
            if not isinstance(ip_of(server), IPv4Address):
                yield refusal(
                    (nic.at / "dhcpOptions" / "ntpServers")[n],
                    "KN148",
                    f"'{server}' is not an IPv4 address",
                    "write the server's IPv4 address: names and IPv6 do not fit DHCP option 42",
                )


def _options(nic: Nic) -> tuple[PrivateOption, ...]:
    options = nic.interface.dhcp_options
    return options.private_options if options else ()


RULES = tuple(Rule(judge, "dhcp_options") for judge in (unique_private_options, private_option_numbers, ntp_servers))
