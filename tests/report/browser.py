"""A headless Chromium that opens a file and tells what happened, over DevTools' own pipe: no package is needed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "browse", "need_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_SECONDS = 120.0
_WARNED: list[bool] = []


def need_chromium() -> str:
    """Return the path of the browser, or skip the test and say so where it is seen."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        if not _WARNED:
            _WARNED.append(True)
            text = "!!! THE REPORT IS NOT OPENED IN A BROWSER: chromium is not installed !!!"
            print(f"\n\n{text}\n", file=sys.__stderr__, flush=True)
        pytest.skip("needs chromium, of the package chromium")
    return found


class Browser:
    """One page. *events* holds everything that the browser said, in its order."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol and return its result."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writer, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def open(self, path: Path, *, width: int = 1280, height: int = 900, phone: bool = False) -> None:
        """Open a file from disk and wait until all of it is there."""
        if self._session is None:
            target = self.send("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network", "Security"):
                self.send(f"{domain}.enable")
        self.size(width, height, phone=phone)
        self.events.clear()
        self.send("Page.navigate", url=path.absolute().as_uri())
        self.wait("Page.loadEventFired", lambda _: True)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Take another window."""
        ratio = 2 if phone else 1
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=phone
        )

    def media(self, medium: str = "", scheme: str = "") -> None:
        """Show the page as on *medium* (print), for people who prefer *scheme* (dark, light)."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=medium, features=features)

    def value(self, expression: str) -> Any:
        """Return what JavaScript makes of *expression*; the page's own rules do not bind DevTools."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def key(self, name: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is to be seen, or the whole page, as PNG."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def said(self) -> list[str]:
        """Return errors and warnings of the page: console, exceptions, and what the browser logs about it."""
        found = []
        for event in self.events:
            method, params = event["method"], event["params"]
            if method == "Runtime.consoleAPICalled":
                found.append(json.dumps(params["args"]))
            elif method == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"]["text"])
            elif method == "Log.entryAdded":
                found.append(params["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """Return the address of everything that the page asked for, itself included."""
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def wait(self, method: str, enough: Callable[[dict[str, Any]], bool]) -> None:
        """Wait for an event that is *enough*, unless it has come already."""
        while not any(event["method"] == method and enough(event["params"]) for event in self.events):
            self._read()

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser says nothing"
            data = os.read(self._reader, 1 << 20)
            assert data, "the browser is gone"
            self._buffer += data
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browse(profile: Path) -> Iterator[Browser]:
    """Run a browser with its files in folder *profile*."""
    chromium = need_chromium()
    ours, theirs = os.pipe(), os.pipe()
    # DevTools listens at 3 and answers at 4, whatever numbers the pipes have here.
    options = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --remote-debugging-pipe"
    plain = "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
    command = f'exec "$0" {options} {plain} --user-data-dir="$1" 3<&{ours[0]} 4>&{theirs[1]}'
    process = subprocess.Popen(
        ["/bin/bash", "-c", command, chromium, str(profile)],
        pass_fds=(ours[0], theirs[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(ours[0])
    os.close(theirs[1])
    try:
        yield Browser(theirs[0], ours[1])
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(ours[1])
        os.close(theirs[0])
