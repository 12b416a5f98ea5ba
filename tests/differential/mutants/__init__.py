"""Bugs that a translator could have, planted into the configuration on its way to Envoy. The test is worth something
if it finds each of them: then its policies and requests reach what the bug is about.

A mutant changes one listener in JSON form and says whether it changed anything; those of FACT_MUTANTS change a question
to the evaluator."""

from mutants import external, rbac, tls, tokens
from mutants.external import NOT_OF_EVALUATOR
from mutants.facts import FACT_MUTANTS

MUTANTS = {**rbac.MUTANTS, **tls.MUTANTS, **tokens.MUTANTS, **external.MUTANTS}
OF_EVALUATOR = {**{name: mutant for name, mutant in MUTANTS.items() if name != NOT_OF_EVALUATOR}, **FACT_MUTANTS}
