"""Where libvirt puts the NICs of each model on q35."""

from __future__ import annotations

import re

from components import needs_program

from kvnet import live
from kvnet.spec.nic import CONVENTIONAL_MODELS, MODELS

DOMAIN = """\
<domain type='qemu'><name>models</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><interface type='user'><mac address='52:54:00:00:00:01'/>{}</interface></devices></domain>
"""


@needs_program("qemu-system-x86_64")
def test_libvirt_puts_conventional_models_on_a_bridge_and_all_others_on_a_root_port() -> None:
    models = (None, *MODELS, "virtio-transitional", "virtio-non-transitional")
    with live.connect() as connection:
        for model in models:
            element = "" if model is None else f"<model type='{model}'/>"
            domain = connection.defineXML(DOMAIN.format(element))
            text = domain.XMLDesc()
            domain.undefine()
            found = re.search(
                r"</mac>|<address type='pci' domain='0x0000' bus='(0x\w+)'", text.partition("<interface")[2]
            )
            assert found is not None
            bridges = re.findall(r"index='(\d+)' model='pcie-to-pci-bridge'", text)
            assert (str(int(found[1], 16)) in bridges) is (model in CONVENTIONAL_MODELS), model
