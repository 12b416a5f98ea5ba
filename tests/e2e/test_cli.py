"""The command line: help, version, exit codes, and refusals that tell what to do."""

import json
import os
import subprocess

import pytest

from processes import ControlPlane, binary, request

FLAGS = (
    "--kubeconfig --config --xds-address --insecure-xds-address --admin-address --webhook-address --state-dir "
    "--trust-domain --log-level --log-format"
).split()


def fairway(*arguments, env=None):
    return subprocess.run(
        [binary(), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **(env or {})},
    )


def test_help_lists_the_subcommands():
    done = fairway("--help")
    assert done.returncode == 0
    for word in ("serve", "agent", "version"):
        assert word in done.stdout


def test_serve_help_lists_every_flag():
    done = fairway("serve", "--help")
    assert done.returncode == 0
    for flag in FLAGS:
        assert flag in done.stdout
        assert "FAIRWAY_" in done.stdout


def test_version():
    done = fairway("version")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert isinstance(json.loads(fairway("version", "-o", "json").stdout), dict)


@pytest.mark.parametrize(
    "arguments", [(), ("no-such-command",), ("serve", "--no-such-flag"), ("serve", "--log-level", "loud")]
)
def test_wrong_usage_is_64(arguments):
    done = fairway(*arguments)
    assert done.returncode == 64
    assert done.stderr.strip()
    assert not done.stdout.strip()


def test_serve_needs_a_folder_that_exists(lab):
    done = fairway("serve", "--config", lab.directory / "none", "--state-dir", lab.directory / "state")
    assert done.returncode == 1
    assert str(lab.directory / "none") in done.stderr


def test_serve_needs_a_readable_kubeconfig(lab):
    file = lab.directory / "kubeconfig"
    file.write_text("clusters: 7\n", encoding="utf-8")
    done = fairway("serve", "--kubeconfig", file, "--state-dir", lab.directory / "state")
    assert done.returncode == 1
    assert str(file) in done.stderr


def test_plaintext_xds_is_for_loopback_only(lab):
    done = fairway(
        *("serve", "--config", lab.directory, "--state-dir", lab.directory / "state"),
        *("--insecure-xds-address", "0.0.0.0:0", "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"),
    )
    assert done.returncode != 0
    assert "0.0.0.0" in done.stderr and "loopback" in done.stderr


def test_flags_from_the_environment(lab):
    lab.config.mkdir()
    plane = ControlPlane(lab.directory / "control-plane", [])
    plane.env = {"FAIRWAY_CONFIG": str(lab.config)}
    lab.add(plane)
    assert request(plane.admin, "/ready").status == 200


def test_one_instance_for_a_state_folder_and_several_beside(lab):
    lab.folder_control_plane()
    first = lab.control_plane
    again = fairway(
        *("serve", "--config", lab.config, "--state-dir", first.state),
        *("--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"),
    )
    assert again.returncode == 1
    assert str(first.state) in again.stderr
    second = lab.add(ControlPlane(lab.directory / "second", ["--config", str(lab.config)], name="second control plane"))
    assert first.ready() and second.ready()
    assert first.xds != second.xds and first.admin != second.admin


def test_secrets_of_the_state_folder_are_private(lab):
    lab.folder_control_plane()
    open_files = [
        path
        for path in lab.control_plane.state.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and ("key" in path.name or "tokens" in path.parts)
    ]
    assert not open_files


def test_serve_ends_on_sigterm(lab):
    lab.folder_control_plane()
    lab.control_plane.popen.terminate()
    assert lab.control_plane.popen.wait(30) == 0


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: w}]}\n"


def test_inject_reads_files_and_standard_input_and_writes_what_kubectl_takes(tmp_path):
    file = tmp_path / "web.yaml"
    file.write_text("# kept\nkind: Secret\n---\n" + POD, encoding="utf-8")
    done = fairway("inject", "-f", file, "-f", file, "--hub", "example.org/mesh", "--tag", "7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("image: example.org/mesh/fairway-proxy:7") == 4
    assert done.stdout.count("# kept\nkind: Secret\n---\n") == 2
    piped = subprocess.run(
        [binary(), "inject", "-f", "-", "-o", str(tmp_path / "out.yaml"), "--native-sidecars=false"],
        input=done.stdout + "---\n" + POD,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert piped.returncode == 0
    assert piped.stderr.count("injected already") == 2
    assert (tmp_path / "out.yaml").read_text(encoding="utf-8").startswith(done.stdout)


def test_inject_writes_nothing_after_an_error(tmp_path):
    good, bad, out = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "out.yaml"
    good.write_text(POD, encoding="utf-8")
    bad.write_text(POD.replace("{name: web}", "{name: web, annotations: {sidecar.istio.io/proxyCPU: x}}", 1), "utf-8")
    done = fairway("inject", "-f", good, "-f", bad, "-o", out)
    assert done.returncode == 1
    assert f"{bad}:1: Pod web" in done.stderr and "sidecar.istio.io/proxyCPU" in done.stderr
    assert not out.exists()
    assert not list(tmp_path.glob("*.tmp"))
    missing = fairway("inject", "-f", tmp_path / "none.yaml")
    assert missing.returncode == 1 and "none.yaml" in missing.stderr
    assert fairway("inject").returncode == 64


def test_an_empty_value_after_an_equals_sign_is_empty():
    """As istio-init is called: neither the next flag nor a missing value."""
    done = fairway("intercept", "--dry-run", "--exclude-outbound-ports=", "--exclude-interfaces=")
    assert done.returncode == 0, done.stderr
    assert done.stdout == fairway("intercept", "--dry-run").stdout


def test_intercept_prints_what_it_would_do():
    done = fairway("intercept", "--dry-run", "--exclude-outbound-ports=", "--include-inbound-ports", "80,443")
    assert done.returncode == 0
    assert "-A ISTIO_INBOUND -p tcp --dport 443 -j ISTIO_IN_REDIRECT\n" in done.stdout
    assert "-A ISTIO_OUTPUT -s ::6/128 -o lo -j RETURN\n" in done.stdout


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--include-inbound-ports", "80,http"), ("--exclude-outbound-cidrs", "10.0.0.1/8"), ("--exclude-interfaces", "-x y")],
)
def test_intercept_names_the_flag_that_is_wrong(flag, value):
    done = fairway("intercept", "--dry-run", f"{flag}={value}")
    assert done.returncode == 64
    assert flag in done.stderr
    assert not done.stdout


def test_agent_hooks_without_an_agent(tmp_path):
    assert fairway("agent", "drain", "--work-dir", tmp_path).returncode == 0
    waited = fairway("agent", "wait", "--timeout", "0", env={"FAIRWAY_WORK_DIR": str(tmp_path)})
    assert waited.returncode == 1
    assert "not ready after 0 s" in waited.stderr
