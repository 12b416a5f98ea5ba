#include "intercept/runner.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/strings.h"
#include "intercept/log.h"
#include "intercept/netlink.h"
#include "intercept/process.h"
#include "intercept/rules.h"

namespace fairway::intercept {
namespace {

std::string nameOf(Family family) { return family == Family::v4 ? "IPv4" : "IPv6"; }

std::string fileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The programs of one flavour of iptables, and what the nat table holds.
struct Tool {
  std::string save, restore;
  std::string table;  // output of `save -t nat`
};

// The lock of the legacy flavour is /run/xtables.lock. Where the root file system is read-only a lock that is
// nobody else's will do: nobody else is in a pod's network namespace.
std::map<std::string, std::string> environment() {
  if (::access("/run", W_OK) == 0) return {};
  return {{"XTABLES_LOCKFILE", "/dev/null"}};
}

Result<Outcome> run(const std::vector<std::string>& command, std::string_view input) {
  return runProgram(command, input, environment());
}

// The flavours, the likelier first: where the legacy tables are in use already, all rules belong there.
std::vector<std::string> flavours(Family family) {
  const auto tables = fileText(family == Family::v4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names");
  for (const auto& name : split(tables, '\n')) {
    if (trim(name) == "nat") return {"-legacy", "-nft", ""};
  }
  return {"-nft", "-legacy", ""};
}

// The flavour that works here; fails with the reasons of those that do not.
Result<Tool> findTool(Family family) {
  const std::string base = family == Family::v4 ? "iptables" : "ip6tables";
  std::string problem;
  for (const auto& flavour : flavours(family)) {
    const auto save = findProgram(base + flavour + "-save"), restore = findProgram(base + flavour + "-restore");
    if (!save || !restore) continue;
    const auto outcome = run({*save, "-t", "nat"}, {});
    if (!outcome) return tl::unexpected(outcome.error());
    if (outcome->status == 0) return Tool{*save, *restore, outcome->output};
    if (problem.empty()) problem = explain(*save, outcome->status, outcome->errors);
  }
  if (problem.empty()) {
    problem = "neither " + base + "-nft-restore nor " + base +
              "-legacy-restore is there: use the image fairway-proxy, or install the package iptables";
  }
  return failure(problem);
}

// Scopes of the namespace's own IPv6 addresses, as /proc/net/if_inet6 has them: 00 is global, 20 link-local.
enum class Ipv6 { off, linkLocal, global };

Ipv6 ipv6Here() {
  auto found = Ipv6::off;
  std::istringstream lines(fileText("/proc/self/net/if_inet6"));
  for (std::string address, index, prefix, scope, flags, device;
       lines >> address >> index >> prefix >> scope >> flags;) {
    if (!(lines >> device) || device == "lo") continue;
    if (scope != "20") return Ipv6::global;
    found = Ipv6::linkLocal;
  }
  return found;
}

Result<void> restore(const Tool& tool, const std::string& rules) {
  const auto outcome = run({tool.restore, "--noflush", "-w", "30"}, rules);
  if (!outcome) return tl::unexpected(outcome.error());
  if (outcome->status != 0) return failure(explain(tool.restore, outcome->status, outcome->errors));
  return {};
}

void reportForeign(const Tool& tool, Family family) {
  const auto foreign = foreignRules(tool.table);
  if (foreign.empty()) return;
  log().warn(
      "{}: the nat table has {} rules of others, which are kept. Connections that they redirect do not pass through "
      "the proxy: {}",
      nameOf(family), foreign.size(), join(foreign, "; "));
}

Result<void> applyFamily(const InterceptOptions& options, Family family) {
  const auto tool = findTool(family);
  if (!tool) return tl::unexpected(tool.error().within(nameOf(family)));
  reportForeign(*tool, family);
  const auto rules = addRules(options, family, tool->table);
  log().debug("{} gets\n{}", tool->restore, rules);
  if (auto done = restore(*tool, rules); !done) return tl::unexpected(done.error().within(nameOf(family)));
  log().info("{}: connections of the pod go to port {}, connections to it to port {} ({})", nameOf(family),
             options.outboundPort, options.inboundPort, tool->restore);
  return {};
}

}  // namespace

Result<void> apply(const InterceptOptions& options) {
  const auto ipv6 = ipv6Here();
  if (ipv6 != Ipv6::off) {
    // First, so that a pod that cannot be intercepted as a whole is not intercepted by half.
    auto done = applyFamily(options, Family::v6);
    if (!done && ipv6 == Ipv6::global) return done;
    if (!done) {
      log().warn("{}: going on, for the pod has link-local IPv6 addresses only", done.error().message);
    } else if (auto added = addLoopbackAddress(ports::kAppSideV6); !added) {
      log().warn("{}: the proxy may not reach an app that listens on IPv6", added.error().message);
    }
  }
  return applyFamily(options, Family::v4);
}

Result<void> remove() {
  for (const auto family : {Family::v6, Family::v4}) {
    const auto tool = findTool(family);
    if (!tool) {
      if (family == Family::v6 && ipv6Here() != Ipv6::global) continue;
      return tl::unexpected(tool.error().within(nameOf(family)));
    }
    const auto rules = removeRules(tool->table);
    if (rules.empty()) {
      log().info("{}: nothing to remove", nameOf(family));
      continue;
    }
    if (auto done = restore(*tool, rules); !done) return tl::unexpected(done.error().within(nameOf(family)));
    if (family == Family::v6) {
      if (auto removed = removeLoopbackAddress(ports::kAppSideV6); !removed) return removed;
    }
    log().info("{}: the pod's connections are no longer intercepted", nameOf(family));
  }
  return {};
}

std::string describe(const InterceptOptions& options) {
  return "# iptables-restore --noflush\n" + addRules(options, Family::v4, {}) +
         "\n# ip6tables-restore --noflush, if the pod has IPv6\n" + addRules(options, Family::v6, {}) +
         "\n# if the pod has IPv6\n# ip -6 address add " + ports::kAppSideV6 + "/128 dev lo\n";
}

Result<void> joinNamespace(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure(path + ": cannot open: " + std::strerror(errno));
  const int result = ::setns(descriptor, CLONE_NEWNET);
  const int error = errno;
  ::close(descriptor);
  if (result == 0) return {};
  std::string advice;
  if (error == EINVAL) advice = ": expected a network namespace, such as /var/run/netns/NAME or /proc/PID/ns/net";
  if (error == EPERM) advice = ": needs the capabilities SYS_ADMIN and NET_ADMIN of the node";
  return failure(path + ": cannot enter it: " + std::strerror(error) + advice);
}

std::string explain(const std::string& program, int status, const std::string& errors) {
  std::string said;
  for (const auto& line : split(errors, '\n')) {
    // Of several lines the one about the cause; warnings and "try --help" say nothing.
    const auto text = trim(line);
    if (text.empty() || text.find("--help") != std::string_view::npos || text.starts_with("#")) continue;
    said += (said.empty() ? "" : "; ") + std::string(text);
  }
  const auto has = [&](std::string_view part) { return said.find(part) != std::string::npos; };
  std::string advice;
  if (has("ermission denied") || has("peration not permitted") || has("must be root")) {
    advice =
        ": it may not change the network: run it as user 0 with the capabilities NET_ADMIN and NET_RAW (in a pod: "
        "securityContext of the container istio-init). Where Pod Security forbids that, a CNI plugin does it from the "
        "node: see docs/interception.md";
  } else if (has("does not exist (do you need to insmod?)") || has("rotocol not supported") ||
             has("annot fetch rule set") || has("ould not fetch rule set")) {
    advice =
        ": the node's kernel has no nat table: load it on the node with `modprobe -a nft_chain_nat iptable_nat "
        "ip6table_nat`";
  } else if (has("owner")) {
    advice = ": the node's kernel cannot match the owner of a connection: `modprobe xt_owner` on the node";
  } else if (has("REDIRECT")) {
    advice = ": the node's kernel cannot redirect: `modprobe xt_REDIRECT` on the node";
  }
  return program + " failed (exit code " + std::to_string(status) + "): " + (said.empty() ? "it says nothing" : said) +
         advice;
}

}  // namespace fairway::intercept
