"""Grafana's dashboards as a model: what Grafana would refuse, draw over something else, or show without a name or unit."""

import itertools
import json
import re

COLUMNS = 24
KINDS = {"row", "stat", "table", "timeseries"}  # of Grafana's own panels, those that the boards use
# Of Grafana's units, those that make sense here; one that Grafana does not know is shown as a suffix.
UNITS = {"Bps", "bytes", "cps", "d", "mps", "ms", "percentunit", "reqps", "s", "short"}
SCHEMAS = range(39, 42)  # Grafana 11.0 to 12
BUILT_IN = {"__rate_interval", "__url_time_range", "__value", "__data", "__all"}
VARIABLE = re.compile(r"\$\{?([a-zA-Z_]\w*)")
LABEL_VALUES = re.compile(r"label_values\((.+),\s*(\w+)\)", re.DOTALL)
RESULT = re.compile(r"query_result\((.+)\)", re.DOTALL)
LABEL_OF_RESULT = re.compile(r'/(\w+)="\(\[\^"\]\+\)"/')  # the regex of such a variable


def used(text):
    return {name for name in VARIABLE.findall(text) if name not in BUILT_IN}


class Board:
    def __init__(self, path):
        self.path = path
        self.json = json.loads(path.read_text(encoding="utf-8"))
        self.variables = self.json["templating"]["list"]
        self.panels = [panel for panel in self.json["panels"] if panel["type"] != "row"]

    def targets(self):
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel, target

    # --- what is wrong with it -----------------------------------------------------------------------

    def findings(self):
        yield from self._frame()
        yield from self._variables()
        for panel in self.json["panels"]:
            for finding in self._panel(panel):
                yield f"panel {panel.get('id')} {panel.get('title')!r}: {finding}"
        yield from self._layout()

    def _frame(self):
        board = self.json
        for field, kind in {
            "uid": str,
            "title": str,
            "tags": list,
            "panels": list,
            "time": dict,
            "refresh": str,
            "version": int,
        }.items():
            if not isinstance(board.get(field), kind):
                yield f"{field}: {board.get(field)!r}, expected {kind.__name__}"
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", board["uid"]):
            yield f"uid {board['uid']!r}: expected at most 40 letters, digits, - and _"
        if board.get("schemaVersion") not in SCHEMAS:
            yield f"schemaVersion {board.get('schemaVersion')}"
        if "id" in board or "__inputs" in board:
            yield "id, __inputs: what is provisioned has neither"
        ids = [panel["id"] for panel in board["panels"]]
        titles = [panel["title"] for panel in self.panels]
        for what, values in (("ids", ids), ("titles", titles)):
            if len(set(values)) != len(values):
                yield f"panels with the same {what}: {sorted(v for v in set(values) if values.count(v) > 1)}"

    def _variables(self):
        names = [variable["name"] for variable in self.variables]
        if (
            names[0] != "datasource"
            or self.variables[0]["type"] != "datasource"
            or self.variables[0]["query"] != "prometheus"
        ):
            yield "the first variable is not the data source"
        wanted = {"datasource"}
        for number, variable in enumerate(self.variables):
            if variable["type"] not in ("datasource", "query", "custom") or not variable.get("label"):
                yield f"variable {variable['name']}: type {variable['type']}, label {variable.get('label')!r}"
            if variable["type"] == "query":
                definition = variable["definition"]
                result = RESULT.fullmatch(definition) and LABEL_OF_RESULT.fullmatch(variable.get("regex", ""))
                if not (LABEL_VALUES.fullmatch(definition) or result) or variable["query"]["query"] != definition:
                    yield f"variable {variable['name']}: {definition} {variable.get('regex')}"
                if unknown := used(variable["definition"]) - set(names[:number]):
                    yield f"variable {variable['name']} uses {unknown}, not defined before it"
                wanted |= used(variable["definition"])
        for panel, target in self.targets():
            if unknown := used(target["expr"] + panel["title"]) - set(names):
                yield f"panel {panel['title']!r} uses {unknown}"
            wanted |= used(target["expr"])
        if unused := set(names) - wanted:
            yield f"variables that nothing uses: {unused}"

    def _panel(self, panel):
        if panel["type"] not in KINDS:
            yield f"type {panel['type']}"
        place = panel.get("gridPos", {})
        if set(place) != set("hwxy") or not all(isinstance(v, int) and v >= 0 for v in place.values()):
            yield f"gridPos {place}"
        elif place["x"] + place["w"] > COLUMNS or place["w"] < 1 or place["h"] < 1:
            yield f"gridPos {place} goes over the edge"
        if panel["type"] == "row":
            return
        if len(panel.get("description", "")) < 15:
            yield f"description {panel.get('description')!r}"
        if not panel["targets"] or len({target["refId"] for target in panel["targets"]}) != len(panel["targets"]):
            yield "no targets, or two of one refId"
        for part in (panel, *panel["targets"]):
            if part.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
                yield f"data source {part.get('datasource')}"
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] == "table":
            yield from self._table(panel)
        elif defaults.get("unit") not in UNITS:
            yield f"unit {defaults.get('unit')}"
        elif not all(target.get("legendFormat") for target in panel["targets"]):
            yield "a query without a legend"
        steps = [step["value"] for step in defaults.get("thresholds", {}).get("steps", [{"value": None}])]
        if steps[0] is not None or steps[1:] != sorted(steps[1:]):
            yield f"thresholds {steps}"

    @staticmethod
    def _table(panel):
        if not all(target["format"] == "table" and target["instant"] for target in panel["targets"]):
            yield "a table of queries over time"
        rename = next(t["options"]["renameByName"] for t in panel["transformations"] if t["id"] == "organize")
        shown = set(rename.values())
        values = {f"Value #{target['refId']}" for target in panel["targets"]}
        if not values <= set(rename):
            yield f"columns without a name: {values - set(rename)}"
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] not in shown:
                yield f"an override of {override['matcher']['options']!r}, which is no column"
            for prop in override["properties"]:
                if prop["id"] == "unit" and prop["value"] not in UNITS:
                    yield f"unit {prop['value']}"

    def _layout(self):
        def overlap(a, b):
            a, b = a["gridPos"], b["gridPos"]
            return (
                a["x"] < b["x"] + b["w"]
                and b["x"] < a["x"] + a["w"]
                and a["y"] < b["y"] + b["h"]
                and b["y"] < a["y"] + a["h"]
            )

        for a, b in itertools.combinations(self.json["panels"], 2):
            if overlap(a, b):
                yield f"panels {a['id']} and {b['id']} overlap"

    def customs(self):
        """Names of the variables whose values are fixed."""
        return {variable["name"] for variable in self.variables if variable["type"] == "custom"}

    # --- what it asks ----------------------------------------------------------------------------------

    def links(self):
        """The uids of boards that tables lead to."""
        return set(re.findall(r'"/d/([\w-]+)', json.dumps(self.json)))

    def choices(self, prometheus, window):
        """Every way to choose the variables' values, as a dictionary; where several can be chosen, all are."""
        chosen = [{"__rate_interval": window}]
        for variable in self.variables:
            if variable["type"] == "datasource":
                continue
            chosen = [{**c, variable["name"]: value} for c in chosen for value in self._values(variable, c, prometheus)]
        return chosen

    @staticmethod
    def _values(variable, chosen, prometheus):
        if variable["type"] == "custom":
            return variable["query"].split(",")
        definition = substitute(variable["definition"], chosen)
        if result := RESULT.fullmatch(definition):
            label = LABEL_OF_RESULT.fullmatch(variable["regex"]).group(1)
            values = sorted({found[label] for found, _ in prometheus.query(result.group(1)) if found.get(label)})
        else:
            selector, label = LABEL_VALUES.fullmatch(definition).groups()
            values = prometheus.label_values(label, selector)
        if not values:
            return []
        return [variable["allValue"]] if variable["multi"] else values


def substitute(text, chosen):
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: chosen.get(m.group(1) or m.group(2), m.group()), text)
