"""One round: a random mesh, its requests, and what each judge says of them."""

import dataclasses
import random

import model
from driver import evaluator
from generate import meshes, requests
from generate.spelling import spell
from world import Mesh, agree


@dataclasses.dataclass
class Round:
    seed: str
    mesh: Mesh
    questions: list  # (workload index, [requests of one connection])
    listeners: list = None  # workload index -> inbound listeners as the control plane sent them, in JSON form

    @property
    def size(self):
        return sum(len(asked) for _, asked in self.questions)


@dataclasses.dataclass
class Disagreement:
    seed: str
    mesh: Mesh
    index: int
    request: tuple
    verdicts: dict  # name of the judge -> verdict

    @property
    def workload(self):
        return self.mesh.workloads[self.index]


def make(seed, number, size):
    """The same for the same arguments."""
    rng = random.Random(f"{seed} {number} {size}")
    mesh = meshes.mesh(rng, number, size)
    questions = []
    for index, workload in enumerate(mesh.workloads):
        aim = requests.Aim(rng, mesh, workload)
        questions += [(index, asked) for asked in aim.connections(aim.worth)]
    return Round(f"{seed}:{number}:{size}", mesh, questions)


class ModelJudge:
    """The model of the policy language."""

    name = "model"

    def judge(self, round_):
        ports = {}
        verdicts = []
        for index, asked in round_.questions:
            port = asked[0].connection.port
            if (index, port) not in ports:
                workload = round_.mesh.workloads[index]
                ports[index, port] = model.Port(round_.mesh, workload, port)
            verdicts.append([ports[index, port].verdict(request) for request in asked])
        return verdicts


class EnvoyJudge:
    """A real Envoy with what the control plane sends."""

    name = "envoy"

    def __init__(self, driver):
        self.driver = driver

    def judge(self, round_):
        self.driver.authority.issue(meshes.certificates(round_.mesh.trust_domain))
        rng = random.Random(round_.seed)
        round_.listeners = self.driver.listeners(round_.mesh, lambda objects: spell(rng, objects))
        envoy = self.driver.serve(round_.mesh, round_.listeners)
        try:
            verdicts = self.driver.ask(round_.mesh, round_.questions)
            return self._confirmed(round_, verdicts)
        finally:
            envoy.stop()

    def _confirmed(self, round_, verdicts):
        """A connection that failed of itself looks like one that was refused: such are asked again, one by one."""
        expected = ModelJudge().judge(round_)
        again = [
            (place, at)
            for place, (said, meant) in enumerate(zip(verdicts, expected))
            for at in range(len(said))
            if not agree((said[at], meant[at]))
        ]
        questions = [(round_.questions[place][0], [round_.questions[place][1][at]]) for place, at in again]
        for (place, at), (verdict,) in zip(again, self.driver.ask(round_.mesh, questions)):
            verdicts[place][at] = verdict
        return verdicts


class EvaluatorJudge:
    """operator/evaluate, with the listeners that Envoy got. `mutate` changes them, and `facts` what is asked, on the way to
    the evaluator alone: then it judges as one would that has a bug."""

    name = "evaluator"

    def __init__(self, mutate=None, facts=None):
        self.mutate, self.facts = mutate, facts

    def judge(self, round_):
        return evaluator.ask(round_.mesh, round_.listeners, round_.questions, self.mutate, self.facts)


def judges(driver):
    """Envoy first: it fills in the listeners."""
    return [EnvoyJudge(driver), ModelJudge(), EvaluatorJudge()]


def disagreements(round_, verdicts):
    """`verdicts`: name -> what that judge said."""
    found = []
    names = list(verdicts)
    for place, (index, asked) in enumerate(round_.questions):
        for at, request in enumerate(asked):
            said = {name: verdicts[name][place][at] for name in names}
            if not agree(said.values()):
                found.append(Disagreement(round_.seed, round_.mesh, index, request, said))
    return found
