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
        files[descriptor.name] = proto

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
