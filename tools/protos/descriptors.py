"""Writes one FileDescriptorSet that holds files of Envoy's API and all they import.

The API comes as Python modules (PyPI `xds-protos`); each carries its own descriptor, so no .proto
text is needed: `protoc --descriptor_set_in` reads what this script writes.

usage: descriptors.py ROOTS OUT   the files of ROOTS; prints the names protoc is to generate, one a line
       descriptors.py --all OUT   all of version 3, for who reads messages by their descriptors
"""

import importlib
import importlib.util
import pathlib
import re
import sys

from google.protobuf import descriptor_pb2

# Words that are keywords in C++20 but that protoc 3.21 does not escape.
KEYWORDS = {"requires", "concept", "co_await", "co_return", "co_yield", "consteval", "constinit"}


def rename_keywords(message):
    for field in message.field:
        if field.name in KEYWORDS:
            field.json_name = field.json_name or field.name
            field.name += "_"
    for nested in message.nested_type:
        rename_keywords(nested)


# What Envoy has and the package does not yet: files with their messages, and fields of messages. Each field is a number, a name,
# and its type: a scalar's name or a message's.
NEWER_FILES = {
    "envoy/type/v3/scope.proto": {
        "Scope": [
            (1, "max_counters", "google.protobuf.UInt32Value"),
            (2, "max_gauges", "google.protobuf.UInt32Value"),
            (3, "max_histograms", "google.protobuf.UInt32Value"),
            (4, "enable_eviction", "bool"),
            (5, "prefix", "string"),
            (6, "sharing_name", "string"),
        ]
    },
}
NEWER_FIELDS = {
    "envoy/extensions/access_loggers/stats/v3/stats.proto": {"Config": [(6, "stats_scope", "envoy.type.v3.Scope")]},
}
IMPORTS = {
    "google.protobuf.UInt32Value": "google/protobuf/wrappers.proto",
    "envoy.type.v3.Scope": "envoy/type/v3/scope.proto",
}


def add_field(file, message, number, name, kind):
    if any(field.number == number or field.name == name for field in message.field):
        return
    field = message.field.add(number=number, name=name, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    words = name.split("_")
    field.json_name = words[0] + "".join(word.capitalize() for word in words[1:])
    if kind not in IMPORTS:
        field.type = descriptor_pb2.FieldDescriptorProto.Type.Value("TYPE_" + kind.upper())
        return
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    field.type_name = "." + kind
    if IMPORTS[kind] not in file.dependency:
        file.dependency.append(IMPORTS[kind])


def newer_file(name):
    file = descriptor_pb2.FileDescriptorProto(
        name=name, package=name.rpartition("/")[0].replace("/", "."), syntax="proto3"
    )
    for message, fields in NEWER_FILES[name].items():
        added = file.message_type.add(name=message)
        for field in fields:
            add_field(file, added, *field)
    return file


def add_newer_fields(file):
    """Adds what is newer to the file; the files that it needs then come before it."""
    for message in file.message_type:
        for field in NEWER_FIELDS.get(file.name, {}).get(message.name, []):
            add_field(file, message, *field)


# Version 2 of the API, and what never left an alpha of it.
OLD = re.compile(r"(^|/)(api/v2|v2(alpha)?\d*)(/|$)")


def all_files():
    for package in ("envoy", "udpa", "xds"):
        for folder in importlib.util.find_spec(package).submodule_search_locations:
            folder = pathlib.Path(folder)
            for path in folder.rglob("*_pb2.py"):
                name = str(path.relative_to(folder.parent)).removesuffix("_pb2.py")
                if not OLD.search(name):
                    yield name


def main(roots_path, out_path):
    whole = roots_path == "--all"
    if whole:
        roots = sorted(all_files())
    else:
        with open(roots_path, encoding="utf-8") as f:
            roots = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    files = {}

    def add(descriptor):
        if descriptor.name in files:
            return
        files[descriptor.name] = None  # keeps the place of a cycle-free depth-first order
        for dependency in descriptor.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        descriptor.CopyToProto(proto)
        for message in () if whole else proto.message_type:
            rename_keywords(message)
        add_newer_fields(proto)
        files[descriptor.name] = proto
        for dependency in proto.dependency:
            if dependency in NEWER_FILES and dependency not in files:
                files[dependency] = newer_file(dependency)

    for root in roots:
        module = importlib.import_module(root.replace("/", ".") + "_pb2")
        add(module.DESCRIPTOR)

    result = descriptor_pb2.FileDescriptorSet()
    done = set()

    def emit(name):
        if name in done:
            return
        done.add(name)
        for dependency in files[name].dependency:
            emit(dependency)
        result.file.add().CopyFrom(files[name])

    for name in sorted(files):
        emit(name)
    with open(out_path, "wb") as f:
        f.write(result.SerializeToString(deterministic=True))
    for file in () if whole else result.file:
        if not file.name.startswith("google/protobuf/"):
            print(file.name)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    main(sys.argv[1], sys.argv[2])
