"""A pod in a network namespace of its own, with real interception: what istio-init, the agent and an app do there."""

import os
import shutil
import stat
import subprocess
import sys

from processes import Failed, Process, binary, envoy_binary, request, wait_for

HOST, POD = "10.88.0.1", "10.88.0.2"  # the two ends of the pod's cable
PROXY = "1337"

# An app that says who asked; /slow answers after as many seconds as its query says, /status/<n> with that status.
APP = """
import http.server, sys, time, urllib.parse

class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/slow":
            time.sleep(float(url.query))
        status = int(url.path.rsplit("/", 1)[1]) if url.path.startswith("/status/") else 200
        body = f"{self.client_address[0]} {self.headers.get('x-probe', '')}"
        if url.path == "/metrics":
            body = "app_things_total 7\\n"
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), App).serve_forever()
"""


def run(argv, **options):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, timeout=120, **options)


def must(argv):
    done = run(argv)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, argv))}: {done.stderr.strip()}")
    return done.stdout


class Pod:
    """The namespace `10.88.0.2`, reached from here by a cable; it goes with the lab. A further one has another name and net."""

    def __init__(self, lab, name="pod", net="10.88.0"):
        self.lab, self.environment, self.name = lab, {}, name
        self.host, self.ip = f"{net}.1", f"{net}.2"
        self.directory = lab.directory if name == "pod" else lab.directory / name
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)
        self.holder = lab.add(Process(name, ["unshare", "--net", "sleep", "infinity"], self.directory / "pod.log"))
        own = os.readlink("/proc/self/ns/net")
        self.netns = f"/proc/{self.holder.pid}/ns/net"
        wait_for(lambda: os.readlink(self.netns) != own, 20, "the pod's network namespace")
        must(["ip", "link", "add", f"{name}0", "type", "veth", "peer", "name", "eth0", "netns", self.holder.pid])
        must(["ip", "address", "add", f"{self.host}/24", "dev", f"{name}0"])
        must(["ip", "link", "set", f"{name}0", "up"])
        for words in (
            "link set lo up",
            f"address add {self.ip}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {self.host}",
        ):
            must(self.inside("ip", *words.split()))

    def close(self):
        run(["ip", "link", "delete", f"{self.name}0"])

    def inside(self, *argv):
        return ["nsenter", f"--net={self.netns}", *map(str, argv)]

    def as_proxy(self, *argv):
        """As the container istio-proxy: user 1337, no capabilities."""
        return self.inside(
            *("setpriv", f"--reuid={PROXY}", f"--regid={PROXY}", "--clear-groups", "--no-new-privs"),
            *("--bounding-set=-all", "--inh-caps=-all", *argv),
        )

    def programs(self):
        """Copies that user 1337 can read: fairway and Envoy."""
        folder = self.lab.directory / "bin"
        if not folder.exists():
            self.lab.directory.chmod(0o755)
            folder.mkdir()
            for name, source in (("fairway", binary()), ("envoy", envoy_binary())):
                shutil.copyfile(source, folder / name)
                (folder / name).chmod(0o755)
        return folder

    def app(self, port=8080):
        app = self.lab.add(Process("app", self.inside(sys.executable, "-c", APP, port), self.directory / "app.log"))
        wait_for(lambda: app.check() or self.get(f"127.0.0.1:{port}").startswith("200"), 30, "the app to listen")
        return app

    def agent(self, control_plane, account, env):
        """`fairway agent` as user 1337, its work directory below a volume that is everybody's."""
        bin_ = self.programs()
        volume = self.directory / "istio-envoy"
        volume.mkdir()
        volume.chmod(0o777 | stat.S_ISGID)
        files = self.directory / "files"
        files.mkdir()
        for name, source in (("token", control_plane.token_file(*account)), ("root.pem", control_plane.root_file)):
            wait_for(source.exists, 30, f"{source}")
            shutil.copyfile(source, files / name)
            (files / name).chmod(0o644)
        self.environment = {
            "POD_NAMESPACE": account[0],
            "SERVICE_ACCOUNT": account[1],
            "INSTANCE_IP": self.ip,
            "FAIRWAY_DISCOVERY_ADDRESS": control_plane.xds,
            "FAIRWAY_TOKEN_FILE": str(files / "token"),
            "FAIRWAY_ROOT_FILE": str(files / "root.pem"),
            "FAIRWAY_ENVOY": str(bin_ / "envoy"),
            "FAIRWAY_WORK_DIR": str(volume / "agent"),
            **env,
        }
        return self.lab.add(
            Process("agent", self.as_proxy(bin_ / "fairway", "agent"), self.directory / "agent.log", self.environment)
        )

    def fairway(self, *arguments):
        """A command in the container istio-proxy, as kubelet runs hooks."""
        return run(
            self.as_proxy(self.programs() / "fairway", *arguments), env={**os.environ, **self.environment}
        )

    def get(self, address, path="/", host=None):
        """A request from inside the pod, by the app's user: the status and the body."""
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); from processes import request; "
            "a = request(sys.argv[2], sys.argv[3], host=sys.argv[4] or None, timeout=60); print(str(a.status or a), a.body)"
        )
        tools = os.path.dirname(sys.modules["processes"].__file__)
        return run(self.inside(sys.executable, "-c", script, tools, address, path, host or "")).stdout.strip()

    @staticmethod
    def from_outside(port, path="/"):
        return request(f"{POD}:{port}", path, timeout=20)
