"""The verdicts of `fairway evaluate`: what Envoy would do with the same listeners."""

import json
import subprocess

from processes import binary
from driver.client import with_tokens
from generate import providers
from world import ALLOW, ASKED_HEADER, CLOSED, DENY, FAIL, NOBODY, REFUSE, REJECT, answer_to_connection, answer_to_request

_VERDICTS = {"allow": ALLOW, "deny": DENY, "reject": REJECT, "closed": CLOSED}
_SECONDS = 600


def _port(listener):
    return listener["address"]["socket_address"]["port_value"]


def _answers(mesh, answer):
    """Cluster -> what the authorizer there says: `answer`, a function of the authorizer, if there is one."""
    all_ = providers.authorizers(mesh.providers)
    return {each.cluster: "error" if each.host == NOBODY else answer(each) for each in all_}


def _to_request(request):
    """What authorizers say of a request: they see its header only if they are sent it."""
    values = [value for name, value in request.headers if name.lower() == ASKED_HEADER]
    return lambda authorizer: answer_to_request(values[0] if values and authorizer.sees_headers else None)


def _to_connection(connection):
    return lambda _: answer_to_connection(connection.source)


def _question(workload, request, mesh_alpn):
    connection = request.connection
    certificate = connection.certificate
    path, headers = with_tokens(request)
    return {
        "connection": {
            "source": connection.source,
            "destination": workload.ip,
            "port": connection.port,
            "tls": connection.tls,
            "sni": connection.sni,
            "alpn": mesh_alpn if connection.tls else [],
            "certificate": certificate and {"uris": [certificate.uri], "trusted": certificate.authority == "mesh"},
        },
        "request": {
            "method": request.method,
            "path": path,
            "host": request.host,
            "headers": list(map(list, headers)),
        },
    }


def _lines(mesh, listeners, questions, mutate, facts):
    for index, of_workload in enumerate(listeners):
        for listener in of_workload:
            if mutate:
                listener = json.loads(json.dumps(listener))
                mutate(listener)
            yield {"listener": f"{index} {_port(listener)}", "config": listener}
    for index, asked in questions:
        workload = mesh.workloads[index]
        asks = any(o["spec"].get("action") == "CUSTOM" for o in mesh.objects_for(workload))
        for request in asked:
            alpn = ["istio", "http/1.1"] if request.connection.mesh_alpn else ["http/1.1"]
            question = _question(workload, request, alpn)
            if asks:
                question["connection"]["answers"] = _answers(mesh, _to_connection(request.connection))
                question["request"]["answers"] = _answers(mesh, _to_request(request))
            if not workload.http(request.connection.port):
                del question["request"]
            if facts:
                facts(question)
            yield {"listener": f"{index} {request.connection.port}", **question}


def ask(mesh, listeners, questions, mutate=None, facts=None):
    """Verdicts for [(workload index, [requests])]; `listeners`: workload index -> its listeners in JSON form. `mutate` and
    `facts` change a listener, or a question, before it is handed over. What the evaluator does not know is a verdict that
    no other judge has: a disagreement with its words."""
    text = "\n".join(json.dumps(line) for line in _lines(mesh, listeners, questions, mutate, facts))
    argv = [binary(), "evaluate"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"fairway evaluate: {done.stderr}")
    answers = iter(done.stdout.splitlines())
    return [[_verdict(json.loads(next(answers))) for _ in asked] for _, asked in questions]


def _verdict(answer):
    if answer["verdict"] == "deny" and "jwt_authn" in (answer.get("filter") or ""):
        return REFUSE
    if answer["verdict"] == "deny" and answer["status"] == 402:
        return FAIL
    return _VERDICTS.get(answer["verdict"]) or f"{answer['verdict']}: {answer.get('text')}"
