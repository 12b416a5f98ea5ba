"""docs/tasks: every command of every page, as it is written there (pages.py)."""

import concurrent.futures
import os
import re
import shutil
import time

import addon_images
import pytest
import yaml
from pages import Shell, matches, read

from mesh import ROOT, SYSTEM
from processes import Failed, binary

SIDE_BY_SIDE = 4  # pages at once
PAGES = sorted(page for page in (ROOT / "docs" / "tasks").glob("*.md") if page.name != "README.md")


def settings(mesh):
    return mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/istio")["data"]


def changes_settings(page):
    """Whether a page changes what holds for the whole mesh, as the pages of others would notice."""
    return any("helm upgrade fairway " in step.commands for step in read(page))


def run(page, mesh, folder):
    """Every step of a page in the checkout, with kubectl, helm and fairway. Returns the seconds it took; what it leaves
    behind after a failure is removed."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "fairway").symlink_to(binary())
    config = folder / "kubeconfig"  # pages choose a namespace
    shutil.copyfile(mesh.cluster.environment()["KUBECONFIG"], config)
    path = f"{programs}:{mesh.cluster.environment()['PATH']}"
    shell = Shell(mesh.cluster.run, ROOT, {**os.environ, "KUBECONFIG": str(config), "PATH": path}, folder)
    before = time.monotonic()
    try:
        for step in read(page):
            shell.step(step)
    finally:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"^kubectl create namespace (\S+)", text, re.MULTILINE):
            mesh.cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    return time.monotonic() - before


def run_alone(page, mesh, folder):
    """The same for a page that changes settings: they and the releases are afterwards what they were."""
    before, releases = settings(mesh), set(mesh.cluster.helm("list", "-n", SYSTEM, "-q").split())
    try:
        return run(page, mesh, folder)
    finally:
        for release in set(mesh.cluster.helm("list", "-n", SYSTEM, "-q").split()) - releases:
            mesh.cluster.helm("uninstall", release, "-n", SYSTEM)
        if settings(mesh) != before:
            mesh.install()


@pytest.fixture(scope="module", name="side_by_side")
def fixture_side_by_side(mesh, request, tmp_path_factory):
    """What became of the pages that keep to namespaces of their own: a future each. Most of a page's time is waiting for
    pods, so several are under way at once. All have ended before one that changes settings begins."""
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        chosen = [item.callspec.params["page"] for item in request.session.items if item.originalname == "test_page"]
        running = {page: pool.submit(run, page, mesh, tmp_path_factory.mktemp(page.stem)) for page in chosen}
        yield running
        for future in running.values():  # after an interrupt
            future.cancel()


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


def test_pages_that_run_at_once_speak_of_different_hosts():
    """Those with a dot are the whole mesh's."""
    pages = {}
    for page in (page for page in PAGES if not changes_settings(page)):
        lists = re.findall(r"hosts: \[([^\]]*)\]", "\n".join(step.commands for step in read(page)))
        for host in {name.strip() for text in lists for name in text.split(",") if "." in name}:
            assert pages.setdefault(host, page.name) == page.name, f"{host} is in {page.name} and in {pages[host]}"
    assert pages


def load_zipkin(mesh, folder):
    """Zipkin as an image by the name that the chart of add-ons has for it."""
    values = yaml.safe_load((ROOT / "charts" / "addons" / "values.yaml").read_text(encoding="utf-8"))
    archive = addon_images.zipkin(folder, values["zipkin"]["image"])
    if archive is None:
        pytest.skip("no Zipkin on this machine: tools/setup zipkin")
    mesh.cluster.load_image(archive)


@pytest.mark.parametrize("page", [p for p in PAGES if not changes_settings(p)], ids=lambda page: page.stem)
def test_page(page, side_by_side):
    print(f"  {page.name}: {side_by_side[page].result():.0f} s")


@pytest.mark.parametrize("page", [p for p in PAGES if changes_settings(p)], ids=lambda page: page.stem)
def test_page_that_changes_settings(page, mesh, tmp_path):
    if page.name == "tracing.md":
        load_zipkin(mesh, tmp_path)
    (folder := tmp_path / "page").mkdir()
    print(f"  {page.name}: {run_alone(page, mesh, folder):.0f} s")
