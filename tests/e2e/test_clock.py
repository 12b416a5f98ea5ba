"""Agents whose clocks are off (libfaketime, under which Envoy does not start: it keeps the machine's): two minutes do no
harm, more is told, and others go on."""

import pathlib

import workloads as onap
from processes import Agent, Failed, accepts, envoy_binary, wait_for


def faketime():
    found = list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Failed("no libfaketime: install the Debian package faketime")
    return str(found[0])


def start_agent(lab, name, offset):
    workload = lab.workloads[name]
    plane = lab.control_plane
    agent = Agent(lab.directory / "agents" / name, workload, plane.xds, plane.root_file, lab.token_of(workload))
    envoy = lab.directory / "envoy.sh"
    envoy.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {envoy_binary()} "$@"\n', encoding="ascii")
    envoy.chmod(0o755)
    agent.argv[agent.argv.index("--envoy") + 1] = str(envoy)
    # Timers go on as usual: only what is asked for the date gets another answer. libfaketime allocates before it is ready, and
    # jemalloc asks for the time before it is: each would wait for the other. With these two first, the C library allocates.
    preload = f"{faketime()} libc.so.6 libstdc++.so.6"
    agent.env = {"LD_PRELOAD": preload, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    lab.agents[name] = lab.add(agent)
    return agent


def listens(lab, name):
    workload = lab.workloads[name]
    address = f"{workload.ip}:{onap.http_port(lab.services[workload.service])}"
    wait_for(lambda: accepts(address), 60, f"the proxy of {workload.id} to listen at {address}")


def test_clocks_that_are_off(lab):
    lab.folder_control_plane()
    lab.start_mesh(names=("msb-iag",))

    print("  a clock that is almost two minutes slow")
    start_agent(lab, "multicloud-vio", "-110s")
    lab.wait_connected()
    listens(lab, "multicloud-vio")

    print("  clocks that are a quarter of an hour slow, and two days fast")
    slow = start_agent(lab, "vfc-nslcm", "-15m")
    wait_for(lambda: "this machine's clock is at least" in slow.tail(200), 60, lambda: f"advice; the log says {slow.tail()}")
    assert "slow" in slow.tail(200) and "NTP" in slow.tail(200)
    slow.stop()
    fast = start_agent(lab, "vfc-nslcm", "+2d")
    wait_for(lambda: "clock" in fast.tail(200), 60, lambda: f"advice; the log says {fast.tail()}")
    del lab.agents["vfc-nslcm"]
    lab.wait_connected()  # nobody else suffers
