"""A pod in a network namespace of its own, with real interception: what istio-init, the agent and an app do there."""

import os
import shutil
import stat
import subprocess
import sys

from processes import Failed, Process, binary, envoy_binary, request, wait_for

HOST, POD = "10.88.0.1", "10.88.0.2"  # the two ends of the first pod's cable
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
    """A namespace with the address 10.88.<number>.2, and with `ipv6` fd00:88:<number>::2, reached from here by a cable; it goes
    with the lab. `hosts`: the text of /etc/hosts as the proxy sees it, which then has no DNS server."""

    def __init__(self, lab, number=0, ipv6=False, hosts=None):
        self.lab, self.environment = lab, {}
        self.number, self.hosts = number, hosts
        self.host, self.ip = f"10.88.{number}.1", f"10.88.{number}.2"
        self.host6, self.ip6 = (f"fd00:88:{number}::1", f"fd00:88:{number}::2") if ipv6 else (None, None)
        name = f"pod{number}"
        self.holder = lab.add(Process(name, ["unshare", "--net", "sleep", "infinity"], lab.directory / f"{name}.log"))
        own = os.readlink("/proc/self/ns/net")
        self.netns = f"/proc/{self.holder.pid}/ns/net"
        wait_for(lambda: os.readlink(self.netns) != own, 20, "the pod's network namespace")
        must(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.holder.pid])
        must(["ip", "address", "add", f"{self.host}/24", "dev", name])
        must(["ip", "link", "set", name, "up"])
        commands = ["link set lo up", f"address add {self.ip}/24 dev eth0", "link set eth0 up", f"route add default via {self.host}"]
        if ipv6:
            must(["ip", "address", "add", f"{self.host6}/64", "dev", name, "nodad"])
            commands += [f"address add {self.ip6}/64 dev eth0 nodad", f"route add default via {self.host6}"]
        for words in commands:
            must(self.inside("ip", *words.split()))

    @property
    def ips(self):
        return [ip for ip in (self.ip, self.ip6) if ip]

    def close(self):
        run(["ip", "link", "delete", f"pod{self.number}"])

    def inside(self, *argv):
        return ["nsenter", f"--net={self.netns}", *map(str, argv)]

    def as_proxy(self, *argv):
        """As the container istio-proxy: user 1337, no capabilities."""
        files = ()
        if self.hosts is not None:
            hosts, dns = (self.lab.directory / f"{name}-{self.number}" for name in ("hosts", "resolv"))
            hosts.write_text(self.hosts, encoding="ascii")
            dns.write_text("nameserver 127.0.0.1\n", encoding="ascii")  # it refuses, so that nobody waits for an answer
            mounts = f"mount --bind {hosts} /etc/hosts && mount --bind {dns} /etc/resolv.conf"
            files = ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")
        return self.inside(
            *files,
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
        app = self.lab.add(
            Process("app", self.inside(sys.executable, "-c", APP, port), self.lab.directory / f"app-{self.number}.log")
        )
        wait_for(lambda: app.check() or self.get(f"127.0.0.1:{port}").startswith("200"), 30, "the app to listen")
        return app

    def agent(self, control_plane, account, env):
        """`fairway agent` as user 1337, its work directory below a volume that is everybody's."""
        bin_ = self.programs()
        volume = self.lab.directory / f"istio-envoy-{self.number}"
        volume.mkdir()
        volume.chmod(0o777 | stat.S_ISGID)
        files = self.lab.directory / f"files-{self.number}"
        files.mkdir()
        for name, source in (("token", control_plane.token_file(*account)), ("root.pem", control_plane.root_file)):
            wait_for(source.exists, 30, f"{source}")
            shutil.copyfile(source, files / name)
            (files / name).chmod(0o644)
        self.environment = {
            "POD_NAMESPACE": account[0],
            "SERVICE_ACCOUNT": account[1],
            "INSTANCE_IP": self.ip,
            "INSTANCE_IPS": ",".join(self.ips),
            "FAIRWAY_DISCOVERY_ADDRESS": control_plane.xds,
            "FAIRWAY_TOKEN_FILE": str(files / "token"),
            "FAIRWAY_ROOT_FILE": str(files / "root.pem"),
            "FAIRWAY_ENVOY": str(bin_ / "envoy"),
            "FAIRWAY_WORK_DIR": str(volume / "agent"),
            **env,
        }
        return self.lab.add(
            Process(
                f"agent of pod {self.number}",
                self.as_proxy(bin_ / "fairway", "agent"),
                self.lab.directory / f"agent-{self.number}.log",
                self.environment,
            )
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

    def from_outside(self, port, path="/"):
        return request(f"{self.ip}:{port}", path, timeout=20)
