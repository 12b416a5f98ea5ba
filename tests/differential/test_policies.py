"""Random policies of both dialects and requests at their boundaries: the model of the policy language and a real Envoy
with what the control plane makes of the policies say the same of each request.

FAIRWAY_DIFFERENTIAL: how many triples of policies, request and verdict; FAIRWAY_DIFFERENTIAL_SEED: other ones than
usual.
Only runs of 80,000 and more are asked to have every field decide in both directions: fewer cannot reach them all."""

import os

import campaign

TRIPLES = int(os.environ.get("FAIRWAY_DIFFERENTIAL") or 80_000)
SEED = os.environ.get("FAIRWAY_DIFFERENTIAL_SEED") or "fairway"


def test_model_and_envoy_agree():
    total = campaign.run(SEED, TRIPLES)
    print(total.coverage.table())
    for text in total.disagreements[:5]:
        print("=" * 100, text, sep="\n")
    assert total.count == 0, f"{total.count} disagreements, {total.wrong_allows} of them wrong allows; seed {SEED}"
    assert not total.refused_objects, "the policies are meant to be valid: " + total.refused_objects[0]
    assert total.triples >= TRIPLES
    assert total.allowed_share >= 0.3
    if TRIPLES >= 80_000:
        assert not total.coverage.one_sided()
