"""``kvnet diff``, as a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

NIC = "<interface type='user'><mac address='52:54:00:00:00:01'/><link state='up'/></interface>"

WITHOUT_ROM = NIC.replace("</int", "<rom enabled='no'/></int")


def wrapped(nic: str) -> str:
    return f"<domain type='kvm'><devices>\n{nic}</devices></domain>"


CASES = {
    "the same": (NIC, NIC, (0, "")),
    "the same in a domain": (wrapped(NIC), f"<domstatus>{wrapped(NIC)}</domstatus>", (0, "")),
    "noise": (NIC, NIC.replace("</int", "<alias name='net0'/></int"), (0, "")),
    "a change": (NIC, NIC.replace("up", "down"), (1, "interface.link.@state: up → down (guest-visible)\n")),
    "a model taken away": (
        wrapped(NIC.replace("<link", "<model type='virtio'/><link")),
        wrapped(NIC),
        (1, "interface.model.@type: virtio → rtl8139 (guest-visible)\n"),
    ),
    "the model that libvirt gives": (
        wrapped(NIC),
        wrapped(NIC.replace("<link", "<model type='rtl8139'/><link")),
        (0, ""),
    ),
    "network boot, told in two ways": (
        f"<domain><os><boot dev='network'/></os><devices>{NIC}</devices></domain>",
        wrapped(NIC.replace("</int", "<boot order='1'/></int")),
        (0, ""),
    ),
    "an option ROM taken from the NIC that the domain boots from": (
        f"<domain><os><boot dev='network'/></os><devices>{NIC}</devices></domain>",
        f"<domain><os><boot dev='network'/></os><devices>{WITHOUT_ROM}</devices></domain>",
        (1, "interface.rom: added <rom enabled='no'/> (guest-visible)\n"),
    ),
    "a NIC more": (
        wrapped(NIC),
        wrapped(NIC + "<interface type='null'/>"),
        (1, "interface[1]: added <interface type='null'><model type='rtl8139'/></interface> (guest-visible)\n"),
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES)
def test_the_status_tells_whether_there_is_a_difference(
    before: str, after: str, expected: tuple[int, str], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_text(before)
    (tmp_path / "b.xml").write_text(after)
    ended = run("diff", "a.xml", "b.xml")
    assert (ended.returncode, ended.stdout.decode()) == expected
    assert ended.stderr == b""


def test_one_side_may_come_from_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(NIC)
    assert run("diff", "a.xml", "-", stdin=NIC.encode()).returncode == 0


def test_noise_and_json_on_request(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(NIC)
    ended = run(
        "diff", "--noise", "-o", "json", "a.xml", "-", stdin=NIC.replace(" state='up'", " state='up' ").encode()
    )
    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])
    ended = run("diff", "--noise", "-o", "json", "a.xml", "-", stdin=NIC.replace("<link state='up'/>", "").encode())
    expected = {"field": "interface.link.@state", "noticed": "noise", "before": "up", "after": None}
    assert (ended.returncode, json.loads(ended.stdout)) == (0, [expected])


BAD = {
    "a file that is not there": (None, "KN001"),
    "a file that is not XML": ("<domain>", "KN501"),
    "XML that is no domain": ("<network/>", "KN503"),
    "a hostdev that is no PCI device": ("<hostdev type='usb'/>", "KN512"),
}


@pytest.mark.parametrize(("text", "code"), BAD.values(), ids=BAD)
def test_what_cannot_be_compared_ends_with_status_2(text: str | None, code: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(NIC)
    if text is not None:
        (tmp_path / "b.xml").write_text(text)
    ended = run("diff", "a.xml", "b.xml")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert f"error {code}" in ended.stderr.decode()
