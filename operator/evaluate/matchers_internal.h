#pragma once

#include <string>
#include <string_view>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/type/matcher/v3/metadata.pb.h>
#include <envoy/type/matcher/v3/string.pb.h>

#include "evaluate/address.h"
#include "evaluate/headers.h"
#include "evaluate/metadata.h"
#include "evaluate/verdict.h"

// Envoy's matchers, one function a message. `describe` gives what is expected, for people.
namespace fairway::evaluate {

Truth matchText(const envoy::type::matcher::v3::StringMatcher& matcher, std::string_view text);
std::string describe(const envoy::type::matcher::v3::StringMatcher& matcher);

// Each value of a header that comes more than once is compared by itself, as Envoy does since 1.37.
Truth matchHeader(const envoy::config::route::v3::HeaderMatcher& matcher, const Headers& headers);
std::string describe(const envoy::config::route::v3::HeaderMatcher& matcher);

Truth matchMetadata(const envoy::type::matcher::v3::MetadataMatcher& matcher, const Metadata& metadata);
std::string describe(const envoy::type::matcher::v3::MetadataMatcher& matcher);
// "filter.path.to.value"
std::string nameOf(const envoy::type::matcher::v3::MetadataMatcher& matcher);
// The value it looks at, as JSON text; "" for none.
std::string found(const envoy::type::matcher::v3::MetadataMatcher& matcher, const Metadata& metadata);

Truth matchRange(const envoy::config::core::v3::CidrRange& range, const std::optional<Ip>& ip);
std::string describe(const envoy::config::core::v3::CidrRange& range);

// A path (query and fragment are left out) and an Envoy URI template; unknown for templates Envoy would not take.
Truth matchTemplate(const std::string& pattern, std::string_view path);

// Without query and fragment.
std::string_view withoutQuery(std::string_view path);

}  // namespace fairway::evaluate
