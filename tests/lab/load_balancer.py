"""Gives Services of type LoadBalancer an address, as a cloud would: one of the node's network, which kube-proxy then answers for.

usage: load_balancer.py KUBECONFIG FIRST LAST [FIRST-IPV6 LAST-IPV6]     (started by components.py)

A service is given the lowest address that no other has, or that of its spec.loadBalancerIP if that is in the range and free;
else it stays pending. With both families in spec.ipFamilies it has one of each. Services with a loadBalancerClass are
somebody else's.
"""

import http.client
import ipaddress
import json
import pathlib
import ssl
import sys
import time
import urllib.parse


class ApiServer:
    def __init__(self, kubeconfig):
        config = json.loads(pathlib.Path(kubeconfig).read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = urllib.parse.urlsplit(cluster["server"]).netloc
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.tls.load_cert_chain(user["client-certificate"], user["client-key"])

    def open(self, method, path, body=None, content_type="application/json", timeout=30):
        """A connection and its answer; the answer's errors are raised."""
        connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=timeout)
        connection.request(method, path, None if body is None else json.dumps(body), {"content-type": content_type})
        answer = connection.getresponse()
        if answer.status != 200:
            text = answer.read().decode(errors="replace")
            connection.close()
            raise OSError(f"{method} {path}: {answer.status} {text}")
        return connection, answer

    def call(self, method, path, body=None, content_type="application/json"):
        connection, answer = self.open(method, path, body, content_type)
        try:
            return json.load(answer)
        finally:
            connection.close()


class Range:
    """Addresses of one family, from the first to the last."""

    def __init__(self, first, last):
        self.first, self.last = ipaddress.ip_address(first), ipaddress.ip_address(last)

    def __contains__(self, text):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return address.version == self.first.version and self.first <= address <= self.last

    def lowest_without(self, used):
        address = self.first
        while str(address) in used:
            address += 1
        return str(address) if address <= self.last else None


def wanted(service):
    """Whether a service is to have an address from here."""
    ending = "deletionTimestamp" in service["metadata"]
    spec = service["spec"]
    return spec["type"] == "LoadBalancer" and not spec.get("loadBalancerClass") and not ending


def addresses(service):
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return [entry["ip"] for entry in ingress if "ip" in entry]


def choose(service, ranges, used):
    """The addresses a service shall have: those it has, or free ones; `ranges` by family (IPv4, IPv6). None that it asks for
    by name and cannot have."""
    asked, chosen = service["spec"].get("loadBalancerIP"), []
    for family in service["spec"].get("ipFamilies", ["IPv4"]):
        if family not in ranges:
            continue
        own = ranges[family]
        kept = [ip for ip in addresses(service) if ip in own]
        if asked and ("IPv6" if ":" in asked else "IPv4") == family:
            chosen += [asked] if asked in own and (asked in kept or asked not in used) else []
        elif kept:
            chosen.append(kept[0])
        elif free := own.lowest_without(used):
            chosen.append(free)
    return chosen


def plan(services, ranges):
    """Service key -> addresses, of all services whose status is to change. Older services come first."""
    order = sorted(services, key=lambda key: (services[key]["metadata"]["creationTimestamp"], key))
    used = {ip for key in order if wanted(services[key]) for ip in addresses(services[key])}
    changes = {}
    for key in order:
        service = services[key]
        mine = wanted(service) or service["spec"]["type"] != "LoadBalancer"
        chosen = choose(service, ranges, used) if wanted(service) else []
        used |= set(chosen)
        if mine and chosen != addresses(service):
            changes[key] = chosen
    return changes


def key_of(service):
    return service["metadata"]["namespace"], service["metadata"]["name"]


def version_of(service):
    return int(service["metadata"]["resourceVersion"])


def settle(api, services, ranges):
    """Writes what has to change; what comes back takes the place of what was known."""
    for (namespace, name), chosen in plan(services, ranges).items():
        status = {"status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in chosen] or None}}}
        path = f"/api/v1/namespaces/{namespace}/services/{name}/status"
        print(f"{namespace}/{name}: {' '.join(chosen) or 'none'}", flush=True)
        services[namespace, name] = api.call("PATCH", path, status, "application/merge-patch+json")


def follow(api, ranges):
    """Lists the services and then takes one change after the other, until the watch ends."""
    listed = api.call("GET", "/api/v1/services")
    services = {key_of(service): service for service in listed["items"]}
    settle(api, services, ranges)
    version = listed["metadata"]["resourceVersion"]
    connection, answer = api.open("GET", f"/api/v1/services?watch=1&resourceVersion={version}&timeoutSeconds=300", timeout=330)
    try:
        for line in answer:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            service = event["object"]
            known = services.get(key_of(service))
            if known and version_of(known) > version_of(service):
                continue  # from before what was written here
            if event["type"] == "DELETED":
                services.pop(key_of(service), None)
            else:
                services[key_of(service)] = service
            settle(api, services, ranges)
    finally:
        connection.close()


def main(kubeconfig, *limits):
    api = ApiServer(kubeconfig)
    ranges = dict(zip(("IPv4", "IPv6"), (Range(*limits[i : i + 2]) for i in range(0, len(limits), 2))))
    while True:
        try:
            follow(api, ranges)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            print(problem, flush=True)  # the API server ends and comes back, a service goes while it is written
            time.sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
