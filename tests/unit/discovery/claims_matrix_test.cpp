// Every combination of who a caller is and what its Node says, held against a table. Not one wrong grant.
#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <set>

#include "discovery/caller.h"
#include "discovery/node.h"
#include "discovery/server.h"

namespace fairway::discovery {
namespace {

using namespace std::chrono_literals;

const std::array<std::string, 3> kDomains{"cluster.local", "other.example", "cluster.local.evil"};
const std::array<std::string, 2> kNamespaces{"onap", "kube-system"};
const std::array<std::string, 2> kAccounts{"msb", "admin"};
const std::array<std::string, 3> kClaimedAccounts{"msb", "admin", ""};
const std::array<std::string, 2> kPods{"msb-1", "admin-1"};
const std::array<std::string, 3> kClaimedNames{"", "msb-1", "admin-1"};  // metadata NAME; empty: not there
const std::array<std::string, 3> kClaimedNamespaces{"", "onap", "kube-system"};
const std::array<bool, 2> kBools{false, true};

constexpr std::size_t kCombinations = 3 * 2 * 2 * 2 * 2 * 2 * 2 * 3 * 3 * 3;

}  // namespace

TEST_CASE("the matrix of identities and node claims: no wrong grant in any combination") {
  ServerOptions options;
  options.trustDomain = "cluster.local";
  std::size_t seen = 0, granted = 0, wrong = 0;
  std::set<std::string> grantedTo;
  for (const auto& domain : kDomains) {
    for (const auto& ns : kNamespaces) {
      for (const auto& account : kAccounts) {
        for (const bool expired : kBools) {
          for (const bool known : kBools) {  // the token is one of the cluster's
            // Who the token proves the caller to be.
            options.authenticateToken = [&](const std::string&) -> Result<PeerIdentity> {
              if (!known) return failure("no such token");
              const auto now = std::chrono::system_clock::now();
              return PeerIdentity{domain, ns, account, expired ? now - 1s : now + 1h};
            };
            const auto identity = identify(options, {"", "token"});
            for (const auto& pod : kPods) {
              for (const auto& idNs : kNamespaces) {
                for (const auto& name : kClaimedNames) {
                  for (const auto& claimedNs : kClaimedNamespaces) {
                    for (const auto& claimedAccount : kClaimedAccounts) {
                      ++seen;
                      Node node;
                      node.id = "sidecar~10.0.0.1~" + pod + "." + idNs + "~" + idNs + ".svc.cluster.local";
                      if (!name.empty()) node.metadata["NAME"] = name;
                      if (!claimedNs.empty()) node.metadata["NAMESPACE"] = claimedNs;
                      if (!claimedAccount.empty()) node.metadata["SERVICE_ACCOUNT"] = claimedAccount;
                      const auto proxy = proxyFromNode(node);
                      const bool served = identity && proxy && checkClaims(*proxy, *identity).has_value();
                      const bool proved = known && !expired && domain == "cluster.local";
                      const bool consistent = (name.empty() || name == pod) && (claimedNs.empty() || claimedNs == idNs);
                      const bool expected = proved && consistent && idNs == ns && claimedAccount == account;
                      if (served != expected) {
                        ++wrong;
                        CAPTURE(domain, ns, account, node.id, name, claimedNs, claimedAccount);
                        CHECK(served == expected);
                      }
                      if (!served) continue;
                      ++granted;
                      grantedTo.insert(proxy->ns + "/" + proxy->serviceAccount);
                      if (proxy->ns != ns || proxy->serviceAccount != account || proxy->pod != pod) ++wrong;
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  WARN("node claims: " << seen << " combinations, " << granted << " served, " << wrong << " wrong");
  CHECK(seen == kCombinations);
  CHECK(wrong == 0);
  // Four accounts, two pods, NAME there or not, NAMESPACE there or not.
  CHECK(granted == 4 * 2 * 2 * 2);
  CHECK(grantedTo.size() == 4);
}

}  // namespace fairway::discovery
