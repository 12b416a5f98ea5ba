#include "intercept/rules.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"

namespace fairway::intercept {
namespace {

constexpr std::array<std::string_view, 4> kChains = {"ISTIO_INBOUND", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT",
                                                     "ISTIO_REDIRECT"};
constexpr std::string_view kInboundJump = "PREROUTING -p tcp -j ISTIO_INBOUND";
constexpr std::string_view kOutboundJump = "OUTPUT -p tcp -j ISTIO_OUTPUT";

bool isOurs(std::string_view chain) { return std::find(kChains.begin(), kChains.end(), chain) != kChains.end(); }

// What matters of the nat table.
struct Table {
  std::vector<std::string> ours;   // our chains that exist
  std::vector<std::string> jumps;  // rules of other chains that lead to ours, without "-A "
  std::vector<std::string> foreign;
};

std::string_view targetOf(std::string_view rule) {
  for (const std::string_view option : {" -j ", " -g "}) {
    const auto at = rule.rfind(option);
    if (at == std::string_view::npos) continue;
    const auto rest = rule.substr(at + option.size());
    return rest.substr(0, rest.find(' '));
  }
  return {};
}

Table read(std::string_view existing) {
  Table table;
  bool inNat = false;
  for (const auto& each : split(existing, '\n')) {
    const auto line = trim(each);
    if (line.starts_with("*")) inNat = line == "*nat";
    if (!inNat) continue;
    if (line.starts_with(":")) {
      const auto chain = line.substr(1, line.find(' ') - 1);
      if (isOurs(chain)) table.ours.emplace_back(chain);
    } else if (line.starts_with("-A ")) {
      const auto rule = line.substr(3);
      const auto chain = rule.substr(0, rule.find(' '));
      if (isOurs(chain)) continue;
      if (isOurs(targetOf(rule))) {
        table.jumps.emplace_back(rule);
      } else {
        table.foreign.emplace_back(line);
      }
    }
  }
  return table;
}

// Collects the rules of one chain.
class Chain {
 public:
  Chain(std::string& text, std::string_view name) : text_(text), name_(name) {}
  void add(const std::string& matches, std::string_view target) const {
    text_ += "-A " + name_ + (matches.empty() ? "" : " ") + matches + " -j " + std::string(target) + "\n";
  }

 private:
  std::string& text_;
  std::string name_;
};

std::string toPort(std::uint16_t port) { return "-p tcp --dport " + std::to_string(port); }

void addInbound(std::string& text, const InterceptOptions& options) {
  const Chain chain(text, "ISTIO_INBOUND");
  for (const auto& name : options.excludeInterfaces) chain.add("-i " + name, "RETURN");
  std::set<std::uint16_t> excluded(ports::kNeverIntercepted.begin(), ports::kNeverIntercepted.end());
  excluded.insert(options.excludeInboundPorts.begin(), options.excludeInboundPorts.end());
  for (const auto port : excluded) chain.add(toPort(port), "RETURN");
  if (options.includeInboundPorts.all) return chain.add("-p tcp", "ISTIO_IN_REDIRECT");
  for (const auto port : options.includeInboundPorts.list) {
    if (!excluded.contains(port)) chain.add(toPort(port), "ISTIO_IN_REDIRECT");
  }
}

void addOutbound(std::string& text, const InterceptOptions& options, Family family) {
  const Chain chain(text, "ISTIO_OUTPUT");
  const std::string loopback = family == Family::v4 ? "127.0.0.0/8" : "::1/128";
  const std::string appSide = family == Family::v4 ? ports::kAppSideV4 + std::string("/32")  //
                                                   : ports::kAppSideV6 + std::string("/128");
  std::vector<std::string> owners;
  for (const auto uid : options.proxyUids) owners.push_back("-m owner --uid-owner " + std::to_string(uid));
  for (const auto gid : options.proxyGids) owners.push_back("-m owner --gid-owner " + std::to_string(gid));

  // From the inbound side of Envoy, or from the agent, to the app: there.
  chain.add("-s " + appSide + " -o lo", "RETURN");
  // The app called a service and Envoy chose this very pod: that is an inbound connection like any other.
  for (const auto& owner : owners) chain.add("! -d " + loopback + " -o lo -p tcp " + owner, "ISTIO_INBOUND");
  for (const auto& owner : owners) chain.add(owner, "RETURN");
  // The app to itself, by a loopback address or the pod's.
  chain.add("-o lo", "RETURN");
  chain.add("-d " + loopback, "RETURN");

  for (const auto& name : options.excludeInterfaces) chain.add("-o " + name, "RETURN");
  for (const auto& server : options.dnsServers) {
    if (server.family == family) chain.add("-d " + server.text + " " + toPort(53), "RETURN");
  }
  for (const auto port : options.excludeOutboundPorts) chain.add(toPort(port), "RETURN");
  for (const auto& cidr : options.excludeOutboundCidrs) {
    if (cidr.family == family) chain.add("-d " + cidr.text, "RETURN");
  }
  if (options.includeOutboundCidrs.all) return chain.add("", "ISTIO_REDIRECT");
  for (const auto port : options.includeOutboundPorts) chain.add(toPort(port), "ISTIO_REDIRECT");
  for (const auto& cidr : options.includeOutboundCidrs.list) {
    if (cidr.family == family) chain.add("-d " + cidr.text, "ISTIO_REDIRECT");
  }
}

}  // namespace

std::string addRules(const InterceptOptions& options, Family family, std::string_view existing) {
  const auto table = read(existing);
  std::string text = "*nat\n";
  // Naming a chain makes it, or empties it if it is there.
  for (const auto chain : kChains) text += ":" + std::string(chain) + " - [0:0]\n";
  const std::vector<std::string> wanted = {std::string(kInboundJump), std::string(kOutboundJump)};
  const auto isWanted = [&](const std::string& rule) { return std::find(wanted.begin(), wanted.end(), rule); };
  std::set<std::string> kept;
  for (const auto& jump : table.jumps) {
    if (isWanted(jump) == wanted.end() || !kept.insert(jump).second) text += "-D " + jump + "\n";
  }
  for (const auto& jump : wanted) {
    if (!kept.contains(jump)) text += "-A " + jump + "\n";
  }
  addInbound(text, options);
  addOutbound(text, options, family);
  Chain(text, "ISTIO_REDIRECT").add("-p tcp", "REDIRECT --to-ports " + std::to_string(options.outboundPort));
  Chain(text, "ISTIO_IN_REDIRECT").add("-p tcp", "REDIRECT --to-ports " + std::to_string(options.inboundPort));
  return text + "COMMIT\n";
}

std::string removeRules(std::string_view existing) {
  const auto table = read(existing);
  if (table.ours.empty()) return {};
  std::string text = "*nat\n";
  for (const auto& jump : table.jumps) text += "-D " + jump + "\n";
  // All are emptied first: a chain that another one leads to cannot go.
  for (const auto& chain : table.ours) text += "-F " + chain + "\n";
  for (const auto& chain : table.ours) text += "-X " + chain + "\n";
  return text + "COMMIT\n";
}

std::vector<std::string> foreignRules(std::string_view existing) { return read(existing).foreign; }

}  // namespace fairway::intercept
