"""The declarations of libvirt's devices say of each path what was found in libvirt's schema, sources and releases."""

from __future__ import annotations

from typing import Any

import pytest
from device.declared import RECORDED, declared

import kvnet
from kvnet.device import Acpi

PORTS = {
    "802.1Qbg": ("managerid", "typeid", "typeidversion", "instanceid"),
    "802.1Qbh": ("profileid",),
    "openvswitch": ("profileid", "interfaceid"),
    "midonet": ("interfaceid",),
}
"""The parameters that each type of virtual port takes (libvirt's ``src/conf/netdev_vport_profile_conf.c``)."""
VALUES = {
    "managerid": "1",
    "typeid": "2",
    "typeidversion": "3",
    "instanceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
    "profileid": "red",
    "interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
}


def test_what_each_path_takes_is_as_it_was_recorded() -> None:
    assert list(declared()) == RECORDED.read_text().splitlines()


@pytest.mark.parametrize("value", ["9", True, 1.5])
def test_a_number_of_a_device_is_a_whole_number(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        Acpi(index=value)


def with_port(type: str, names: tuple[str, ...]) -> str:
    """An interface on a network, which demands no parameter."""
    parameters = "".join(f" {name}='{VALUES[name]}'" for name in names)
    port = f"<virtualport type='{type}'><parameters{parameters}/></virtualport>"
    return f"<interface type='network'><source network='n'/>{port}</interface>"


@pytest.mark.parametrize("type", PORTS)
def test_a_virtual_port_takes_the_parameters_of_its_type_together(type: str) -> None:
    assert kvnet.read_device(with_port(type, PORTS[type]))


@pytest.mark.parametrize(
    ("type", "name"), [(type, name) for type in PORTS for name in VALUES if name not in PORTS[type]]
)
def test_a_virtual_port_takes_no_parameter_of_another_type(type: str, name: str) -> None:
    with pytest.raises(kvnet.XmlError, match=f"{type} takes no parameter {name}"):
        kvnet.read_device(with_port(type, (*PORTS[type], name)))
