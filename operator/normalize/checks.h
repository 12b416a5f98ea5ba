#pragma once

#include <string>
#include <string_view>

#include "store/view.h"

namespace fairway::normalize {

// What is wrong between objects, told to their authors through notes whether or not a proxy is connected that
// would come across it: VirtualServices that name a Gateway which does not exist, bindings of missing roles. Has
// no value of its own; the engine holds it from start to end.
struct ReferenceChecks {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "reference-checks";
  [[nodiscard]] std::string key() const { return {}; }
  static ReferenceChecks parse(std::string_view) { return {}; }
};

ReferenceChecks::Value referenceChecks(store::View& view, const ReferenceChecks& query);

// The part of it that concerns one VirtualService.
struct GatewayReferenceCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "gateway-reference-check";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static GatewayReferenceCheck parse(std::string_view key);
};

GatewayReferenceCheck::Value gatewayReferenceCheck(store::View& view, const GatewayReferenceCheck& query);

}  // namespace fairway::normalize
