"""Manifests with slips of the hand that ``check --fix`` may correct, and with others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml
from hypothesis import strategies as st

__all__ = ["mutated_texts"]

_EXAMPLES = Path(__file__).parents[1] / "examples"
_WRONG = """\
# several machines, commented
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: one   # the first
  annotations: {}
spec:
  runStrategy: Always
  template:
    metadata: {annotations: {kubevirt.io/allow-pod-bridge-network-live-migration: "true"}}
    spec:
      architecture: amd64
      domain:
        cpu: {cores: 2, sockets: 1}
        memory:
          guest: 2Gi
        devices:
          networkInterfaceMultiqueue: true
          interfaces:
          - name: a
            masquerade: {}
            macAddress: 52:54:00:12:34:56
            model: e1000e # slow
            state: up
            bootOrder: 1
            ports: [{name: http, port: 80, protocol: TCP}]
          - name: b
            bridge: {}
            pciAddress: "0000:0a:00.0"
            dhcpOptions:
              bootFileName: "x"
              privateOptions: [{option: 240, value: '3'}]
      networks:
      - name: a
        pod: {}
      - {name: b, multus: {networkName: lan}}
      volumes:
      - name: data
        cloudInitNoCloud:
          networkData: |
            version: 2
            ethernets:
              eth0:
                addresses: [fd10:0:2::2/120]
                gateway6: fd10:0:2::1 # of the pod
---
# the NAD
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: lan}
spec:
  config: '{"cniVersion": "0.3.1", "name": "lan", "type": "bridge", "bridge": "br0"}'
"""
_TEXTS = [_WRONG, _WRONG, *(path.read_text() for path in sorted(_EXAMPLES.glob("*.yaml")) if "facts" not in path.name)]
_WORD = re.compile(r"[A-Za-z][\w.-]{2,}")
_NUMBER = re.compile(r"(?<=: )[0-9]+\b(?![:.])")
_QUOTED = re.compile(r"""(?<=[:\[ ] )(["'])[^"'\n]*\1""")
_PIECES = ["", " ", "\n", "x", "5", ": ", "- ", '"', " #", " {", "*a", "&a ", "fd10::7", "null"]


def _swap(word: str) -> str:
    return word[:1] + word[2:3] + word[1:2] + word[3:]


_Change = Callable[[str], str]
_CHANGES: list[tuple[re.Pattern[str], _Change]] = [
    (_WORD, str.upper),
    (_WORD, str.lower),
    (_WORD, str.title),
    (_WORD, lambda word: word[:2] + word[3:]),
    (_WORD, lambda word: word + word[-1]),
    (_WORD, _swap),
    (_NUMBER, lambda number: f'"{number}"'),
    (_NUMBER, lambda number: f"'{number}'"),
    (_QUOTED, lambda quoted: quoted[1:-1]),
    (re.compile(r"(?<=: )(?:true|false)\b"), lambda truth: f'"{truth}"'),
    (re.compile(r"52:54:00:12:34:56"), lambda _: "525400123456"),
    (re.compile(r"52:54:00:12:34:56"), lambda _: "'52-54-0-12-34-56'"),
    (re.compile(r"0000:0a:00"), lambda _: "0a:00"),
    (re.compile(r"(?<=gateway6: )\S+"), lambda _: "fd10:0:2::9"),
]


def _changed(text: str, at: float, number: int) -> str:
    pattern, change = _CHANGES[number]
    found = list(pattern.finditer(text))
    if not found:
        return text
    one = found[min(int(at * len(found)), len(found) - 1)]
    return text[: one.start()] + change(one.group()) + text[one.end() :]


def _as_json(text: str) -> str:
    try:
        return json.dumps({"kind": "List", "apiVersion": "v1", "items": list(yaml.safe_load_all(text))}, indent=1)
    except (yaml.YAMLError, TypeError, ValueError):
        return text


_FORMS: list[Callable[[str], bytes]] = [
    str.encode,
    str.encode,
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: ("\ufeff" + text).encode(),
    lambda text: text.encode("utf-16"),
    lambda text: _as_json(text).encode(),
    lambda text: (text + text.join(["---\n", "# ä\n"])).encode(),
]


@st.composite
def mutated_texts(draw: st.DrawFn) -> bytes:
    """The content of a file: an example with one to six slips, in one of several encodings."""
    text = draw(st.sampled_from(_TEXTS))
    slips = st.tuples(st.floats(0, 1), st.integers(0, len(_CHANGES) - 1))
    for at, number in draw(st.lists(slips, min_size=1, max_size=6)):
        text = _changed(text, at, number)
    for at, piece in draw(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(_PIECES)), max_size=1)):
        start = int(at * len(text))
        text = text[:start] + piece + text[start + 1 :]
    return draw(st.sampled_from(_FORMS))(text)
