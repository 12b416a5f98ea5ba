#include "api/locality_json.h"

#include <algorithm>
#include <set>

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

// "region", "region/zone", "region/zone/subzone"; the last part, or all of it, may be "*".
bool isLocality(const std::string& text) {
  const auto parts = split(text, '/');
  if (parts.empty() || parts.size() > 3) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return false;
    if (parts[i].find('*') != std::string::npos && (parts[i] != "*" || i + 1 != parts.size())) return false;
  }
  return true;
}

// Whether some locality belongs to both.
bool overlap(const std::string& a, const std::string& b) {
  const auto first = split(a, '/');
  const auto second = split(b, '/');
  for (std::size_t i = 0; i < std::min(first.size(), second.size()); ++i) {
    if (first[i] == "*" || second[i] == "*") return true;
    if (first[i] != second[i]) return false;
  }
  return true;  // one is the other, or a part of it
}

void checkLocality(const Value& at, const std::string& text) {
  if (!isLocality(text))
    at.error("found " + quote(text) + ", expected region/zone/subzone, or \"*\" in place of its end");
}

void readDistribute(const Value& value, LocalitySettings::Distribute& out) {
  Fields fields(value);
  fields.read("from", out.from);
  if (const auto from = fields.get("from")) {
    checkLocality(*from, out.from);
  } else if (fields.readable()) {
    fields.missing("from", "the locality of the clients");
  }
  const auto to = fields.get("to");
  if (!to) {
    if (fields.readable()) fields.missing("to", "localities and their percentages");
    return;
  }
  std::int64_t sum = 0;
  to->eachEntry([&](const Value& entry, const std::string& key) {
    checkLocality(entry, key);
    const auto weight = entry.integer(1, 100);
    if (!weight) return;
    sum += *weight;
    for (const auto& [other, percent] : out.to) {
      if (overlap(key, other))
        entry.error("some endpoints are also in " + quote(other) + ", expected localities apart");
    }
    out.to.emplace(key, static_cast<std::uint32_t>(*weight));
  });
  if (to->json().is_object() && sum != 100) to->error("the sum is " + std::to_string(sum) + ", expected 100");
}

void readFailover(const Value& value, LocalitySettings::Failover& out) {
  Fields fields(value);
  fields.read("from", out.from);
  fields.read("to", out.to);
  if (!fields.readable()) return;
  const auto isRegion = [](const std::string& text) {
    return !text.empty() && text.find_first_of("/*") == std::string::npos;
  };
  if (!isRegion(out.from)) value.error("found from " + quote(out.from) + ", expected a region");
  if (!isRegion(out.to)) value.error("found to " + quote(out.to) + ", expected a region");
  if (isRegion(out.from) && out.from == out.to) value.error("from and to are the same region, expected two");
}

void checkLabel(const Value& at, const std::string& text) {
  const auto equals = text.find('=');
  if (!isLabelKey(text.substr(0, equals)) || (equals != std::string::npos && !isLabelValue(text.substr(equals + 1)))) {
    at.error("found " + quote(text) + ", expected the name of a label, or name=value");
  }
}

}  // namespace

void readLocalitySettings(const Value& value, LocalitySettings& out) {
  Fields fields(value);
  fields.read("enabled", out.enabled);
  if (const auto list = fields.get("distribute")) {
    list->eachItem([&](const Value& item, std::size_t) { readDistribute(item, out.distribute.emplace_back()); });
    for (std::size_t i = 0; i < out.distribute.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!overlap(out.distribute[i].from, out.distribute[j].from)) continue;
        list->error("clients in " + quote(out.distribute[i].from) + " are also in " + quote(out.distribute[j].from) +
                    ", expected each in one entry");
      }
    }
  }
  if (const auto list = fields.get("failover")) {
    list->eachItem([&](const Value& item, std::size_t) { readFailover(item, out.failover.emplace_back()); });
  }
  if (const auto list = fields.get("failoverPriority")) {
    out.failoverPriority = list->texts();
    for (const auto& label : out.failoverPriority) checkLabel(*list, label);
  }
  const int used =
      (out.distribute.empty() ? 0 : 1) + (out.failover.empty() ? 0 : 1) + (out.failoverPriority.empty() ? 0 : 1);
  if (used > 1) value.error("expected only one of distribute, failover, failoverPriority");
}

}  // namespace fairway::api
