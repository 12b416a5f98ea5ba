"""Random policies of both dialects and requests at their boundaries: the model of the policy language, a real Envoy with
what the control plane makes of the policies, and the evaluator with the same say the same of each request.

FAIRWAY_DIFFERENTIAL: how many triples of policies, request and verdict; FAIRWAY_DIFFERENTIAL_SEED: other ones than
usual. In the usual run, and in those so long that chance does not count, every field has to decide in both directions."""

import multiprocessing
import os

import campaign
import coverage

USUAL, MANY = 100_000, 500_000
TRIPLES = int(os.environ.get("FAIRWAY_DIFFERENTIAL") or USUAL)
SEED = os.environ.get("FAIRWAY_DIFFERENTIAL_SEED") or "fairway"


def test_what_was_found_stays_mended():
    with multiprocessing.get_context("spawn").Pool(1, campaign.enter) as pool:
        said, right = pool.apply(campaign.judge_regressions)
    for name, verdicts in said.items():
        assert verdicts == right, name


def test_all_judges_agree():
    total = campaign.run(SEED, TRIPLES)
    print(total.coverage.table())
    for text in total.disagreements[:5]:
        print("=" * 100, text, sep="\n")
    assert total.count == 0, f"{total.count} disagreements, {total.wrong_allows} of them wrong allows; seed {SEED}"
    assert not total.refused_objects, "the policies are meant to be valid: " + total.refused_objects[0]
    assert total.triples >= TRIPLES
    assert total.allowed_share >= 0.3
    if TRIPLES >= MANY:
        assert not total.coverage.one_sided()
    elif (TRIPLES, SEED) == (USUAL, "fairway"):
        assert set(total.coverage.one_sided()) <= coverage.RARE
