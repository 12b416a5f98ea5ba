"""Checks the texts that no compiler reads: Python compiles, shell and YAML parse, links in Markdown lead somewhere.

usage: texts.py     (run anywhere; looks at the checkout it lies in; needs PyYAML and bash)
"""

import json
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


class UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is given twice in one mapping, which YAML readers take silently."""


def construct_mapping(loader, node, deep=False):
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct_mapping)


def files():
    """Files git tracks or would track, except those wrong on purpose (.../bad/) and Helm's (.../templates/)."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    for name in sorted(filter(None, listed.split("\0"))):
        path = ROOT / name
        if path.is_file() and not {"bad", "templates"} & set(path.relative_to(ROOT).parts[:-1]):
            yield path


def check_python(path):
    compile(path.read_bytes(), str(path), "exec")


def check_shell(path):
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip())


def check_yaml(path):
    with open(path, encoding="utf-8") as f:
        for _ in yaml.load_all(f, UniqueKeys):
            pass


def check_markdown(path):
    for target, _ in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
            raise ValueError(f"link to {target}, which does not exist")


def first_line(path):
    with open(path, "rb") as f:
        return f.readline(80)


def checker(path):
    if path.suffix == ".py":
        return check_python
    if path.suffix in (".yaml", ".yml"):
        return check_yaml
    if path.suffix == ".json":
        return lambda p: json.loads(p.read_text(encoding="utf-8"))
    if path.suffix == ".md":
        return check_markdown
    if path.suffix == ".sh" or (not path.suffix and re.match(rb"#!.*\b(ba)?sh\b", first_line(path))):
        return check_shell
    return None


def main():
    findings, checked = [], 0
    for path in files():
        check = checker(path)
        if not check:
            continue
        checked += 1
        try:
            check(path)
        except (SyntaxError, ValueError, UnicodeError, yaml.YAMLError) as error:
            findings.append(f"{path.relative_to(ROOT)}: {error}")
    for finding in findings:
        print(finding, file=sys.stderr)
    print(f"texts: {checked} files, {len(findings)} findings")
    return 1 if findings or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
