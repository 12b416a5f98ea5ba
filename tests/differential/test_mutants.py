"""Each bug that is planted into the generated configuration, or into the evaluator, is seen within a few thousand
triples."""

import multiprocessing
import os

import campaign
from mutants import MUTANTS, OF_EVALUATOR

_MOST_TRIPLES = 30_000
_MOST_OF_EVALUATOR = 60_000  # one of them, a star that reaches over segments, needs half of that


def test_every_mutant_is_caught():
    processes = os.cpu_count()
    names = list(MUTANTS)
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, campaign.enter) as pool:
        parts = pool.starmap(campaign.hunt, [("mutants", names[at::processes]) for at in range(processes)])
    found = {name: triples for part in parts for name, triples in part.items()}
    for name, triples in sorted(found.items(), key=lambda item: item[1] or 0):
        print(f"  {name}: {triples or 'not seen'}")
    assert set(found) == set(MUTANTS)
    late = [name for name, triples in found.items() if triples is None or triples > _MOST_TRIPLES]
    assert not late, f"not seen within {_MOST_TRIPLES} triples: {', '.join(late)}"


def test_a_wrong_evaluator_is_caught():
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, campaign.enter) as pool:
        found = pool.apply(campaign.hunt_evaluator, ["evaluator"])
    for name, triples in sorted(found.items(), key=lambda item: item[1] or 0):
        print(f"  {name}: {triples or 'not seen'}")
    assert set(found) == set(OF_EVALUATOR)
    late = [name for name, triples in found.items() if triples is None or triples > _MOST_OF_EVALUATOR]
    assert not late, f"not seen within {_MOST_OF_EVALUATOR} triples: {', '.join(late)}"
