"""The built playground in a headless Chromium."""

from __future__ import annotations

import json
import re
import zlib
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from playground.browser import Page
from playground.folder import EXAMPLES
from playground.serving import Site

pytestmark = pytest.mark.slow

MACHINE = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: typed
spec:
  domain:
    devices:
      interfaces:
        - name: blue
          masquerade: {}
          macAddress: "02:00:00:00:00:17"
          model: virtio
  networks:
    - name: blue
      pod: {}
"""
EDITOR = "document.querySelector('#manifest .cm-content')"
XML = "document.querySelector('#xml').textContent"
STATE = "document.querySelector('#state').textContent"
HERE = "document.querySelector('#here').textContent"
FOCUS = "(each => each.id || each.getAttribute('aria-label') || each.tagName)(document.activeElement)"


def write(page: Page, text: str) -> None:
    """Replace the text of the manifest's editor, as by hand."""
    page.value(f"{EDITOR}.focus()")
    page.wait(f"document.activeElement === {EDITOR}")
    page.press("a", control=True)
    page.wait("document.getSelection().toString() !== ''")
    page.type(text)


def tab_to(page: Page, focus: str) -> None:
    """Press Tab until the focus is where it is wanted."""
    for _ in range(30):
        if page.value(FOCUS) == focus:
            return
        page.press("Tab")
    pytest.fail(f"Tab does not lead to {focus}")


def contrast(one: str, other: str) -> float:
    """The contrast of two CSS colours, from 1 to 21, after WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_a_machine_that_is_typed_is_rendered_drawn_and_without_problems(page: Page) -> None:
    write(page, MACHINE)
    page.wait(f"{XML}.includes('default_typed')")
    assert "<mac address='02:00:00:00:00:17'/>" in page.value(XML)
    assert "NIC blue" in page.value("document.querySelector('#picture svg').getAttribute('aria-label')")
    assert "error" not in page.value(STATE)
    assert not page.errors


def test_a_mistake_is_underlined_explained_and_listed(page: Page) -> None:
    write(page, MACHINE.replace("model: virtio", "model: virtoi"))
    page.wait("document.querySelector('.cm-lintRange-error') !== null")
    assert page.value("document.querySelector('.cm-lintRange-error').textContent") == "virtoi"
    assert page.value("document.querySelector('#manifest .cm-lint-marker-error') !== null")
    assert page.value(STATE).startswith("1 error")
    page.wait("document.querySelector('#problems .error') !== null")
    listed = page.value("document.querySelector('#problems li:has(.error)').textContent")
    assert listed.startswith("Line 12error KN")
    page.point(".cm-lintRange-error")
    page.wait("document.querySelector('.cm-tooltip-lint') !== null")
    explained = page.value("document.querySelector('.cm-tooltip-lint').textContent")
    assert "virtoi" in explained
    assert explained in listed
    assert re.search(
        r"/reference/problems/KN\d{3}.html$", page.value("document.querySelector('.cm-tooltip-lint a').href")
    )


def test_the_profile_is_switched(page: Page) -> None:
    assert "default_multus" in page.value(XML)
    page.value("document.querySelector('[value=host]').click()")
    page.wait(f"{XML}.includes(\"<source bridge='br10'/>\")")
    assert "profile host" in page.value("document.querySelector('#picture').textContent")


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    tab_to(page, "example")
    page.press("ArrowUp")
    page.wait(f"{XML}.includes('default_multiqueue')")
    tab_to(page, "Manifest, YAML")
    page.press("a", control=True)
    page.type(MACHINE.replace("model: virtio", "model: virtoi"))
    page.wait(f"{STATE}.includes('1 error')")
    page.press("Tab")
    assert page.value(FOCUS) == "Manifest, YAML", "Tab indents"
    page.press("F8")
    page.wait(f"{HERE}.includes('virtoi')")
    page.press("Escape", "Tab")
    tab_to(page, "SUMMARY")
    page.press("Enter", "Tab")
    assert page.value(FOCUS) == "Host facts, YAML"
    page.type("architecture: arm64")
    page.press("Escape", "Tab")
    tab_to(page, "tab-xml")
    page.press("ArrowRight", "ArrowRight")
    assert page.value(FOCUS) == "tab-problems"
    assert page.value("document.querySelector('#panel-problems').checkVisibility()")
    page.press("Tab", "Tab", "Enter")
    page.wait(f"{FOCUS} === 'Manifest, YAML'")


def test_the_radio_buttons_of_the_profile_take_arrows(page: Page) -> None:
    page.value("document.querySelector('[value=kubevirt]').focus()")
    page.press("ArrowRight")
    page.wait(f"{XML}.includes(\"<source bridge='br10'/>\")")


def test_every_control_has_a_name(page: Page) -> None:
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "radio", "textbox", "tab", "tabpanel", "link", "image", "group", "region")
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"] and node["role"]["value"] in roles and not node.get("name", {}).get("value")
    ]
    assert set(nameless) <= {"group"}
    assert page.value("document.querySelector('#state').getAttribute('aria-live')") == "polite"


@pytest.mark.parametrize("tab", ["xml", "picture", "problems"])
def test_a_narrow_screen_has_everything_below_each_other_and_nothing_beside_it(page: Page, tab: str) -> None:
    page.view(400)
    page.value(f"document.querySelector('#tab-{tab}').click()")
    assert page.value("document.documentElement.scrollWidth") <= 400
    assert page.value(
        "document.querySelector('.input').getBoundingClientRect().bottom"
        " <= document.querySelector('.output').getBoundingClientRect().top"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_colour_schemes(page: Page, scheme: str) -> None:
    page.view(1280, scheme=scheme)
    write(page, MACHINE.replace("model: virtio", "model: virtoi") + "# a comment\n")
    page.wait("document.querySelector('.cm-lintRange-error') !== null")
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert (contrast(background, "rgb(0, 0, 0)") < 2) is (scheme == "dark")
    found: dict[str, Any] = page.value(
        "Object.fromEntries([...document.querySelectorAll('#manifest .cm-line span, #problems *, .cm-gutterElement,"
        " #state, .help')].map(e => [e.className || e.tagName, getComputedStyle(e).color]))"
    )
    assert len(found) > 5
    assert {name: colour for name, colour in found.items() if contrast(background, colour) < 4.5} == {}


def test_the_page_works_without_a_network_and_asks_nobody_for_anything(page: Page, site: Site) -> None:
    page.go(site.page)
    page.wait(f"{XML}.includes('default_multus')")
    assert f"{site.origin}/kvnet.zip" in page.requests
    assert [url for url in page.requests if not url.startswith((f"{site.origin}/", "data:", "about:"))] == []
    page.requests.clear()
    page.cut_network()
    try:
        write(page, MACHINE)
        page.wait(f"{XML}.includes('default_typed')")
        page.value("document.querySelector('[value=host]').click()")
        page.wait(f"!{XML}.includes('default_typed')")
        assert [url for url in page.requests if not url.startswith("data:")] == []
        assert not page.errors
    finally:
        page.restore_network()


def test_a_link_holds_the_texts_and_the_profile(page: Page) -> None:
    write(page, MACHINE)
    page.value("document.querySelector('[value=host]').click()")
    page.wait(f"{XML}.includes('<name>typed')")
    page.wait("location.hash.length > 1")
    link = page.value("location.href")
    fragment = link.partition("#1")[2]
    state = json.loads(zlib.decompress(urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)), wbits=-15))
    assert state == {"manifest": MACHINE, "facts": "", "profile": "host"}
    page.go(link)
    page.wait(f"{XML}.includes('<name>typed')")
    assert page.value("document.querySelector('[value=host]').checked")


@pytest.mark.parametrize("fragment", ["#1", "#1AAAA", "#2abc", "#1e30", "#%F0"])
def test_a_fragment_that_holds_nothing_leaves_the_first_example(page: Page, site: Site, fragment: str) -> None:
    page.go(f"{site.page}?on-demand{fragment}")
    page.wait(f"{EDITOR}.textContent.includes('# A second NIC')")
    assert not page.errors


def test_each_example_is_rendered_with_its_facts(page: Page) -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(".facts.yaml"))
    assert page.value("[...document.querySelectorAll('#example option')].slice(1).map(e => e.value)") == names
    for name in names:
        page.value(
            f"(e => {{ e.value = '{name}'; e.dispatchEvent(new Event('change', {{bubbles: true}})) }})"
            "(document.querySelector('#example'))"
        )
        page.wait(f"{XML}.includes('<name>default_{name}<')")
    assert page.value("document.querySelector('#facts-box').open") is (names[-1] == "sriov")


def test_on_demand_python_is_not_loaded_before_it_is_asked_for(page: Page, site: Site) -> None:
    page.go(f"{site.page}?on-demand")
    page.wait("!document.querySelector('#start').hidden")
    assert not any("worker" in url or "pyodide" in url for url in page.requests)
    page.value("document.querySelector('#start').click()")
    page.wait(f"{XML}.includes('default_multus')")


def test_the_times_to_the_first_result_and_after_a_key(
    page: Page, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    page.go(site.page)
    page.wait("document.querySelector('#xml pre') !== null")
    first = page.value("performance.getEntriesByName('shown')[0].startTime")
    write(page, MACHINE)
    page.wait(f"{XML}.includes('default_typed')")
    after_keys = []
    for _ in range(10):
        page.type("#")
        page.wait(f"performance.getEntriesByName('shown').at(-1).startTime > {last_typed(page)}")
        after_keys.append(page.value("performance.getEntriesByName('shown').at(-1).startTime") - last_typed(page))
    with capsys.disabled():
        middle = sorted(after_keys)[len(after_keys) // 2]
        print(f"\nfirst result after {first:.0f} ms; after a key {middle:.0f} ms, at most {max(after_keys):.0f} ms")


def last_typed(page: Page) -> float:
    return float(page.value("performance.getEntriesByName('typed').at(-1).startTime"))
