"""Short forms for the parts of a structural OpenAPI schema, as CRDs hold them."""

PORT = {"minimum": 1, "maximum": 65535}


def text(description, **more):
    return {"description": description, "type": "string", **more}


def integer(description, minimum=0, maximum=2147483647):
    return {"description": description, "type": "integer", "minimum": minimum, "maximum": maximum}


def port(description):
    return integer(description, **PORT)


def number(description, minimum, maximum):
    return {"description": description, "type": "number", "minimum": minimum, "maximum": maximum}


def boolean(description):
    return {"description": description, "type": "boolean"}


def duration(description):
    # Go's duration syntax; Fairway checks the rest, such as that it is at least 1ms.
    return text(description, pattern=r"^(0|([0-9.]+(ns|us|µs|ms|s|m|h))+)$")


def choice(description, *names):
    """An enumeration by name."""
    return text(description, enum=list(names))


def name_or_number(description, *names):
    """An enumeration of the old policy kinds: by name, or by the number protobuf gives it."""
    return {"description": description, "x-kubernetes-int-or-string": True,
            "enum": list(names) + list(range(len(names)))}


def obj(description, **properties):
    """A mapping. Fields that are not listed are kept: Fairway warns about them, and takes snake_case."""
    result = {"description": description, "type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if properties:
        result["properties"] = properties
    return result


def items(description, element, **more):
    return {"description": description, "type": "array", "items": element, **more}


def texts(description, **element):
    return items(description, {"type": "string", "minLength": 1, **element})


def text_map(description):
    return {"description": description, "type": "object", "additionalProperties": {"type": "string"}}


def map_of(description, element):
    return {"description": description, "type": "object", "additionalProperties": element}


def labels_selector(description):
    return obj(description, matchLabels=text_map("Labels that a pod must have, all of them."))


def string_match(description, *forms):
    parts = {
        "exact": text("The whole text."),
        "prefix": text("What the text begins with."),
        "suffix": text("What the text ends with."),
        "regex": text("An RE2 pattern that matches the whole text."),
    }
    return {**obj(description, **{form: parts[form] for form in forms}), "maxProperties": 1}


def with_required(schema, *names):
    return {**schema, "required": list(names)}


def nullable(schema):
    return {**schema, "nullable": True}


STATUS = obj(
    "What became of the object.",
    observedGeneration={"description": "The generation of the object that this status is about.",
                        "type": "integer", "format": "int64"},
    conditions={
        "description": "The object's state, one condition a type.",
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "required": ["type", "status"],
            "properties": {
                "type": text("What the condition is about, such as Accepted."),
                "status": choice("Whether it holds.", "True", "False", "Unknown"),
                "reason": text("Why, as one word for programs."),
                "message": text("Why, in words."),
                "lastTransitionTime": text("When `status` last changed.", format="date-time"),
                "observedGeneration": {"description": "The generation that the condition is about.",
                                       "type": "integer", "format": "int64"},
            },
        },
    },
)
