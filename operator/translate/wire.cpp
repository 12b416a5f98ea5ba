#include "translate/wire.h"

#include <arpa/inet.h>
#include <algorithm>
#include <cmath>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/core/v3/base.pb.h>
#include <envoy/config/core/v3/config_source.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/listener/v3/listener_components.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/type/matcher/v3/regex.pb.h>
#include <envoy/type/matcher/v3/string.pb.h>
#include <envoy/type/v3/percent.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/struct.pb.h>
#include <re2/re2.h>

#include "base/strings.h"
#include "translate/any.h"

namespace fairway::translate {

namespace {

// The highest re2 program size the agent's bootstrap allows (runtime key re2.max_program_size.error_level).
constexpr int kMaxRegexProgramSize = 32768;

}  // namespace

void setDuration(google::protobuf::Duration& out, model::Duration value) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(value);
  out.set_seconds(seconds.count());
  out.set_nanos(static_cast<std::int32_t>((value - seconds).count()));
}

void setAddress(envoy::config::core::v3::Address& out, const std::string& ip, std::uint32_t port) {
  auto& socket = *out.mutable_socket_address();
  socket.set_address(ip);
  socket.set_port_value(port);
}

void setAddresses(envoy::config::listener::v3::Listener& out, const std::vector<std::string>& ips, std::uint32_t port) {
  setAddress(*out.mutable_address(), ips.empty() ? "0.0.0.0" : ips.front(), port);
  for (std::size_t i = 1; i < ips.size(); ++i) {
    setAddress(*out.add_additional_addresses()->mutable_address(), ips[i], port);
  }
}

void setAds(envoy::config::core::v3::ConfigSource& out) {
  out.mutable_ads();
  out.set_resource_api_version(envoy::config::core::v3::ApiVersion::V3);
}

bool isAddress(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), buffer) == 1 || inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

bool setCidr(envoy::config::core::v3::CidrRange& out, const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (!isAddress(address)) return false;
  const std::uint64_t bits = address.find(':') == std::string::npos ? 32 : 128;
  const auto length =
      slash == std::string::npos ? std::optional<std::uint64_t>(bits) : toNumber(text.substr(slash + 1));
  if (!length || *length > bits) return false;
  out.set_address_prefix(address);
  out.mutable_prefix_len()->set_value(static_cast<std::uint32_t>(*length));
  return true;
}

void setPercent(envoy::type::v3::FractionalPercent& out, double percent) {
  const double bounded = std::isnan(percent) ? 0 : std::clamp(percent, 0.0, 100.0);
  out.set_numerator(static_cast<std::uint32_t>(std::llround(bounded * 10000)));
  out.set_denominator(envoy::type::v3::FractionalPercent::MILLION);
}

std::string quoteRegex(std::string_view text) { return RE2::QuoteMeta(re2::StringPiece(text.data(), text.size())); }

bool validRegex(const std::string& regex) {
  const RE2 compiled(regex, RE2::Quiet);
  return compiled.ok() && compiled.ProgramSize() <= kMaxRegexProgramSize;
}

bool validRewrite(const std::string& regex, const std::string& substitution) {
  const RE2 compiled(regex, RE2::Quiet);
  std::string error;
  return !regex.empty() && compiled.ok() && compiled.ProgramSize() <= kMaxRegexProgramSize &&
         compiled.CheckRewriteString(substitution, &error);
}

bool setRegex(envoy::type::matcher::v3::RegexMatcher& out, const std::string& regex) {
  if (regex.empty() || !validRegex(regex)) return false;
  out.set_regex(regex);
  return true;
}

bool setMatcher(envoy::type::matcher::v3::StringMatcher& out, const model::StringMatcher& matcher) {
  using Kind = model::StringMatcher::Type;
  switch (matcher.type) {
    case Kind::exact: out.set_exact(matcher.value); break;
    case Kind::prefix:
      if (matcher.value.empty()) return setRegex(*out.mutable_safe_regex(), "(?s).*");
      out.set_prefix(matcher.value);
      break;
    case Kind::suffix:
      if (matcher.value.empty()) return setRegex(*out.mutable_safe_regex(), "(?s).*");
      out.set_suffix(matcher.value);
      break;
    // Envoy's ignore_case does not reach into regexes.
    case Kind::regex: return setRegex(*out.mutable_safe_regex(), (matcher.ignoreCase ? "(?i)" : "") + matcher.value);
    case Kind::present: return setRegex(*out.mutable_safe_regex(), "(?s).*");
  }
  out.set_ignore_case(matcher.ignoreCase);
  return true;
}

void setText(google::protobuf::Struct& out, const std::string& key, const std::string& value) {
  (*out.mutable_fields())[key].set_string_value(value);
}

void setProvenance(envoy::config::core::v3::Metadata& out, const model::Provenance& provenance) {
  setText((*out.mutable_filter_metadata())["fairway"], "provenance", provenance.toString());
}

void setFilter(envoy::config::listener::v3::Filter& out, std::string_view name, const google::protobuf::Message& config,
               std::string_view moreFields) {
  out.set_name(std::string(name));
  packAny(config, *out.mutable_typed_config(), moreFields);
}

void setFilter(envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter& out, std::string_view name,
               const google::protobuf::Message& config) {
  out.set_name(std::string(name));
  packAny(config, *out.mutable_typed_config());
}

void setFilter(envoy::config::listener::v3::ListenerFilter& out, std::string_view name,
               const google::protobuf::Message& config) {
  out.set_name(std::string(name));
  packAny(config, *out.mutable_typed_config());
}

void setSocket(envoy::config::core::v3::TransportSocket& out, std::string_view name,
               const google::protobuf::Message& config) {
  out.set_name(std::string(name));
  packAny(config, *out.mutable_typed_config());
}

bool validServerName(const std::string& name) {
  const std::string host = name.rfind("*.", 0) == 0 ? name.substr(2) : name;
  return !host.empty() && host.find('*') == std::string::npos;
}

}  // namespace fairway::translate
