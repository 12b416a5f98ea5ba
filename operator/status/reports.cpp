#include "status/reports.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/codec.h"

namespace fairway::status {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kMaxWords = 300;

std::string cut(const std::string& text) { return text.size() <= kMaxWords ? text : text.substr(0, kMaxWords) + "..."; }

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Texts and numbers of another replica, perhaps of another version: nothing about their types is sure.
std::string text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}
std::size_t number(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::size_t>() : 0;
}

}  // namespace

std::string contentOf(const api::Object& object) {
  const auto& meta = object.meta;
  return meta.uid + ":" + (meta.generation != 0 ? std::to_string(meta.generation) : "v" + meta.resourceVersion);
}

std::string encode(const std::vector<Report>& reports, std::size_t limit) {
  std::string result = "[";
  for (const auto& each : reports) {
    Json json{{"k", api::kindInfo(each.key.first).name},
              {"o", each.key.second.name},
              {"c", each.content},
              {"p", each.proxies},
              {"l", each.live}};
    if (!each.key.second.ns.empty()) json["n"] = each.key.second.ns;
    if (each.refusing != 0) json["r"] = each.refusing;
    if (!each.refusal.empty()) json["e"] = cut(each.refusal);
    if (!each.quarantine.empty()) json["q"] = cut(each.quarantine);
    const auto item = dump(json);
    if (result.size() + item.size() + 2 > limit) break;
    if (result.size() > 1) result += ',';
    result += item;
  }
  return result + "]";
}

std::vector<Report> decode(std::string_view encoded) {
  std::vector<Report> result;
  const Json json = Json::parse(encoded, nullptr, false);
  if (!json.is_array()) return result;
  for (const auto& each : json) {
    if (!each.is_object()) continue;
    const auto kind = text(each, "k");
    const auto kinds = api::allKinds();
    const auto info = std::find_if(kinds.begin(), kinds.end(), [&](const auto& known) { return known.name == kind; });
    if (info == kinds.end() || text(each, "o").empty()) continue;
    result.push_back({{info->kind, {text(each, "n"), text(each, "o")}},
                      text(each, "c"),
                      number(each, "p"),
                      number(each, "l"),
                      number(each, "r"),
                      text(each, "e"),
                      text(each, "q")});
  }
  return result;
}

Total sum(const Report& own, const std::vector<std::vector<Report>>& others) {
  Total total{own, true};
  for (const auto& reports : others) {
    const auto found = std::find_if(reports.begin(), reports.end(), [&](const Report& each) {
      return each.key == own.key && each.content == own.content;
    });
    if (found == reports.end()) {
      total.complete = false;
      continue;
    }
    total.report.proxies += found->proxies;
    total.report.live += found->live;
    total.report.refusing += found->refusing;
    if (total.report.refusal.empty()) total.report.refusal = found->refusal;
    if (total.report.quarantine.empty()) total.report.quarantine = found->quarantine;
  }
  return total;
}

}  // namespace fairway::status
