"""Many rounds, in as many processes as there are cores. Each process has a network of its own."""

import collections
import dataclasses
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

WORKLOADS = 100  # of one round, at most
_TRIPLES = 143  # a workload, roughly
_SHRUNK = 2  # of the disagreements of one round
_SILENCE = 600  # s without any result: a worker was killed, whose round the pool would wait for


@dataclasses.dataclass
class Result:
    triples: int = 0
    verdicts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    disagreements: list = dataclasses.field(default_factory=list)  # as text
    count: int = 0  # of disagreements
    wrong_allows: int = 0
    refused_objects: list = dataclasses.field(default_factory=list)
    coverage: object = None

    def add(self, other):
        self.triples += other.triples
        self.verdicts += other.verdicts
        self.disagreements += other.disagreements
        self.count += other.count
        self.wrong_allows += other.wrong_allows
        self.refused_objects += other.refused_objects
        self.coverage = other.coverage if self.coverage is None else _sum(self.coverage, other.coverage)
        return self

    @property
    def allowed_share(self):
        return self.verdicts["allow"] / max(self.triples, 1)


def _sum(a, b):
    a += b
    return a


def enter():
    """In a fresh process: a network of its own, and no terminal's signals."""
    from harness import network  # pylint: disable=import-outside-toplevel

    network.isolate()


def run_round(arguments):
    """One round, from its seed to its result."""
    # pylint: disable=import-outside-toplevel
    import rounds
    import shrink
    from coverage import Coverage
    from driver.envoy_driver import EnvoyDriver

    seed, number, size = arguments
    result = Result(coverage=Coverage())
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-diff-"))
    driver = EnvoyDriver(directory)
    try:
        round_ = rounds.make(seed, number, size)
        verdicts = {judge.name: judge.judge(round_) for judge in rounds.judges(driver)}
        result.triples = round_.size
        meant = (verdict for said in verdicts["model"] for verdict in said)
        result.verdicts.update("left open" if isinstance(verdict, frozenset) else verdict for verdict in meant)
        result.refused_objects = driver.complaints()
        found = rounds.disagreements(round_, verdicts)
        result.count = len(found)
        result.wrong_allows = sum("allow" in (d.verdicts["envoy"], d.verdicts["evaluator"]) for d in found)
        distinct = list({d.index: d for d in found}.values())[:_SHRUNK]
        result.disagreements = [shrink.describe(shrink.Shrinker(driver).shrink(d)) for d in distinct]
        for index in range(size):
            asked = [request for at, some in round_.questions if at == index for request in some]
            result.coverage.look(round_.mesh, round_.mesh.workloads[index], asked)
    finally:
        driver.close()
        shutil.rmtree(directory, ignore_errors=True)
    return result


def judge_regressions():
    """What each judge says of what was found once, and what is right; in a process that enter() made ready."""
    # pylint: disable=import-outside-toplevel
    import regressions
    import rounds
    from driver.envoy_driver import EnvoyDriver

    directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-diff-"))
    driver = EnvoyDriver(directory)
    try:
        round_, right = regressions.round_()
        return {judge.name: judge.judge(round_) for judge in rounds.judges(driver)}, right
    finally:
        driver.close()
        shutil.rmtree(directory, ignore_errors=True)


def hunt(seed, names):
    """hunt.hunt(), in a process that enter() made ready."""
    import hunt as hunter  # pylint: disable=import-outside-toplevel

    return hunter.hunt(seed, names)


def hunt_evaluator(seed):
    """hunt.hunt_evaluator(), in a process that enter() made ready."""
    import hunt as hunter  # pylint: disable=import-outside-toplevel

    return hunter.hunt_evaluator(seed)


def run(seed, triples, processes=None):
    """At least so many triples. Prints what it does."""
    began = time.monotonic()
    count = max(1, -(-triples // (WORKLOADS * _TRIPLES)))
    size = -(-triples // (count * _TRIPLES))
    total = Result()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count(), enter, maxtasksperchild=8) as pool:
        results = pool.imap_unordered(run_round, [(seed, number, size) for number in range(count)])
        for _ in range(count):
            total.add(results.next(_SILENCE))
    seconds = time.monotonic() - began
    rate = total.triples / seconds
    print(f"seed {seed}: {total.triples} triples in {seconds:.1f} s, {rate:.0f} a second", flush=True)
    print(f"verdicts: {dict(total.verdicts)}, {total.allowed_share:.0%} allowed", flush=True)
    print(f"disagreements: {total.count} ({total.wrong_allows} wrong allows)", flush=True)
    return total


def main():
    """campaign.py TRIPLES [SEED]: what test_policies.py does, with a seed of one's own."""
    total = run(sys.argv[2] if len(sys.argv) > 2 else str(time.time_ns()), int(sys.argv[1]))
    print(total.coverage.table())
    print("decided one way only:", total.coverage.one_sided())
    print("\n".join(sorted(set(total.refused_objects))[:20]))
    for text in total.disagreements[:10]:
        print("=" * 100)
        print(text)
    return 1 if total.count else 0


if __name__ == "__main__":
    sys.exit(main())
