"""Lets each mutant loose and looks how many triples it takes to see it."""

import collections
import copy
import itertools
import pathlib
import shutil
import sys
import tempfile

import rounds
from driver.envoy_driver import EnvoyDriver
from mutants import FACT_MUTANTS, MUTANTS, OF_EVALUATOR

_WORKLOADS = 60
_ROUNDS = 8
_EVALUATOR_ROUNDS = 24  # few mutants are left after the first ones, and asking the evaluator alone costs little
_GROUPS = (4, 16, _WORKLOADS)  # workloads that are served before looking whether the mutant was seen


def _mutated(round_, mutate):
    """(workload index, its listeners) of the workloads that the mutant changes."""
    for index, listeners in enumerate(round_.listeners):
        changed = copy.deepcopy(listeners)
        if any([mutate(listener) for listener in changed]):  # all of them
            yield index, changed


def _caught(driver, round_, expected, mutate):
    """(caught, how many triples it took) in one round."""
    mutated, sent = _mutated(round_, mutate), 0
    for size in _GROUPS:
        group = dict(itertools.islice(mutated, size))
        if not group:
            break
        envoy = driver.serve(round_.mesh, group.values())
        try:
            for index in group:
                chosen = [place for place, question in enumerate(round_.questions) if question[0] == index]
                said = driver.ask(round_.mesh, [round_.questions[place] for place in chosen])
                sent += sum(map(len, said))
                if any(verdicts != expected[place] for place, verdicts in zip(chosen, said)):
                    return True, sent
        finally:
            envoy.stop()
    return False, sent


def hunt(seed, names=None):
    """Mutant -> triples until it was seen; None: it was not."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-diff-"))
    waiting, taken, spent = dict(MUTANTS if names is None else {n: MUTANTS[n] for n in names}), {}, {}
    driver = EnvoyDriver(directory)
    try:
        for number in range(_ROUNDS):
            if not waiting:
                break
            round_ = rounds.make(seed, number, _WORKLOADS)
            # What Envoy says without the mutant: what is known to differ from the model catches nothing.
            expected = rounds.EnvoyJudge(driver).judge(round_)
            for name, mutate in list(waiting.items()):
                caught, sent = _caught(driver, round_, expected, mutate)
                spent[name] = spent.get(name, 0) + sent
                if caught:
                    taken[name] = spent[name]
                    del waiting[name]
    finally:
        driver.close()
        shutil.rmtree(directory, ignore_errors=True)
    return {**taken, **{name: None for name in waiting}}


def hunt_evaluator(seed, names=None):
    """The same for bugs of the evaluator: what is wrong is planted into what it alone is given. Mutant -> triples (of workloads
    that it changes) until it said something else than Envoy; None: it never did."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-diff-"))
    waiting = {n: m for n, m in OF_EVALUATOR.items() if names is None or n in names}
    taken, spent = {}, collections.Counter()
    driver = EnvoyDriver(directory)
    try:
        for number in range(_EVALUATOR_ROUNDS):
            if not waiting:
                break
            round_ = rounds.make(seed, number, _WORKLOADS)
            expected = rounds.EnvoyJudge(driver).judge(round_)
            for name in list(waiting):
                mutate = waiting[name]
                judge = rounds.EvaluatorJudge(facts=mutate) if name in FACT_MUTANTS else rounds.EvaluatorJudge(mutate)
                changed = None if name in FACT_MUTANTS else {index for index, _ in _mutated(round_, mutate)}
                asked = [n for n, (index, _) in enumerate(round_.questions) if changed is None or index in changed]
                said = judge.judge(round_)
                seen = _first_difference([said[n] for n in asked], [expected[n] for n in asked])
                spent[name] += sum(len(expected[n]) for n in asked) if seen is None else seen
                if seen is not None:
                    taken[name] = spent[name]
                    del waiting[name]
    finally:
        driver.close()
        shutil.rmtree(directory, ignore_errors=True)
    return {**taken, **{name: None for name in waiting}}


def _first_difference(verdicts, expected):
    """How many verdicts it took; None: they are the same."""
    pairs = zip(itertools.chain.from_iterable(verdicts), itertools.chain.from_iterable(expected))
    return next((number for number, (said, right) in enumerate(pairs, 1) if said != right), None)


def main():
    """hunt.py [SEED [MUTANT...]]"""
    found = hunt(sys.argv[1] if len(sys.argv) > 1 else "mutants", sys.argv[2:] or None)
    for name, triples in found.items():
        print(f"{name:50} {'not seen' if triples is None else triples}")
    return int(None in found.values())
