#include "golden_case.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <google/protobuf/any.pb.h>
#include <yaml-cpp/yaml.h>

#include "api/codec.h"
#include "api/yaml.h"
#include "normalize/queries.h"

namespace fairway::golden {

using nlohmann::json;
using translate::Interception;
using translate::Proxy;
using translate::ProxyType;
using translate::Type;

namespace {

Proxy readProxy(const json& value) {
  Proxy proxy;
  const auto type = value.value("type", "sidecar");
  proxy.type = type == "gateway"     ? ProxyType::gateway
               : type == "ratelimit" ? ProxyType::rate_limit_service
                                     : ProxyType::sidecar;
  proxy.ns = value.value("namespace", "default");
  proxy.pod = value.value("pod", "");
  proxy.serviceAccount = value.value("serviceAccount", "");
  proxy.labels = value.value("labels", model::Labels{});
  proxy.ips = value.value("ips", std::vector<std::string>{});
  proxy.interception = value.value("interception", "REDIRECT") == "NONE" ? Interception::none : Interception::redirect;
  proxy.outboundAddress = value.value("outboundAddress", "");
  proxy.appAddress = value.value("appAddress", "");
  proxy.unprivileged = value.value("unprivileged", false);
  proxy.bootstrap = value.value("bootstrap", false);
  return proxy;
}

const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue result;
    normalize::registerQueries(result);
    translate::registerUnits(result);
    return result;
  }();
  return instance;
}

bool shown(const Case& golden, Type type, const std::string& name) {
  if (golden.show.empty()) return true;
  const std::string whole(translate::shortName(type));
  return std::any_of(golden.show.begin(), golden.show.end(),
                     [&](const std::string& wanted) { return wanted == whole || wanted == whole + " " + name; });
}

// A text that YAML would take for a number, a truth value or nothing.
bool readsAsOther(const std::string& text) {
  const auto parsed = json::parse(text, nullptr, false);
  return text.empty() || text == "~" || (!parsed.is_discarded() && !parsed.is_string());
}

void emit(YAML::Emitter& out, const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      out << YAML::BeginMap;
      for (const auto& [key, item] : value.items()) {
        out << YAML::Key << key << YAML::Value;
        emit(out, item);
      }
      out << YAML::EndMap;
      break;
    case json::value_t::array:
      out << YAML::BeginSeq;
      for (const auto& item : value) emit(out, item);
      out << YAML::EndSeq;
      break;
    case json::value_t::string: {
      const auto text = value.get<std::string>();
      if (readsAsOther(text)) out << YAML::DoubleQuoted;
      out << text;
      break;
    }
    default: out << value.dump();
  }
}

}  // namespace

Case readCase(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const auto fail = [&](const std::string& reason) -> void { throw std::runtime_error(file.string() + ": " + reason); };
  auto documents = api::parseYaml(text.str());
  if (!documents) fail(documents.error().message);
  Case result;
  bool hasProxy = false;
  for (auto& whole : *documents) {
    if (whole.value.contains("proxy")) {
      result.proxy = readProxy(whole.value["proxy"]);
      result.show = whole.value["proxy"].value("show", std::vector<std::string>{});
      hasProxy = true;
      continue;
    }
    for (const auto& document : api::expandList(std::move(whole))) {
      auto decoded = api::decode(document.value);
      if (!decoded.object) fail("line " + std::to_string(document.line) + " is no object of ours");
      result.objects.push_back(std::move(decoded.object));
    }
  }
  if (!hasProxy) fail("there is no document with `proxy:`");
  return result;
}

translate::test::Resources run(const Case& golden) {
  translate::test::UnitView view(catalogue());
  for (const auto& object : golden.objects) view.put(object);
  return translate::test::collect(view, golden.proxy);
}

std::string describe(const Case& golden, const translate::test::Resources& resources) {
  json result;
  result["notes"] = json::array();
  for (const auto& object : golden.objects) {
    const std::string name = std::string(api::kindInfo(object->kind).name) + "/" + object->meta.key().toString();
    for (const auto& problem : object->problems)
      result["notes"].push_back(name + ": " + problem.field + ": " + problem.message);
  }
  for (const auto& note : resources.notes) {
    result["notes"].push_back(note.object.toString() + ": " + note.field + ": " + note.message);
  }
  for (const auto& [type, byName] : resources.byType) {
    for (const auto& [name, resource] : byName) {
      if (!shown(golden, type, name)) continue;
      google::protobuf::Any any;
      if (!any.ParseFromString(resource->body)) throw std::runtime_error("the body of " + name + " is no Any");
      auto& entry = result[std::string(translate::shortName(type))][name];
      entry["resource"] = json::parse(translate::test::toJson(any));
      for (const auto& object : resource->provenance) entry["provenance"].push_back(object.toString());
    }
  }
  YAML::Emitter out;
  emit(out, result);
  return std::string(out.c_str()) + "\n";
}

}  // namespace fairway::golden
