#pragma once

#include <optional>
#include <string>

#include "api/networking.h"
#include "store/view.h"

// Routes of a VirtualService that stand in place of a route of another one (`delegate`).
namespace fairway::normalize {

// The VirtualService that a route of `root` names. Null, with an error note at `field`, if it is not there, is not
// exported to the namespace of `root`, or has hosts and so is none to be included.
const api::VirtualService* delegateOf(store::View& view, const api::VirtualService& root,
                                      const api::HttpRoute::Delegate& name, const std::string& field);

// A route of the delegate as a part of the root's: matches of both must hold, and what the delegate's leaves out is as in
// the root's. Hosts, and gateways in matches, are as if written with their namespaces. Nothing if some match of the
// delegate's contradicts all of the root's: then the delegate's route has no effect.
std::optional<api::HttpRoute> mergeDelegate(const api::VirtualService& root, const api::HttpRoute& outer,
                                            const api::VirtualService& delegate, const api::HttpRoute& inner,
                                            const store::MeshConfig& mesh);

// Whether a delegate may be named by some VirtualService: if not, nothing it says has an effect.
struct DelegateCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "delegate-check";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static DelegateCheck parse(std::string_view key);
};
DelegateCheck::Value delegateCheck(store::View& view, const DelegateCheck& query);

}  // namespace fairway::normalize
