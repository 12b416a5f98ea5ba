"""The ONAP walk-through on a real cluster (`make onap`): the commands of the documents one by one, each beside today's
where the old one no longer exists, and what must be seen after each.

Everything is installed with kubectl and helm (KUBECONFIG says where), from charts/ and examples/onap. Run it where the
nodes' ports can be reached; `make onap` runs it in a lab of its own. Images must be known to the nodes.

Exit code: 0 if everything was as it must be, 1 if not, 2 if the walk-through could not be run to its end.

usage: onap.py [--once] [--small] [--policy disabled|enabled]
  --once     uninstall everything at the end; else it stays, and hints are printed
  --small    only the four microservices that the requests go through, not all of ONAP
  --policy   disabled (as in the documents): pods ask for a sidecar by annotation
             enabled: the label of the namespace is enough
"""

import argparse
import pathlib
import shlex
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "demo"))

# pylint: disable=wrong-import-position
import story  # noqa: E402
from kubernetes import Cluster  # noqa: E402
from printing import Table, colour, say  # noqa: E402
from processes import ROOT, Failed  # noqa: E402
from walk import Walk  # noqa: E402
from charts import HelmFailed  # noqa: E402


class Book:
    """Prints the commands and the checks, and keeps what was seen."""

    def __init__(self):
        self.table = Table()
        self.steps = []  # (title, outcomes)

    def title(self, text):
        self.steps.append((text, []))
        say()
        self.table.title(len(self.steps), text)

    def command(self, document, today, why=""):
        """`today`: argument lists, run one after the other."""
        lines = [shlex.join(str(a) for a in argv).replace(f"{ROOT}/", "") for argv in today]
        if [document] == lines:
            say(f"      as then   {document}")
            return
        for label, texts in (("document", [document] if document else []), ("today", lines)):
            for number, line in enumerate(texts):
                say(f"      {label if number == 0 else '':<8}  {line}")
        if why:
            say(f"                ({why})")

    def outcomes(self, outcomes, timed=True):
        for outcome in outcomes:
            self.table.row(outcome, timed)
        self.steps[-1][1].extend(outcomes)

    def summary(self):
        """Prints the steps with what they led to. Returns whether all was as it must be."""
        say()
        say(f"{'step':<46}  checks  seen")
        say(f"{'-' * 46}  ------  ---------------")
        bad = 0
        for number, (title, outcomes) in enumerate(self.steps, 1):
            wrong = [o for o in outcomes if not o.held]
            bad += len(wrong)
            verdict = colour("31", f"{len(wrong)} not as expected") if wrong else colour("32", "all as expected")
            say(f"{number:<4}{title[:42]:<42}  {len(outcomes):>6}  {verdict if outcomes else '-'}")
            for outcome in wrong:
                say(f"      {outcome.probe.name}: expected {outcome.probe.expected}, seen {outcome.seen}")
        everything = [o for _, outcomes in self.steps for o in outcomes]
        middle = story.median(everything)
        if middle is not None:
            say(f"median from a change to its effect, kubectl included: {middle:.0f} ms")
        say(colour("31", f"{bad} checks did not hold") if bad else colour("32", f"all {len(everything)} checks held"))
        return not bad


def hints(walk):
    address = walk.world.gateway
    say()
    say("Everything stays up. To try, where kubectl and curl reach the cluster (`make lab-shell LAB=onap`):")
    say(f"  portal        curl http://{address}/msb")
    say(f"  API           curl http://{address}{story.SWAGGER}")
    say("  mesh client   kubectl exec -n onap deploy/sleep -c sleep -- curl -s multicloud-vio:9004" + story.SWAGGER)
    say("  plaintext     kubectl exec -n legacy deploy/sleep -- curl -s multicloud-vio.onap:9004" + story.SWAGGER)
    say("  traffic       kubectl apply -f examples/onap/clients/traffic.yaml")


def end_by_signal(number, frame):  # pylint: disable=unused-argument
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage: ")[2].strip())
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--policy", choices=["disabled", "enabled"], default="disabled")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end_by_signal)
    book = Book()
    with tempfile.TemporaryDirectory(prefix="fairway-onap-") as folder:
        walk = None
        try:
            folder = pathlib.Path(folder)
            walk = Walk(Cluster(folder), book, folder, options.small, options.policy)
            walk.play()
            if options.once:
                walk.clean_up()
            held = book.summary()
            if not options.once:
                hints(walk)
            return 0 if held else 1
        except (Failed, HelmFailed) as failure:
            say(colour("31", f"[onap] {failure}"))
            return 2
        except KeyboardInterrupt:
            say("\n[onap] interrupted; what is installed stays")
            return 2
        finally:
            if walk:
                walk.close()


if __name__ == "__main__":
    sys.exit(main())
