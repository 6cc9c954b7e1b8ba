"""A headless Chromium that tests drive through the DevTools protocol, over pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "Page", "opened_page"]

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
"""The path of the browser, empty where there is none."""

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38}
_KEYS |= {"ArrowRight": 39, "ArrowDown": 40, "F8": 119, "a": 65}
_CONTROL = 2
_PATIENCE = 60
"""Seconds after which what is waited for will not come."""


class Page:
    """One page of the browser. ``requests`` has every URL that it and its workers have asked for."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._last = 0
        self._session = ""
        self._workers: list[str] = []
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command of the protocol."""
        sent = self._send(self._session, method, parameters)
        while True:
            message = self._message()
            if message.get("id") == sent:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result

    def _send(self, session: str, method: str, parameters: dict[str, Any]) -> int:
        """Send a command, and return the number that its answer will have."""
        self._last += 1
        command: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        return self._last

    def _message(self) -> dict[str, Any]:
        """The next answer or event; of events, requests and exceptions are kept, and workers are let run."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], _PATIENCE)
            received = os.read(self._answers, 1 << 20) if ready else b""
            assert received, "the browser does not answer"
            self._buffer += received
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        parameters = message.get("params", {})
        if message.get("method") == "Target.attachedToTarget" and self._session:
            self._workers.append(parameters["sessionId"])
            for method in ("Network.enable", "Runtime.runIfWaitingForDebugger"):
                self._send(parameters["sessionId"], method, {})
        if message.get("method") == "Target.detachedFromTarget":
            self._workers.remove(parameters["sessionId"])
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        return message

    def go(self, url: str) -> None:
        """Open a URL in a new document."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.value(condition):
            if time.monotonic() >= end:
                shown = self.value("document.body.innerText")
                raise TimeoutError(f"{condition} never came true; errors: {self.errors}; the page shows:\n{shown}")
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Insert text where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, *keys: str, control: bool = False) -> None:
        """Press keys one after the other."""
        modifiers = _CONTROL if control else 0
        for key in keys:
            code = {"key": key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": modifiers}
            text = {"text": {"Enter": "\r", " ": " "}[key]} if key in ("Enter", " ") else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def point(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.value(f"(box => [box.x + box.width / 2, box.y + box.height / 2])({box})")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def view(self, width: int, height: int = 900, *, scheme: str = "light") -> None:
        """Set the size of the page in CSS pixels, and the colour scheme that is preferred."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def cut_network(self) -> None:
        """Let no further request succeed."""
        self._emulate_network(offline=True)

    def restore_network(self) -> None:
        """Let requests succeed again."""
        self._emulate_network(offline=False)

    def _emulate_network(self, *, offline: bool) -> None:
        conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        for worker in self._workers:
            self._send(worker, "Network.emulateNetworkConditions", conditions)
        self.call("Network.emulateNetworkConditions", **conditions)

    def screenshot(self, path: Path) -> None:
        """Write a picture of what is to be seen, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def opened_page(profile: Path) -> Iterator[Page]:
    """A page of a new browser, which keeps what it stores in the folder ``profile``."""
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    redirected = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    own = ["--remote-debugging-pipe", f"--user-data-dir={profile}", *_OPTIONS]
    browser = subprocess.Popen(
        ["bash", "-c", redirected, "bash", CHROMIUM, *own],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Page(commands, answers)
    finally:
        os.close(commands)  # the browser ends with its pipe
        try:
            browser.wait(timeout=10)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
        os.close(answers)
