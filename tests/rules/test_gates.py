"""Which feature gates of a cluster are on."""

from __future__ import annotations

from itertools import product

import pytest

from kvnet import ClusterConfig
from kvnet.spec.cluster import Gate

BETA = (Gate.PASST_BINDING, Gate.NAMING_UPGRADE)
CASES = {
    f"{gate} is {'on' if wanted else 'off'} where it is {told}": (gate, enabled, disabled, wanted)
    for gate, (enabled, disabled) in product(Gate, product((False, True), repeat=2))
    for told, wanted in [
        {
            (False, False): ("neither enabled nor disabled", gate in BETA),
            (True, False): ("enabled", True),
            (False, True): ("disabled", False),
            (True, True): ("both enabled and disabled", True),
        }[enabled, disabled]
    ]
}


@pytest.mark.parametrize(("gate", "enabled", "disabled", "wanted"), CASES.values(), ids=CASES)
def test_a_gate(gate: Gate, enabled: bool, disabled: bool, wanted: bool) -> None:
    other = {each for each in Gate if each is not gate}
    cluster = ClusterConfig(
        feature_gates=frozenset({gate} if enabled else ()),
        disabled_feature_gates=frozenset({gate} if disabled else ()),
    )
    assert cluster.allows(gate) is wanted
    assert [cluster.allows(each) for each in Gate if each in other] == [each in BETA for each in Gate if each in other]
