"""IP addresses and networks are rewritten while they are read, as KubeVirt's API does it."""

from __future__ import annotations

import pytest
from machines import nic, pod, vmi

import kvnet
from kvnet.values import MacAddress

ADDRESSES = {
    "leading zeros": ("010.000.02.1", "10.0.2.1"),
    "an IPv4-mapped address": ("::ffff:192.0.2.1", "192.0.2.1"),
    "an IPv4-mapped address with leading zeros": ("0000:0::FFFF:010.0.2.1", "10.0.2.1"),
    "an IPv6 address": ("2001:DB8:0:0::0001", "2001:db8::1"),
    "an address with a zone": ("fe80::1%eth0", "fe80::1%eth0"),
    "an IPv4-mapped address with a zone": ("::ffff:192.0.2.1%1", "::ffff:192.0.2.1%1"),
    "a name": ("ntp.example", "ntp.example"),
    "nothing": ("", ""),
    "an octet too large": ("256.0.2.1", "256.0.2.1"),
}


@pytest.mark.parametrize(("written", "kept"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_ntp_server_is_kept_as(written: str, kept: str) -> None:
    machine = kvnet.load(vmi([nic(dhcpOptions={"ntpServers": [written]})], [pod()]))
    options = machine.interfaces[0].dhcp_options
    assert options is not None
    assert options.ntp_servers == (kept,)


NETWORKS = {
    "host bits": ("10.0.2.15/24", "10.0.2.15/24"),
    "leading zeros of the address": ("010.000.002.000/24", "10.0.2.0/24"),
    "leading zeros of the prefix": ("10.0.2.0/0024", "10.0.2.0/24"),
    "an IPv4-mapped network": ("::ffff:10.0.2.0/120", "10.0.2.0/24"),
    "an IPv4-mapped network with leading zeros": ("::ffff:10.0.2.0/0120", "10.0.2.0/24"),
    "an IPv4-mapped network wider than IPv4": ("::ffff:10.0.2.0/64", "10.0.2.0/0"),
    "a prefix too long": ("010.0.2.0/33", "010.0.2.0/33"),
    "an IPv4-mapped prefix too long": ("::ffff:10.0.2.0/129", "::ffff:10.0.2.0/129"),
    "a prefix with a sign": ("010.0.2.0/+24", "010.0.2.0/+24"),
    "a prefix in other digits": ("010.0.2.0/\u0662", "010.0.2.0/\u0662"),
    "no prefix": ("010.0.2.0", "010.0.2.0"),
    "an IPv6 network": ("FD10:0:2::/120", "fd10:0:2::/120"),
}


@pytest.mark.parametrize(("written", "kept"), NETWORKS.values(), ids=NETWORKS)
def test_the_network_of_the_guest_is_kept_as(written: str, kept: str) -> None:
    machine = kvnet.load(vmi([nic(binding="masquerade")], [pod(vmNetworkCIDR=written)]))
    assert machine.networks[0].pod is not None
    assert machine.networks[0].pod.vm_network_cidr == kept


@pytest.mark.parametrize(
    "spelling", ["02:aa:bb:cc:dd:ee", "02:AA:bb:cc:dd:ee", "02-aa-bb-cc-dd-ee", "02-AA-BB-CC-DD-EE", "02aa.bbcc.ddee"]
)
def test_an_address_in_its_canonical_form_is_spelled_as_libvirt_does(spelling: str) -> None:
    mac = MacAddress.parse(spelling)
    assert mac.canonical().spelling == "02:aa:bb:cc:dd:ee"
    assert mac.canonical() == mac
