"""Processes of the demo and the end-to-end tests: the control plane, agents with their Envoys, applications."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(
    os.environ.get("FAIRWAY_CACHE")
    or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fairway")
)


class Failed(Exception):
    """Something did not come about; the text says what was waited for and what was seen instead."""


def versions():
    """tools/versions.env as a dictionary."""
    lines = (ROOT / "tools" / "versions.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def binary():
    """The fairway program: FAIRWAY_BINARY, else what `make build` makes."""
    path = pathlib.Path(os.environ.get("FAIRWAY_BINARY") or ROOT / "build" / "release" / "fairway")
    if not os.access(path, os.X_OK):
        raise Failed(f"no program at {path}: run `make build` first")
    return str(path)


def envoy_binary():
    path = CACHE / f"envoy-{versions()['ENVOY_VERSION']}" / "envoy"
    if not os.access(path, os.X_OK):
        raise Failed(f"no Envoy at {path}: run `make setup` first")
    return str(path)


def wait_for(condition, seconds, what, pause=0.01):
    """Calls `condition` until it returns something true, and returns that. `what` is for the message;
    it may be a function that tells the latest state."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


def write_atomically(path, text):
    """Puts a file in place in one step, as `mv` does. Returns the time.monotonic() just before."""
    path = pathlib.Path(path)
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(text, encoding="utf-8")
    before = time.monotonic()
    os.rename(aside, path)
    return before


class Answer:
    """What a request led to: an HTTP status, or how the connection failed."""

    def __init__(self, status=None, body="", headers=None, error=""):
        self.status, self.body, self.headers, self.error = status, body, headers or {}, error

    def __str__(self):
        if self.status is None:
            return self.error or "refused"
        text = self.body.strip().splitlines()
        return f"{self.status} {text[0][:60]}" if self.status != 200 and text else str(self.status)


def request(address, path="/", host=None, method="GET", headers=None, timeout=5.0, body=None):
    """One HTTP request on a connection of its own to "ip:port"."""
    ip, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(ip, int(port), timeout=timeout)
    try:
        connection.request(method, path, body, {**({"host": host} if host else {}), **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        return Answer(response.status, text, {name.lower(): value for name, value in response.getheaders()})
    except ConnectionRefusedError:
        return Answer(error="connection refused")
    except (ConnectionError, http.client.RemoteDisconnected, http.client.BadStatusLine):
        return Answer(error="connection closed")
    except TimeoutError:
        return Answer(error=f"no answer in {timeout} s")
    except OSError as error:
        return Answer(error=str(error))
    finally:
        connection.close()


def accepts(address):
    """Whether something listens at "ip:port"."""
    ip, port = address.rsplit(":", 1)
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((ip, int(port))) == 0


# Has the kernel end the program when this process dies, and does not start it if that is so already (setpriv is
# of util-linux). The process id stays that of the program.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--", "sh", "-c", 'test "$PPID" = "$0" && exec "$@"')


class Process:
    """One program with its log file. It leads a process group, so that what it started ends with it; it gets
    SIGTERM should this Python process die. Start it from the main thread."""

    def __init__(self, name, argv, log, env=None, cwd=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], pathlib.Path(log)
        self.env, self.cwd, self.popen = env, cwd, None

    @property
    def pid(self):
        return self.popen.pid

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [*DIE_WITH_PARENT, str(os.getpid()), *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env={**os.environ, **(self.env or {})},
                start_new_session=True,
            )
        return self

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def check(self):
        """Raises if the program ended."""
        if not self.alive():
            status = self.popen.returncode if self.popen else "never started"
            raise Failed(f"{self.name} ended (status {status}); the end of its log:\n{self.tail()}")

    def tail(self, lines=25):
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def signal(self, number):
        """Sends a signal to the program alone, not to what it started."""
        self.popen.send_signal(number)

    def _group(self, number):
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        """Ends it at once, as a crash would."""
        self._group(signal.SIGKILL)
        self.popen.wait()

    def ask_to_stop(self):
        if self.alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def stop(self, seconds=15):
        """Asks it to end; ends it, and what it started, if it does not."""
        if self.popen is None:
            return None
        self.ask_to_stop()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self._group(signal.SIGKILL)
        return self.popen.wait()


def stop_all(processes):
    """Ends processes, the last one started first; agents all at once, as each lets its Envoy drain."""
    for process in processes:
        if isinstance(process, Agent):
            process.ask_to_stop()
    for process in reversed(processes):
        process.stop()


class ControlPlane(Process):
    """`fairway serve`. The first start picks free ports; later starts use the same ones."""

    def __init__(self, directory, source, name="control plane", extra=(), host="127.0.0.1", insecure=False):
        self.directory = pathlib.Path(directory)
        self.state = self.directory / "state"
        self.source, self.extra, self.host, self.insecure_wanted = list(source), list(extra), host, insecure
        self.xds = self.admin = self.insecure = None
        super().__init__(name, [], self.directory / "serve.log")

    def start(self, wait_ready=True):
        self.directory.mkdir(parents=True, exist_ok=True)
        free = f"{self.host}:0"
        self.argv = [binary(), "serve", *self.source, "--state-dir", str(self.state), "--log-format", "json"]
        self.argv += ["--xds-address", self.xds or free, "--admin-address", self.admin or free]
        if self.insecure_wanted:
            self.argv += ["--insecure-xds-address", self.insecure or free]
        self.argv += self.extra
        file = self.state / "addresses.json"
        file.unlink(missing_ok=True)
        super().start()

        def listening():
            self.check()
            try:
                return json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return None

        addresses = wait_for(listening, 30, f"{self.name} to write {file}")
        self.xds, self.admin = addresses["xds"], addresses["admin"]
        self.insecure = addresses.get("insecure-xds")
        if wait_ready:
            self.wait_ready()
        return self

    def ready(self):
        return request(self.admin, "/ready").status == 200

    def wait_ready(self, seconds=60):
        def condition():
            self.check()
            return self.ready()

        wait_for(condition, seconds, lambda: f"{self.name} ready: {request(self.admin, '/ready').body}")

    def token_file(self, namespace, account):
        return self.state / "tokens" / namespace / account

    @property
    def root_file(self):
        return self.state / "root.pem"

    def debug(self, page):
        answer = request(self.admin, f"/debug/{page}", timeout=30)
        if answer.status != 200:
            raise Failed(f"/debug/{page} answered {answer}")
        return json.loads(answer.body)

    def connected(self):
        """The ids of the connected proxies."""
        return {proxy["id"] for proxy in self.debug("proxies")}

    def metrics(self):
        """The samples of /metrics: {'name{labels}': value}."""
        samples = {}
        for line in request(self.admin, "/metrics", timeout=30).body.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples


class Agent(Process):
    """`fairway agent` with the Envoy that it starts, for one workload (see workloads.py)."""

    def __init__(
        self, directory, workload, discovery, root_file, token_file, extra=(), agent_address="127.0.0.1:0"
    ):
        self.workload = workload
        self.directory = pathlib.Path(directory)
        labels = ",".join(f"{key}={value}" for key, value in sorted(workload.labels.items()))
        argv = [
            *(binary(), "agent", "--proxy-type", "router" if workload.gateway else "sidecar"),
            *("--pod-name", workload.pod, "--namespace", workload.namespace, "--service-account", workload.account),
            *("--ips", workload.ip, "--labels", labels),
            *("--discovery-address", discovery, "--token-file", token_file, "--root-file", root_file),
            *("--envoy", envoy_binary(), "--work-dir", self.directory, "--interception", "none"),
            *("--outbound-address", workload.outbound, "--app-address", workload.app, "--concurrency", "1"),
            *("--envoy-admin-address", "127.0.0.1:0", "--status-address", "127.0.0.1:0"),
            *("--agent-address", agent_address, "--prometheus-address", "none"),
            *extra,
        ]
        super().__init__(f"agent of {workload.id}", argv, self.directory.parent / f"{workload.pod}.log")


class ServiceGraph(Process):
    """`fairway servicegraph` on a free port of loopback; `address` is "ip:port" once it is started."""

    def __init__(self, directory, source):
        self.address = None
        argv = [binary(), "servicegraph", "--address", "127.0.0.1:0", *source]
        super().__init__("service graph", argv, pathlib.Path(directory) / "servicegraph.log")

    def start(self):
        super().start()

        def listening():
            self.check()
            return re.search(r"the service graph is at (\S+:\d+)", self.tail())

        self.address = wait_for(listening, 20, "the service graph to listen").group(1)
        return self


class Apps(Process):
    """The applications of workloads.py in one process."""

    def __init__(self, directory, apps):
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "apps.json"
        self.apps = apps
        script = pathlib.Path(__file__).with_name("echo.py")
        super().__init__("applications", [sys.executable, script, self.config], self.directory / "apps.log")

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(self.apps), encoding="utf-8")
        super().start()

        def ready():
            self.check()
            return self.tail(1) == "ready"

        wait_for(ready, 20, "the applications to listen")
        return self
