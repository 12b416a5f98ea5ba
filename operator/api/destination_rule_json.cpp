#include "api/destination_rule_json.h"

#include <set>

#include "api/traffic_policy_json.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

void readSubset(const Value& value, std::set<std::string>& names, DestinationRuleSpec::Subset& out) {
  Fields fields(value);
  if (const auto name = fields.get("name")) {
    if (auto text = name->text()) {
      out.name = std::move(*text);
      if (!isDnsLabel(out.name)) name->expected("lower case letters, digits and '-'");
      if (!names.insert(out.name).second) name->error("the subset " + quote(out.name) + " exists already");
    }
  } else if (fields.readable()) {
    fields.missing("name", "the name that routes use");
  }
  if (const auto labels = fields.get("labels")) {
    out.labels = labels->textMap();
    checkLabels(*labels, out.labels);
  }
  if (const auto policy = fields.get("trafficPolicy")) readTrafficPolicy(*policy, out.trafficPolicy);
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, DestinationRuleSpec& out) {
  Fields fields(spec);
  if (const auto host = fields.get("host")) {
    if (auto text = host->text()) {
      out.host = std::move(*text);
      if (!isHostPattern(out.host)) host->expected("the name of a service, or \"*.\" before a domain");
    }
  } else if (fields.readable()) {
    fields.missing("host", "the name of a service");
  }
  if (const auto policy = fields.get("trafficPolicy")) readTrafficPolicy(*policy, out.trafficPolicy);
  if (const auto subsets = fields.get("subsets")) {
    std::set<std::string> names;
    subsets->eachItem([&](const Value& item, std::size_t) { readSubset(item, names, out.subsets.emplace_back()); });
  }
  if (const auto exportTo = fields.get("exportTo")) {
    out.exportTo = exportTo->texts();
    checkExportTo(*exportTo);
  }
  if (const auto selector = fields.get("workloadSelector")) readMatchLabels(*selector, out.workloadSelector);
}

}  // namespace fairway::api
