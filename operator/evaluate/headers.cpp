#include "evaluate/headers.h"

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace fairway::evaluate {

namespace {

// Envoy keeps one value of these: what comes more than once is joined with a comma.
const std::set<std::string, std::less<>> kJoined = {"accept",
                                                    "accept-encoding",
                                                    "access-control-request-headers",
                                                    "access-control-request-method",
                                                    "authorization",
                                                    "cache-control",
                                                    "content-length",
                                                    "content-type",
                                                    "expect",
                                                    "grpc-timeout",
                                                    "if-match",
                                                    "if-modified-since",
                                                    "if-none-match",
                                                    "if-range",
                                                    "if-unmodified-since",
                                                    "origin",
                                                    "pragma",
                                                    "referer",
                                                    "te",
                                                    "user-agent",
                                                    "via",
                                                    "x-forwarded-client-cert",
                                                    "x-forwarded-for",
                                                    "x-forwarded-host",
                                                    "x-forwarded-port",
                                                    "x-forwarded-proto",
                                                    "x-request-id"};

std::string canonical(std::string_view name) {
  auto lower = toLower(name);
  return lower == "host" ? ":authority" : lower;
}

}  // namespace

void Headers::add(std::string_view name, std::string value) {
  const auto key = canonical(name);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == key; });
  if (found != entries_.end() && kJoined.contains(key)) {
    found->value += "," + value;
  } else {
    entries_.push_back({key, std::move(value)});
  }
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  entries_.push_back({canonical(name), std::move(value)});
}

void Headers::remove(std::string_view name) {
  const auto key = canonical(name);
  std::erase_if(entries_, [&](const Entry& e) { return e.name == key; });
  std::erase_if(unknown_, [&](const Unknown& u) { return u.name == key; });
}

void Headers::setUnknown(std::string_view name, Truth present) {
  remove(name);
  unknown_.push_back({canonical(name), present});
}

std::vector<std::string_view> Headers::get(std::string_view name) const {
  const auto key = canonical(name);
  std::vector<std::string_view> values;
  for (const auto& entry : entries_) {
    if (entry.name == key) values.emplace_back(entry.value);
  }
  return values;
}

std::optional<std::string_view> Headers::first(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

Truth Headers::present(std::string_view name) const {
  const auto key = canonical(name);
  for (const auto& unknown : unknown_) {
    if (unknown.name == key) return unknown.present;
  }
  return truth(std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == key; }));
}

bool Headers::known(std::string_view name) const {
  const auto key = canonical(name);
  return std::none_of(unknown_.begin(), unknown_.end(), [&](const Unknown& u) { return u.name == key; });
}

}  // namespace fairway::evaluate
