"""docs/tasks: every command of every page, as it is written there (pages.py)."""

import os
import pathlib
import shutil

import addon_images
import pytest
import yaml
from pages import Shell, matches, read

from mesh import ROOT, SYSTEM
from processes import Failed, binary

PAGES = sorted(page for page in (ROOT / "docs" / "tasks").glob("*.md") if page.name != "README.md")


def settings(mesh):
    return mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/istio")["data"]


def namespaces(mesh):
    return {item["metadata"]["name"] for item in mesh.cluster.get("/api/v1/namespaces")["items"]}


@pytest.fixture(name="shell")
def fixture_shell(mesh, tmp_path):
    """Where a page is run: the checkout, with kubectl, helm and fairway. What it leaves behind after a failure is removed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "fairway").symlink_to(binary())
    config = tmp_path / "kubeconfig"  # pages choose a namespace
    shutil.copyfile(mesh.cluster.environment()["KUBECONFIG"], config)
    path = f"{programs}:{mesh.cluster.environment()['PATH']}"
    before, spaces = settings(mesh), namespaces(mesh)
    releases = set(mesh.cluster.helm("list", "-n", SYSTEM, "-q").split())
    yield Shell(mesh.cluster.run, ROOT, {**os.environ, "KUBECONFIG": str(config), "PATH": path}, tmp_path)
    for release in set(mesh.cluster.helm("list", "-n", SYSTEM, "-q").split()) - releases:
        mesh.cluster.helm("uninstall", release, "-n", SYSTEM)
    for name in namespaces(mesh) - spaces:
        mesh.cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    if settings(mesh) != before:
        mesh.install()


def test_what_a_page_may_say(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh test\necho a\n```\n\n```text output\na\n```\nthen\n```sh test\nb\n```\n```yaml\nx: 1\n```\n")
    first, second = read(page)
    assert (first.commands, first.expected, first.line) == ("echo a", "a", 1)
    assert (second.commands, second.expected) == ("b", None)
    page.write_text("```sh test\na\n```\ntext between\n```text output\na\n```\n")
    with pytest.raises(Failed, match="page.md:5: an output without a command"):
        read(page)
    assert matches("a ... c\n...\nz", "a b c\nanything\n\nmore\nz\n") and matches("a\n...", "a\n")
    assert not matches("a", "a\nb\n") and not matches("a.c", "abc")


def test_there_is_a_page_a_task():
    index = (ROOT / "docs" / "tasks" / "README.md").read_text(encoding="utf-8")
    assert len(PAGES) >= 15
    for page in PAGES:
        assert f"]({page.name})" in index, f"{page.name} is not in the index"
        steps = read(page)
        assert sum(step.expected is not None for step in steps) >= 2, f"{page.name} shows too little"


def load_zipkin(mesh, folder):
    """Zipkin as an image by the name that the chart of add-ons has for it."""
    values = yaml.safe_load((ROOT / "charts" / "addons" / "values.yaml").read_text(encoding="utf-8"))
    archive = addon_images.zipkin(folder, values["zipkin"]["image"])
    if archive is None:
        pytest.skip("no Zipkin on this machine: tools/setup zipkin")
    mesh.cluster.load_image(archive)


@pytest.mark.skipif(os.environ.get("FAIRWAY_LONG") != "1", reason="half an hour: make test-long has it")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(shell, page, mesh, tmp_path):
    if page.name == "tracing.md":
        load_zipkin(mesh, tmp_path)
    for step in read(pathlib.Path(page)):
        print(f"  {page.name}:{step.line}", flush=True)
        shell.step(step)
