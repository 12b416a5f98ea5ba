"""A few tests of the Gateway API's conformance suite, of each profile and of what is made for a Gateway, so that what breaks
them is told at once. All of them: `make conformance`."""

import os
import sys

import pytest
from conftest import ROOT, say

sys.path.append(str(ROOT / "tests" / "conformance"))

from conformance import OUT, Run  # noqa: E402  pylint: disable=wrong-import-position

FEW = (
    "BackendTLSPolicySANValidation",
    "GRPCExactMethodMatching",
    "GatewayModifyListeners",
    "GatewaySecretReferenceGrantSpecific",
    "HTTPRouteHTTPSListener",
    "HTTPRouteMatching",
    "HTTPRouteReferenceGrant",
    "MeshConsumerRoute",
    "MeshFrontend",
    "MeshTrafficSplit",
    "TLSRouteSimpleSameNamespace",
)


@pytest.mark.skipif(os.environ.get("FAIRWAY_LONG") != "1", reason="takes minutes, and so does compiling the suite: make test-long has it")
def test_a_few_of_the_suite(cluster):
    run = Run(cluster, OUT / "few", only=",".join(FEW), say=say)
    run.prepare()
    progress = run.run()
    assert not progress.failed
    assert sorted(progress.passed) == sorted(FEW)
