#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/common.h"
#include "model/traffic.h"

namespace google::protobuf {
class Duration;
class Message;
class Struct;
}  // namespace google::protobuf
namespace envoy::config::core::v3 {
class Address;
class CidrRange;
class ConfigSource;
class Metadata;
class TransportSocket;
}  // namespace envoy::config::core::v3
namespace envoy::config::listener::v3 {
class Filter;
class Listener;
class ListenerFilter;
}  // namespace envoy::config::listener::v3
namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpFilter;
}
namespace envoy::type::matcher::v3 {
class RegexMatcher;
class StringMatcher;
}  // namespace envoy::type::matcher::v3
namespace envoy::type::v3 {
class FractionalPercent;
}

// The small values that Envoy's messages are made of.
namespace fairway::translate {

void setDuration(google::protobuf::Duration& out, model::Duration value);
void setAddress(envoy::config::core::v3::Address& out, const std::string& ip, std::uint32_t port);
// One listener at all of them: the port at the first, and as additional addresses at the others. None: 0.0.0.0.
void setAddresses(envoy::config::listener::v3::Listener& out, const std::vector<std::string>& ips, std::uint32_t port);
// "over the stream this resource came by"
void setAds(envoy::config::core::v3::ConfigSource& out);
// "10.0.0.0/8" or a single address; false if it is neither.
bool setCidr(envoy::config::core::v3::CidrRange& out, const std::string& text);
bool isAddress(const std::string& text);
// 0..100 with four decimal places.
void setPercent(envoy::type::v3::FractionalPercent& out, double percent);

// `Type::present` matches any text. False (and nothing useful written) if a regex is not valid RE2.
bool setMatcher(envoy::type::matcher::v3::StringMatcher& out, const model::StringMatcher& matcher);
bool setRegex(envoy::type::matcher::v3::RegexMatcher& out, const std::string& regex);
// Text as a regex that matches just it.
std::string quoteRegex(std::string_view text);
bool validRegex(const std::string& regex);
// Whether `substitution` (\1 ...) names only groups that the valid `regex` has.
bool validRewrite(const std::string& regex, const std::string& substitution);

// filter_metadata["fairway"].provenance: which object made this.
void setProvenance(envoy::config::core::v3::Metadata& out, const model::Provenance& provenance);
void setText(google::protobuf::Struct& out, const std::string& key, const std::string& value);

// `moreFields` are some of `config` that are serialized already.
void setFilter(envoy::config::listener::v3::Filter& out, std::string_view name, const google::protobuf::Message& config,
               std::string_view moreFields = {});
void setFilter(envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter& out, std::string_view name,
               const google::protobuf::Message& config);
void setFilter(envoy::config::listener::v3::ListenerFilter& out, std::string_view name,
               const google::protobuf::Message& config);
void setSocket(envoy::config::core::v3::TransportSocket& out, std::string_view name,
               const google::protobuf::Message& config);

// Server names that Envoy takes in a filter chain: a host, or "*." and a host.
bool validServerName(const std::string& name);

}  // namespace fairway::translate
