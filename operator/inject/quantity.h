#pragma once

#include <string_view>

namespace fairway::inject {

// A Kubernetes resource quantity that is not negative: "100m", "0.5", "128Mi", "1e3".
bool isQuantity(std::string_view text);

}  // namespace fairway::inject
