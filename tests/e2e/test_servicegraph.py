"""The service graph: from a real Prometheus, from the proxies' load reports, and its page in a real browser."""

import http.server
import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness import ROOT
from harness.browser import Browser
from processes import Process, ServiceGraph, request, wait_for

import story
import workloads as onap

BUCKETS = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
HOSTILE = '<img src=x onerror="window.hacked=1">\\"\n{}'
PICTURES = os.environ.get("FAIRWAY_PICTURES")  # a folder: screenshots are kept there


class Exposition:
    """Serves Istio's metrics of made-up calls, whose counters grow by the second; `edges`: see add()."""

    def __init__(self):
        self.start, self.edges = time.monotonic(), []
        exposition = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = exposition.page().encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, source, target, rate, ns="shop", target_ns=None, errors=0.0, latency=20, security="mutual_tls", tcp=False):
        labels = {
            "reporter": "destination",
            "source_workload": f"{source}-v1",
            "source_canonical_service": source,
            "source_app": source,
            "source_workload_namespace": ns,
            "destination_workload": f"{target}-v1",
            "destination_canonical_service": target,
            "destination_app": target,
            "destination_workload_namespace": target_ns or ns,
            "destination_service_name": target,
            "destination_service_namespace": target_ns or ns,
            "request_protocol": "tcp" if tcp else "http",
            "connection_security_policy": security,
        }
        self.edges.append((labels, rate, errors, latency, tcp))

    def page(self):
        age = time.monotonic() - self.start + 1
        lines = []

        def line(name, labels, value):
            text = ",".join(f'{k}="{escaped(v)}"' for k, v in labels.items())
            lines.append(f"{name}{{{text}}} {value}")

        for labels, rate, errors, latency, tcp in self.edges:
            if tcp:
                line("istio_tcp_received_bytes_total", labels, rate * age)
                line("istio_tcp_sent_bytes_total", labels, rate * age)
                continue
            line("istio_requests_total", {**labels, "response_code": "200"}, rate * age * (1 - errors))
            if errors:
                line("istio_requests_total", {**labels, "response_code": "503"}, rate * age * errors)
            for bound in BUCKETS if latency else ():
                count = rate * age * (1 if bound >= latency else 0)
                line("istio_request_duration_milliseconds_bucket", {**labels, "le": str(bound)}, count)
            if latency:
                line("istio_request_duration_milliseconds_bucket", {**labels, "le": "+Inf"}, rate * age)
        return "\n".join(lines) + "\n"


def escaped(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Prometheus(Process):
    def __init__(self, directory, targets, port=19090):
        self.directory = directory
        self.directory.mkdir()
        self.address = f"127.0.0.1:{port}"
        jobs = [{"job_name": "mesh", "static_configs": [{"targets": targets}]}]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        (directory / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        argv = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data"]
        super().__init__("prometheus", [*argv, f"--web.listen-address={self.address}"], directory / "prometheus.log")

    def value(self, query):
        answer = request(self.address, "/api/v1/query?query=" + urllib.parse.quote(query), timeout=10)
        if answer.status != 200:
            return None
        result = json.loads(answer.body)["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def get(graph, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    return request(graph.address, path + ("?" + query if query else ""), timeout=40)


def picture(graph, window="5m"):
    answer = get(graph, "/api/graph", window=window)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def edges_of(shown):
    names = [node["name"] for node in shown["nodes"]]
    return {(names[edge["source"]], names[edge["target"]]): edge for edge in shown["edges"]}


def start_prometheus(lab, exposition, until="count(rate(istio_requests_total[1m]))"):
    prometheus = lab.add(Prometheus(lab.directory / "prometheus", [exposition.address]))
    wait_for(lambda: prometheus.value(until), 60, "Prometheus to have rates", pause=0.1)
    return prometheus


@pytest.fixture(name="shop")
def a_small_shop(lab):
    exposition = Exposition()
    exposition.add("gateway", "web", 20, ns="ingress", target_ns="shop", errors=0.01)
    exposition.add("web", "cart", 10, latency=100)
    exposition.add("web", "search", 5, errors=0.2, security="none")
    exposition.add("cart", "a-service-with-a-name-that-is-much-too-long-for-its-box", 2)
    exposition.add("cart", "db", 1000, tcp=True)
    exposition.add("web", HOSTILE, 1)
    yield exposition, start_prometheus(lab, exposition)
    exposition.server.shutdown()


def test_from_prometheus(lab, shop):
    exposition, prometheus = shop
    graph = lab.add(ServiceGraph(lab.directory, ["--prometheus-url", f"http://{prometheus.address}/", "--timeout", "2s"]))
    shown = picture(graph)
    edges = edges_of(shown)
    assert (shown["from"], shown["problems"], shown["stale"]) == ("prometheus", [], False)
    assert set(edges) == {
        ("gateway", "web"),
        ("web", "cart"),
        ("web", "search"),
        ("cart", "a-service-with-a-name-that-is-much-too-long-for-its-box"),
        ("cart", "db"),
        ("web", HOSTILE),
    }
    cart, search = edges["web", "cart"], edges["web", "search"]
    # Prometheus takes the rate over all of the time range, of which there is only the end yet.
    assert cart["requests"] / search["requests"] == pytest.approx(2, rel=0.05)
    assert cart["errors"] == 0 and cart["mtls"] == 1
    assert 50 < cart["p50"] <= cart["p95"] <= cart["p99"] <= 100
    assert search["errors"] / search["requests"] == pytest.approx(0.2, rel=0.05)
    assert search["mtls"] == 0
    assert edges["cart", "db"]["protocol"] == "tcp"
    assert edges["cart", "db"]["bytes"] / cart["requests"] == pytest.approx(200, rel=0.05)
    assert {n["namespace"] for n in shown["nodes"]} == {"ingress", "shop"}

    # The paths of old.
    def web_to_cart():
        old = json.loads(get(graph, "/graph", time_horizon="3s").body)
        assert old["nodes"]["web (web-v1)"] == {}
        [pair] = [e for e in old["edges"] if (e["source"], e["target"]) == ("web (web-v1)", "cart (cart-v1)")]
        assert list(pair["labels"]) == ["reqs/sec"]
        return pair["labels"]["reqs/sec"]

    wait_for(lambda: 9 < float(web_to_cart()) < 11, 30, lambda: f"10 requests a second: {web_to_cart()}", pause=0.3)
    assert len(web_to_cart().split(".")[1]) == 6
    d3 = json.loads(get(graph, "/d3graph").body)
    assert {"name": "web (web-v1)"} in d3["nodes"]
    assert all(isinstance(link["source"], int) for link in d3["links"])
    dot = get(graph, "/dotgraph").body
    assert dot.startswith('digraph "istio-servicegraph" {\n"') and dot.endswith("}\n")
    assert '"gateway_(gateway-v1)" -> "web_(web-v1)" [label="reqs/sec: ' in dot
    assert '"db_(db-v1)" [label="db (db-v1)"];' in dot

    def sources(**parameters):
        return {e["source"] for e in json.loads(get(graph, "/graph", **parameters).body)["edges"]}

    assert sources(source_workload="cart-v1") == {"cart (cart-v1)"}
    assert sources(destination_workload="web-v1", filter_empty="true") == {"gateway (gateway-v1)"}
    assert sources(destination_workload='x"} or vector(1) #') == set()
    assert sources(destination_namespace="shop") == set()  # a label that the metrics do not have
    for bad in ("soon", "5", "5m]) or up #", "0s"):
        answer = get(graph, "/graph", time_horizon=bad)
        assert answer.status == 500 and "not a valid duration" in answer.body
    assert request(graph.address, "/node?name=mine", method="POST").status == 200
    assert "mine" in json.loads(get(graph, "/graph").body)["nodes"]
    assert get(graph, "/node", name="x").status == 501

    # What has no traffic any more stays until filter_empty leaves it out.
    exposition.edges = [(labels, 0, 0, 0, tcp) for labels, _, _, _, tcp in exposition.edges]
    assert prometheus.value("count(istio_requests_total)") is not None
    wait_for(lambda: sources(time_horizon="3s", filter_empty="true") == set(), 30, "nothing to be left", pause=0.2)
    assert sources(time_horizon="5m") != set()

    # A Prometheus that does not answer, and one that is gone: the last picture stays, with the reason.
    prometheus.signal(signal.SIGSTOP)
    stale = wait_for(lambda: (lambda p: p if p["stale"] else None)(picture(graph)), 30, "a stale picture", pause=0.5)
    prometheus.signal(signal.SIGCONT)
    assert "in time" in stale["problems"][0]
    assert len(stale["edges"]) == 6
    prometheus.stop()
    gone = wait_for(lambda: (lambda p: p if "refused" in str(p["problems"]) else None)(picture(graph)), 30, "a refusal", pause=0.5)
    assert gone["stale"] and gone["edges"]
    answer = get(graph, "/graph")
    assert answer.status == 500 and "refused" in answer.body


def test_a_prometheus_with_other_data_and_one_with_too_much(lab):
    exposition = Exposition()
    prometheus = start_prometheus(lab, exposition, until="count(up)")
    graph = lab.add(ServiceGraph(lab.directory, ["--prometheus-url", f"http://{prometheus.address}"]))
    shown = picture(graph)
    assert shown["edges"] == [] and "istio_requests_total" in shown["problems"][0]
    for i in range(10_000):
        exposition.add(f"from{i % 100}", f"to{i}", 1 + i % 7, ns=f"ns{i % 10}", latency=0)
    wait_for(lambda: (prometheus.value("count(rate(istio_requests_total[1m]))") or 0) == 10_000, 60, "10,000 series", pause=0.5)
    wait_for(lambda: len(picture(graph, "1m")["edges"]) == 5_000, 60, "a bounded picture", pause=0.5)
    assert picture(graph, "1m")["leftOut"] == 5_000
    assert len(json.loads(get(graph, "/graph", time_horizon="1m").body)["edges"]) == 10_000
    wrong = lab.add(ServiceGraph(lab.directory / "wrong", ["--prometheus-url", f"http://{exposition.address}"]))
    shown = picture(wrong)
    assert shown["from"] == "" and "is this a Prometheus?" in shown["problems"][0]
    exposition.server.shutdown()


def test_from_load_reports(lab):
    plane = lab.folder_control_plane()
    lab.start_mesh()
    lab.write("gateway.yaml", onap.step_text("1-gateway.yaml"))
    lab.wait_probe(story.SWAGGER_200)
    # Nobody reads, so nobody reports.
    assert json.loads(request(plane.admin, "/edges").body)["edges"] == []
    graph = lab.add(ServiceGraph(lab.directory, ["--control-plane", plane.admin, "--agent-port", "0"]))

    def calls():
        for way in ("gateway", "mesh"):
            assert lab.world.ask(way, story.SWAGGER).status == 200
        assert lab.world.ask("gateway", "/nothing").status == 404
        return edges_of(picture(graph, "1m"))

    wanted = {("istio-ingressgateway", "msb-iag"), ("msb-iag", "multicloud-vio"), ("vfc-nslcm", "multicloud-vio")}
    wait_for(lambda: wanted <= set(calls()), 60, "the calls to be reported", pause=0.2)
    shown = picture(graph, "1m")
    edges = edges_of(shown)
    assert shown["from"] == "load-reports" and shown["proxies"] == len(lab.agents) and 0 < shown["seconds"] <= 60
    assert shown["problems"] == []
    for pair in wanted:
        assert edges[pair]["protocol"] == "http", (pair, edges[pair])
        assert edges[pair]["requests"] > 0 and edges[pair]["mtls"] == 1, (pair, edges[pair])
        assert "p95" not in edges[pair]
    assert {n["namespace"] for n in shown["nodes"]} == {"istio-system", "onap"}

    def old_edges():
        old = json.loads(get(graph, "/graph", time_horizon="1m", filter_empty="true").body)
        return {(e["source"], e["target"]) for e in old["edges"]}

    wait_for(lambda: ("msb-iag (msb-iag)", "multicloud-vio (multicloud-vio)") in old_edges(), 30, lambda: f"the old graph: {old_edges()}")

    # Errors are counted: the application behind is gone.
    lab.processes[[p.name for p in lab.processes].index("applications")].stop()

    def failing():
        lab.world.ask("mesh", story.SWAGGER)
        return edges_of(picture(graph, "1m"))["vfc-nslcm", "multicloud-vio"]["errors"] > 0

    wait_for(failing, 60, "errors to be reported", pause=0.2)
    assert request(plane.admin, "/edges?window=soon").status == 400
    plane.stop()
    stale = wait_for(lambda: (lambda p: p if p["stale"] else None)(picture(graph, "1m")), 30, "a stale picture", pause=0.5)
    assert "control plane" in stale["problems"][0] and wanted <= set(edges_of(stale))


# --- the page ---


@pytest.fixture(name="browser")
def a_browser(lab):
    browser = Browser(lab.directory / "browser")
    try:
        yield browser
    finally:
        browser.close()


def keep(browser, name):
    if PICTURES:
        browser.picture(f"{PICTURES}/{name}.png")


def open_page(browser, graph, path="/"):
    browser.open(f"http://{graph.address}{path}")
    if path == "/":
        browser.wait("performance.getEntriesByName('picture').length")


def focused(browser):
    return browser.run("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")


def test_page(lab, shop, browser):
    _, prometheus = shop
    graph = lab.add(ServiceGraph(lab.directory, ["--prometheus-url", f"http://{prometheus.address}"]))
    open_page(browser, graph)
    keep(browser, "light")
    assert browser.run("document.querySelectorAll('.node').length") == 7
    assert browser.run("document.querySelectorAll('.edge').length") == 6
    assert "7 services, 6 edges" in browser.text("#status") and "from Prometheus" in browser.text("#status")
    assert browser.run("document.querySelectorAll('.edge.bad').length") == 1
    assert browser.run("document.querySelectorAll('.node, .edge').length === document.querySelectorAll('[role=button][aria-label]').length")
    # What names say is text, cut in the box and whole elsewhere.
    assert browser.run("window.hacked") is None
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run(f"[...document.querySelectorAll('.node')].some(n => n.getAttribute('aria-label').includes({json.dumps(HOSTILE)}))")
    long = "[...document.querySelectorAll('.node')].find(n => n.getAttribute('aria-label').startsWith('a-service'))"
    assert browser.run(f"{long}.querySelector('text').textContent").endswith("…")
    browser.run(f"{long}.focus()")
    assert browser.text("#tip").startswith("a-service-with-a-name-that-is-much-too-long-for-its-box")

    # By keyboard alone: along the calls, into the details and back.
    browser.run("document.getElementById('theme').focus()")
    browser.press("Tab")
    browser.press("Home")
    assert focused(browser).startswith("gateway in ingress")
    browser.press("ArrowRight")
    assert focused(browser).startswith("gateway in ingress to web in shop: ")
    assert " % errors" in focused(browser) and "mutual TLS on" in focused(browser)
    browser.press("ArrowRight")
    assert focused(browser).startswith("web in shop")
    browser.press("ArrowRight")
    assert focused(browser).startswith("web in shop to cart in shop")
    browser.press("Enter")
    browser.wait("!document.getElementById('details').hidden")
    details = browser.text("#details")
    assert "web → cart" in details and "Latency p95" in details and "HTTP" in details
    keep(browser, "details")
    browser.press("Escape")
    assert browser.run("document.getElementById('details').hidden")
    assert focused(browser).startswith("web in shop to cart in shop")
    browser.press("/")
    browser.type("sear")
    assert browser.run("document.querySelectorAll('.node.found').length") == 1
    browser.press("Enter")
    assert browser.text("#details h2") == "search"

    # The table has the same, sorted as wished.
    browser.click("#show-table")
    assert browser.run("document.querySelectorAll('tbody tr').length") == 1  # the search counts here, too
    browser.run("(() => { const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input')) })()")
    assert browser.run("document.querySelectorAll('tbody tr').length") == 6
    browser.click("thead th:nth-child(5) button")
    assert browser.run("document.querySelector('th[aria-sort=descending]').textContent").startswith("Errors")
    assert browser.text("tbody tr td:nth-child(2)").startswith("search")
    keep(browser, "table")
    browser.click("#show-graph")

    # A namespace alone, with those it talks to.
    choose = "(() => {{ const s = document.getElementById('{}'); s.value = '{}'; s.dispatchEvent(new Event('change')) }})()"
    browser.run(choose.format("namespace", "ingress"))
    assert browser.run("document.querySelectorAll('.node').length") == 2
    browser.run(choose.format("namespace", ""))
    browser.run(choose.format("group", "on"))
    assert sorted(browser.run("[...document.querySelectorAll('.node text:first-of-type')].map(t => t.textContent)")) == ["ingress", "shop"]
    browser.run(choose.format("group", "auto"))

    # Colours: the system's, unless the user says otherwise.
    colour = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(colour)
    browser.prefer("dark")
    dark = browser.run(colour)
    keep(browser, "dark")
    assert light != dark
    browser.click("#theme")
    assert browser.run(colour) == light
    browser.click("#theme")
    browser.prefer("light")
    assert browser.run(colour) == dark
    browser.open(f"http://{graph.address}/")  # remembered
    browser.wait("performance.getEntriesByName('picture').length")
    assert browser.run(colour) == dark
    browser.resize(400, 760)
    time.sleep(0.3)
    keep(browser, "narrow")
    assert browser.run("document.documentElement.scrollWidth") <= 400
    browser.resize(1280, 800)

    # The old pages.
    open_page(browser, graph, "/dotviz?source_workload=cart-v1")
    browser.wait("document.querySelectorAll('#frame ellipse').length == 3")
    open_page(browser, graph, "/force/forcegraph.html?time_horizon=1m&source_workload=cart-v1")
    browser.wait("document.querySelectorAll('circle').length == 7")  # that parameter is not passed on
    assert any("/d3graph?time_horizon=1m" == url.split(graph.address)[1] for url in browser.requested() if graph.address in url)
    assert browser.run("window.hacked") is None

    # Nothing came from elsewhere, and the browser had nothing to complain about.
    strange = [url for url in browser.requested() if not url.startswith((f"http://{graph.address}/", "about:"))]
    assert strange == []
    assert browser.complaints() == []

    # A server that is gone: the picture stays, and says of when it is.
    open_page(browser, graph)
    graph.stop()
    browser.wait("document.getElementById('problems').innerText.includes('cannot be reached')")
    assert "What is shown is of" in browser.text("#problems")
    assert browser.run("document.querySelectorAll('.node').length") == 7
    keep(browser, "away")


def test_page_of_two_hundred_services(lab, browser):
    exposition, dice = Exposition(), random.Random(7)
    for i in range(1, 200):
        for source in {dice.randrange(max(0, i - 40), i) for _ in range(dice.choice((1, 1, 2, 3)))}:
            errors = dice.choice((0,) * 20 + (0.01, 0.2))
            exposition.add(f"service-{source}", f"service-{i}", 10 ** dice.uniform(-1, 3), ns=f"team-{source % 8}", target_ns=f"team-{i % 8}", errors=errors)
    prometheus = start_prometheus(lab, exposition)
    graph = lab.add(ServiceGraph(lab.directory, ["--prometheus-url", f"http://{prometheus.address}"]))
    for attempt in ("first", "second", "third"):
        open_page(browser, graph)
        mark = browser.run("performance.getEntriesByName('picture')[0].startTime")
        data = browser.run("performance.getEntriesByType('resource').find(r => r.name.includes('api/graph')).duration")
        print(f"  200 services, {len(exposition.edges)} edges, {attempt} time: shown after {mark:.0f} ms, {data:.0f} of them for data", flush=True)
    assert "200 services" in browser.text("#status")
    assert browser.run("document.querySelectorAll('.node.group').length") == 8
    keep(browser, "namespaces")
    browser.run("document.querySelector('.node.group').focus()")
    browser.press("Enter")
    assert browser.run("document.querySelectorAll('.node.group').length") == 7
    assert browser.run("document.querySelectorAll('.node:not(.group)').length") == 25
    keep(browser, "opened")
    browser.run("(() => { const s = document.getElementById('group'); s.value = 'off'; s.dispatchEvent(new Event('change')) })()")
    assert browser.run("document.querySelectorAll('.node').length") == 200
    # No box on another.
    boxes = browser.run("[...document.querySelectorAll('.node rect.box')].map(r => { const b = r.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })")
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
    browser.resize(1600, 900)
    time.sleep(0.3)
    keep(browser, "two-hundred")
    browser.click("#show-table")
    assert browser.run("document.querySelectorAll('tbody tr').length") == len(exposition.edges)
    assert browser.complaints() == []
    exposition.server.shutdown()


def test_page_without_any_source(lab, browser):
    graph = lab.add(ServiceGraph(lab.directory, ["--prometheus-url", "http://127.0.0.1:9", "--control-plane", "127.0.0.1:9"]))
    browser.open(f"http://{graph.address}/")
    browser.wait("!document.getElementById('problems').hidden")
    text = browser.text("#problems")
    assert "Prometheus: http://127.0.0.1:9: " in text and "refused" in text and "control plane 127.0.0.1:9" in text
    assert browser.text("#empty") == "There is no picture yet."
    keep(browser, "nothing")


def test_wrong_flags():
    binary = os.environ.get("FAIRWAY_BINARY") or ROOT / "build" / "release" / "fairway"
    for flags, words in (
        ([], "--prometheus-url, or --control-plane"),
        (["--prometheus-url", "prometheus:9090"], "expected a URL"),
        (["--control-plane", "istiod"], "--control-plane"),
        (["--control-plane", "a:1", "--timeout", "0s"], "expected 100ms to 2m"),
        (["--control-plane", "a:1", "--address", "nowhere"], "--address"),
    ):
        ended = subprocess.run([binary, "servicegraph", *flags], capture_output=True, text=True, timeout=20, check=False)
        assert ended.returncode == 64 and words in ended.stderr, (flags, ended)
