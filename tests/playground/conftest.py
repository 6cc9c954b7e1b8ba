from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playground.browser import CHROMIUM, Page, opened_page
from playground.folder import source
from playground.serving import Site

RESET = """
document.querySelector("[value=kubevirt]").checked = true;
document.querySelector("#tab-xml").click();
document.querySelector("#example").value = "multus";
document.querySelector("#example").dispatchEvent(new Event("change", {bubbles: true}));
document.activeElement.blur();
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The built playground, served on the loopback; skips where it cannot be built."""
    builder = source("build_playground")
    folder = tmp_path_factory.mktemp("playground")
    try:
        builder.build(folder)
    except builder.Unavailable as reason:
        pytest.skip(f"the playground cannot be built: {reason}")
    with Site(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    with opened_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, site: Site) -> Page:
    """The playground with its first example rendered, on a screen of 1280 pixels, in light colours."""
    browser.errors.clear()
    browser.requests.clear()
    browser.view(1280)
    if browser.value("location.href").split("#")[0] == site.page:
        browser.value(RESET)  # loading Python again takes seconds
    else:
        browser.go(site.page)
    browser.wait("document.querySelector('#xml').textContent.includes('<name>default_multus<')")
    browser.wait("document.querySelector('#state').textContent === '6 notes'")
    return browser
