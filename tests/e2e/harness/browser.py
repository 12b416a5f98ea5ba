"""A headless Chromium, driven by the DevTools protocol over a pair of pipes."""

import base64
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import time

from processes import Failed, wait_for


class Browser:
    """One browser with one page. close() ends it, and all that it started."""

    def __init__(self, directory, width=1280, height=800):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        program = shutil.which("chromium")
        if program is None:
            raise Failed("chromium is not installed; `tools/setup debian` brings it")
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        argv = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        argv += ["--remote-debugging-pipe", "--no-first-run", "--disable-background-networking", "--disable-extensions"]
        argv += ["--disable-component-update", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US"]
        argv += [f"--user-data-dir={self.directory / 'profile'}", f"--window-size={width},{height}", "about:blank"]
        # The protocol's descriptors are 3 and 4, which may be those of the pipes themselves.
        ours = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 100) for descriptor in (to_browser, from_browser)]

        def arrange():
            for descriptor, number in zip(ours, (3, 4)):
                os.dup2(descriptor, number)

        with open(self.directory / "chromium.log", "ab") as log:
            self.popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=arrange,
                pass_fds=(3, 4),
                start_new_session=True,
                env={**os.environ, "HOME": str(self.directory)},
            )
        for descriptor in (*ours, to_browser, from_browser):
            os.close(descriptor)
        self._buffer, self._last, self.events = b"", 0, []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(t for t in targets if t["type"] == "page")
        self._session = None
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.resize(width, height)

    # --- the protocol: JSON texts, each with a zero byte behind it ---

    _session = None

    def _read(self, deadline):
        while b"\0" not in self._buffer:
            if time.monotonic() > deadline:
                raise Failed("the browser does not answer")
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise Failed(f"the browser ended; its log is in {self.directory}")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    # --- the page ---

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def prefer(self, scheme):
        """The system's colours: "light" or "dark"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        self.run("document.leaving = true")  # of the document that is to go
        self.call("Page.navigate", url=url)
        wait_for(self._arrived, 30, f"{url} to be loaded", pause=0.02)

    def _arrived(self):
        try:
            return self.run("!document.leaving && document.readyState === 'complete'")
        except Failed:
            return False  # between two documents

    def run(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise Failed(f"{expression}: {answer['exceptionDetails'].get('exception', answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait(self, expression, seconds=30):
        """Until the expression is true; returns its value."""
        return wait_for(lambda: self.run(expression), seconds, f"the page to have {expression}", pause=0.05)

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText")

    def press(self, key, text=""):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        if key == "Enter":
            text = "\r"
        common = {"key": key, "windowsVirtualKeyCode": code, "code": key if len(key) > 1 else ""}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        for letter in text:
            self.press(letter, letter)

    def click(self, selector):
        box = self.run(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [b.left + b.width / 2, b.top + b.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def picture(self, path):
        """A screenshot as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def complaints(self):
        """What the console says: errors, warnings, refused loads."""
        self.run("0")
        found = []
        for event in self.events:
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"):
                found.append(event["params"]["entry"]["text"] + " " + event["params"]["entry"].get("url", ""))
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
        return found

    def requested(self):
        """The URLs that the page asked for."""
        self.run("0")
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            os.killpg(self.popen.pid, 9)
        except ProcessLookupError:
            pass
        self.popen.wait()
        for descriptor in (self._to, self._from):
            os.close(descriptor)
