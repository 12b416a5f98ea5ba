"""Dashboards of Grafana as data: what a board says is in mesh.py and the others, how Grafana wants it is here.

A board is variables and rows of panels. Panels are laid out from left to right in Grafana's 24 columns; whoever reads a board
reads titles, questions, units and queries, and no coordinates.
"""

import dataclasses

SCHEMA_VERSION = 39  # Grafana 11; later ones take it as it is
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclasses.dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""  # {{label}} stands for a label's value


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    tells: str  # the description: what it answers, and what a bad value means
    queries: tuple
    unit: str
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    stacked: bool = False
    maximum: float | None = None
    thresholds: tuple = ()  # (value, colour), ascending; below the first one it is green
    decimals: int | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: one query's value, or a label."""

    title: str
    expr: str = ""
    label: str = ""
    unit: str = ""
    link: str = ""  # where a click leads; ${__value.raw} and ${__data.fields.<title>} stand for values


@dataclasses.dataclass(frozen=True)
class Table:
    title: str
    tells: str
    columns: tuple
    width: int = COLUMNS
    height: int = 10


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    panels: tuple


@dataclasses.dataclass(frozen=True)
class Variable:
    name: str
    label: str
    query: str  # of the values, or for `custom` the values with commas between
    kind: str = "query"
    several: bool = False  # several can be chosen, all of them at first
    default: str = ""
    regex: str = ""  # of query_result(): the group is the value


@dataclasses.dataclass(frozen=True)
class Board:
    uid: str
    title: str
    tells: str
    variables: tuple
    rows: tuple
    refresh: str = "30s"
    span: str = "now-30m"


def target(number, query, table=False):
    result = {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "refId": chr(ord("A") + number),
        "format": "table" if table else "time_series",
        "instant": table,
        "range": not table,
    }
    if query.legend:
        result["legendFormat"] = query.legend
    return result


def threshold_steps(panel):
    steps = [{"color": "green", "value": None}]
    return {
        "mode": "absolute",
        "steps": steps + [{"color": color, "value": value} for value, color in panel.thresholds],
    }


def timeseries(panel):
    custom = {
        "drawStyle": "line",
        "fillOpacity": 30 if panel.stacked else 8,
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
    }
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom, "min": 0, "unit": panel.unit}
    if panel.thresholds:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        defaults["thresholds"] = threshold_steps(panel)
    return defaults, {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def stat(panel):
    defaults = {"color": {"mode": "thresholds"}, "thresholds": threshold_steps(panel), "unit": panel.unit}
    return defaults, {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "auto",
    }


SHAPES = {"timeseries": timeseries, "stat": stat}


def panel_json(panel):
    defaults, options = SHAPES[panel.kind](panel)
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    return {
        "type": panel.kind,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [target(number, query) for number, query in enumerate(panel.queries)],
    }


def table_json(table):
    values = [column for column in table.columns if column.expr]
    labels = [column for column in table.columns if column.label]
    names = {column.label: column.title for column in labels}
    order = {
        column.label or f"Value #{chr(ord('A') + values.index(column))}": i for i, column in enumerate(table.columns)
    }
    names.update({f"Value #{chr(ord('A') + i)}": column.title for i, column in enumerate(values)})
    overrides = []
    for column in table.columns:
        properties = [{"id": "unit", "value": column.unit}] if column.unit else []
        if column.link:
            properties.append({"id": "links", "value": [{"title": "Look closer", "url": column.link}]})
        if properties:
            overrides.append({"matcher": {"id": "byName", "options": column.title}, "properties": properties})
    return {
        "type": "table",
        "fieldConfig": {
            "defaults": {"custom": {"align": "auto", "filterable": True}, "min": 0},
            "overrides": overrides,
        },
        "options": {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"desc": True, "displayName": values[0].title}],
        },
        "targets": [target(number, Query(column.expr), table=True) for number, column in enumerate(values)],
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names},
            },
        ],
    }


def variable_json(variable):
    result = {"name": variable.name, "label": variable.label, "type": variable.kind, "hide": 0}
    if variable.kind == "custom":
        values = variable.query.split(",")
        chosen = variable.default or values[0]
        result.update(
            query=variable.query,
            current={"selected": True, "text": chosen, "value": chosen},
            options=[{"selected": value == chosen, "text": value, "value": value} for value in values],
            multi=False,
            includeAll=False,
        )
        return result
    result.update(
        datasource=DATASOURCE,
        definition=variable.query,
        query={"query": variable.query, "refId": f"variable-{variable.name}"},
        refresh=2,  # with every change of the time range
        regex=variable.regex,
        sort=1,
        multi=variable.several,
        includeAll=variable.several,
        current={"selected": True, "text": ["All"], "value": ["$__all"]} if variable.several else {},
        options=[],
    )
    if variable.several:
        result["allValue"] = ".*"
    return result


def panels_json(rows):
    """Rows and panels with ids and places."""
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
            "panels": [],
        }
        y += 1
        x = line = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, line = 0, y + line, 0
            number += 1
            body = table_json(panel) if isinstance(panel, Table) else panel_json(panel)
            place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            yield {
                "id": number,
                "title": panel.title,
                "description": panel.tells,
                "datasource": DATASOURCE,
                "gridPos": place,
                **body,
            }
            x, line = x + panel.width, max(line, panel.height)
        y += line


def board_json(board):
    datasource = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "current": {},
        "multi": False,
        "includeAll": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.tells,
        "tags": ["fairway", "service mesh"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": board.refresh,
        "time": {"from": board.span, "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Mesh",
                "asDropdown": True,
                "includeVars": False,
                "keepTime": True,
                "tags": ["fairway"],
                "targetBlank": False,
            }
        ],
        "templating": {"list": [datasource, *(variable_json(variable) for variable in board.variables)]},
        "panels": list(panels_json(board.rows)),
    }
