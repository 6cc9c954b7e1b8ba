"""``kvnet import``, as a process."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[bytes]"]

DOMAIN = b"""<domain type='kvm'><name>a</name><vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os><devices>
<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>
</devices></domain>"""


def test_a_domain_becomes_a_manifest_that_checks_and_renders(run: Run) -> None:
    made = run("import", "-", stdin=DOMAIN)
    assert made.returncode == 0
    assert b"note KN611 the bridge br0 has to exist on the cluster's nodes" in made.stderr
    assert run("check", "-f", "-", stdin=made.stdout).returncode == 0
    rendered = run("render", "-f", "-", "--profile", "host", "--devices", stdin=made.stdout)
    assert b"<source bridge='br0'/>" in rendered.stdout


def test_what_is_no_domain_is_refused(run: Run) -> None:
    made = run("import", "-", stdin=b"<network/>")
    assert (made.returncode, made.stdout) == (1, b"")
    assert b"<stdin>:1:1: error KN503" in made.stderr
