#include "cli/debug_pages.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "base/time.h"
#include "cli/admin_pages.h"
#include "cli/version.h"

namespace fairway::cli {

using console::Cell;
using console::column;
using console::Column;
using console::DebugPage;
using nlohmann::json;

namespace {

using Time = std::chrono::system_clock::time_point;

std::string timeText(Time time) { return time == Time::max() ? "" : utcText(time); }

json proxyPage(const AdminInputs& inputs) {
  json result = json::array();
  for (const auto& stream : inputs.discovery.streams()) {
    json types = json::object();
    std::map<translate::Type, json> rejected;  // names
    for (const auto& refusal : stream.refusals) rejected[refusal.resource->type].push_back(refusal.resource->name);
    for (const auto& type : stream.types) {
      json counts{{"sent", type.sentResponses},     {"acked", type.acks},        {"nacks", type.nacks},
                  {"pending", type.pending},        {"inFlight", type.inFlight}, {"held", type.held},
                  {"resources", type.sentResources}};
      if (!type.lastNack.empty()) counts["lastNack"] = type.lastNack;
      if (const auto names = rejected.find(type.type); names != rejected.end()) counts["rejected"] = names->second;
      types[std::string(translate::shortName(type.type))] = std::move(counts);
    }
    result.push_back({{"id", stream.proxyId},
                      {"node", stream.nodeId},
                      {"peer", stream.peer},
                      {"identity", stream.identity},
                      {"cluster", stream.clusterId},
                      {"version", stream.agentVersion},
                      {"secure", stream.secure},
                      {"variant", stream.variant == discovery::Variant::sotw ? "sotw" : "delta"},
                      {"connectedSince", timeText(stream.connectedSince)},
                      {"expires", timeText(stream.expires)},
                      {"settled", stream.settled},
                      {"types", std::move(types)}});
  }
  return result;
}

json notesPage(const AdminInputs& inputs) {
  json result = json::array();
  const auto add = [&](const std::string& severity, const std::string& object, const std::string& field,
                       const std::string& message) {
    result.push_back({{"severity", severity}, {"object", object}, {"field", field}, {"message", message}});
  };
  const auto severityOf = [](const api::Problem& problem) {
    return problem.severity == api::Problem::Severity::error ? "error" : "warning";
  };
  if (inputs.fileProblems) {
    for (const auto& problem : inputs.fileProblems()) {
      const std::string where = problem.file + ":" + std::to_string(problem.line);
      add("error", problem.object.empty() ? where : problem.object + " (" + where + ")", problem.field,
          problem.message);
    }
  }
  inputs.engine.inspect([&](const engine::Core& core) {
    for (const auto& note : core.graph().notes()) {
      static constexpr std::array<const char*, 3> kSeverities = {"info", "warning", "error"};
      add(kSeverities.at(static_cast<std::size_t>(note.severity)), note.object.toString(), note.field, note.message);
    }
    for (const auto& object : core.store().objects()) {
      for (const auto& problem : object->problems) {
        add(severityOf(problem), std::string(api::kindInfo(object->kind).name) + "/" + object->meta.key().toString(),
            problem.field, problem.message);
      }
    }
  });
  return result;
}

json objectsPage(const AdminInputs& inputs) {
  json result = json::array();
  for (const auto& [key, state] : inputs.keeper.states()) {
    const auto& report = state.report;
    json each{{"kind", api::kindInfo(key.first).name},
              {"name", key.second.name},
              {"content", report.content},
              {"accepted", state.valid},
              {"live", report.live},
              {"proxies", report.proxies},
              {"refusing", report.refusing},
              {"settled", state.settled}};
    if (!key.second.ns.empty()) each["namespace"] = key.second.ns;
    if (!report.refusal.empty()) each["refusal"] = report.refusal;
    if (!report.quarantine.empty()) each["quarantine"] = report.quarantine;
    result.push_back(std::move(each));
  }
  return result;
}

json feedsPage(const AdminInputs& inputs) {
  json result = json::array();
  const auto text = [](const std::optional<Time>& time) { return time ? utcText(*time) : std::string(); };
  for (const auto& feed : inputs.source.status()) {
    const auto& info = api::kindInfo(feed.kind);
    result.push_back({{"kind", api::uniqueName(info)},
                      {"group", info.group},
                      {"synced", feed.synced},
                      {"absent", feed.absent},
                      {"listedBy", feed.relists == 0 ? "" : (feed.streamed ? "stream" : "pages")},
                      {"problem", feed.problem},
                      {"relists", feed.relists},
                      {"events", feed.events},
                      {"errors", feed.errors},
                      {"lastChange", text(feed.lastChange)},
                      {"lastSign", text(feed.lastSign)}});
  }
  return result;
}

json unitsPage(const AdminInputs& inputs) {
  json result = json::array();
  inputs.engine.inspect([&](const engine::Core& core) {
    for (const auto& unit : core.graph().units()) {
      result.push_back({{"unit", unit.key.toString()}, {"reads", unit.reads}});
    }
  });
  return result;
}

// How far what proxies are to have is from what they have: one line for each type.
json pushPage(const AdminInputs& inputs) {
  struct OfType {
    std::size_t proxies = 0, behind = 0, pending = 0, inFlight = 0, held = 0, refused = 0;
    std::uint64_t responses = 0, resources = 0, acks = 0, nacks = 0;
  };
  std::array<OfType, translate::kTypeCount> types{};
  for (const auto& stream : inputs.discovery.streams()) {
    for (const auto& type : stream.types) {
      auto& sum = types.at(static_cast<std::size_t>(type.type));
      ++sum.proxies;
      sum.behind += type.pending > 0 || type.inFlight > 0 ? 1 : 0;
      sum.pending += type.pending;
      sum.inFlight += type.inFlight;
      sum.held += type.held;
      sum.refused += type.refused;
    }
  }
  const auto counters = inputs.discovery.counters();
  json result = json::array();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& sum = types.at(i);
    const auto& total = counters.types.at(i);
    result.push_back({{"type", translate::shortName(static_cast<translate::Type>(i))},
                      {"proxies", sum.proxies},
                      {"behind", sum.behind},
                      {"pending", sum.pending},
                      {"inFlight", sum.inFlight},
                      {"held", sum.held},
                      {"refused", sum.refused},
                      {"responses", total.responses},
                      {"resources", total.resources},
                      {"acks", total.acks},
                      {"nacks", total.nacks}});
  }
  return result;
}

json quarantinePage(const AdminInputs& inputs) {
  json result = json::array();
  for (auto& object : objectsPage(inputs)) {
    if (object.contains("quarantine") || object.value("refusing", 0) > 0) result.push_back(std::move(object));
  }
  return result;
}

json certificatesPage(const AdminInputs& inputs) {
  const auto state = inputs.authority.state();
  const auto issued = inputs.certificates.stats();
  json result{{"trustDomain", inputs.authority.trustDomain()},
              {"issuer", state.issuer},
              {"issuerEnds", utcText(inputs.authority.expires())},
              {"rootEnds", utcText(inputs.authority.rootExpires())},
              {"ownCertificateEnds", utcText(inputs.authority.serverExpires())},
              {"nextIssuer", state.pending},
              {"nextIssuerSigns", state.pendingDue ? utcText(*state.pendingDue) : ""},
              {"formerCasStillTrusted", state.retained},
              {"revocationListsEnd", state.crlExpires ? utcText(*state.crlExpires) : ""},
              {"requests",
               {{"issued", issued.issued},
                {"unauthenticated", issued.unauthenticated},
                {"invalid", issued.invalid},
                {"throttled", issued.throttled},
                {"failed", issued.failed}}}};
  // Of proxies: by how long their credentials last.
  const auto now = std::chrono::system_clock::now();
  std::map<long, std::size_t> hours;
  std::size_t without = 0;
  for (const auto& stream : inputs.discovery.facts()) {
    if (stream.expires == Time::max()) {
      ++without;
    } else {
      ++hours[std::chrono::duration_cast<std::chrono::hours>(stream.expires - now).count()];
    }
  }
  auto& proxies = result["credentialsOfProxies"] = json::object();
  for (const auto& [hour, count] : hours) {
    proxies["end within " + std::to_string(hour + 1) + (hour == 0 ? " hour" : " hours")] = count;
  }
  if (without > 0) proxies["do not end (plaintext)"] = without;
  return result;
}

// What each set of resources holds that proxies share; the largest first.
json sizesPage(const AdminInputs& inputs) {
  std::vector<std::pair<std::size_t, json>> found;  // by bytes
  inputs.engine.inspect([&](const engine::Core& core) {
    core.forEachScope([&](const store::UnitKey& key, std::size_t proxies, const engine::ScopeSnapshot* snapshot) {
      if (snapshot == nullptr) return;
      json each{{"scope", key.toString()}, {"proxies", proxies}};
      std::size_t bytes = 0, resources = 0;
      for (std::size_t type = 0; type < translate::kTypeCount; ++type) {
        const auto& set = *snapshot->sets.at(type);
        each[std::string(translate::shortName(static_cast<translate::Type>(type)))] = set.size();
        resources += set.size();
        for (const auto& resource : set) bytes += resource->body.size();
      }
      each["resources"] = resources;
      each["bytes"] = bytes;
      found.emplace_back(bytes, std::move(each));
    });
  });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  json result = json::array();
  for (auto& [bytes, each] : found) result.push_back(std::move(each));
  return result;
}

json enginePage(const AdminInputs& inputs) {
  const auto queue = inputs.engine.queue();
  const auto turns = inputs.discovery.waitingTurns();
  const auto stats = inputs.engine.stats();
  const auto times = inputs.engine.times();
  const auto mean = [](const Histogram::Values& values) {
    return values.total() == 0 ? 0 : values.sum / static_cast<double>(values.total()) * 1e3;
  };
  json runs = json::object();
  for (const auto& [type, count] : stats.graph.runsByType) runs[std::string(type)] = count;
  return {{"ready", inputs.engine.ready()},
          {"queue",
           {{"changedObjects", queue.objects},
            {"proxies", queue.proxies},
            {"oldestMilliseconds", std::chrono::duration<double, std::milli>(queue.oldest).count()},
            {"streamsWaitingForAThread", turns}}},
          {"batches",
           {{"worked", stats.core.batches},
            {"meanMilliseconds", mean(times.batches)},
            {"meanWaitMilliseconds", mean(times.waits)},
            {"changedObjects", stats.core.changedObjects},
            {"changedResources", stats.core.changedResources},
            {"serializedBytes", stats.core.bytesSerialized}}},
          {"units",
           {{"held", stats.units},
            {"computed", stats.graph.runs},
            {"unchanged", stats.graph.unchanged},
            {"failed", stats.graph.failures}}},
          {"unitsComputedByType", std::move(runs)}};
}

// Columns.

Column link(std::string title, std::string key, const std::string& to) {
  return {std::move(title), [key = std::move(key), to](const json& row) {
            const auto text = row.value(key, "");
            return Cell{text, Cell::Look::code, text.empty() ? "" : to + console::percentEncode(text)};
          }};
}

Column problem(std::string title, std::string key) {
  return column(std::move(title), std::move(key), Cell::Look::error);
}

Column number(std::string title, std::string key) {
  return column(std::move(title), std::move(key), Cell::Look::number);
}

std::vector<Column> proxyColumns() {
  const Column sent{"sent / acknowledged", [](const json& row) {
                      std::string text;
                      const auto types = row.value("types", json::object());
                      for (const auto& [type, state] : types.items()) {
                        text += (text.empty() ? "" : ", ") + type + " " + console::shown(state.value("sent", json(0))) +
                                "/" + console::shown(state.value("acked", json(0)));
                      }
                      return Cell{text};
                    }};
  const Column refused{"refused", [](const json& row) {
                         std::string text;
                         const auto types = row.value("types", json::object());
                         for (const auto& [type, state] : types.items()) {
                           const auto why = state.value("lastNack", "");
                           if (!why.empty()) text += (text.empty() ? "" : "; ") + type + ": " + why;
                         }
                         return Cell{text, Cell::Look::error};
                       }};
  return {link("proxy", "id", "/debug/config_dump?proxy="),
          flag("state", "settled", "in sync", Cell::Look::good, "behind", Cell::Look::warning),
          column("version", "version"),
          column("protocol", "variant"),
          number("connected since", "connectedSince"),
          number("credentials end", "expires"),
          sent,
          refused,
          column("identity", "identity", Cell::Look::code)};
}

std::vector<Column> objectColumns() {
  return {column("kind", "kind"),
          column("object", "name", Cell::Look::code),
          flag("accepted", "accepted", "yes", Cell::Look::good, "no", Cell::Look::error),
          number("proxies", "proxies"),
          number("live", "live"),
          number("refusing", "refusing"),
          problem("refusal", "refusal"),
          problem("quarantine", "quarantine")};
}

Column severity() {
  return {"severity", [](const json& row) {
            const auto text = row.value("severity", "");
            const auto look = text == "error"     ? Cell::Look::error
                              : text == "warning" ? Cell::Look::warning
                                                  : Cell::Look::text;
            return Cell{text, look};
          }};
}

Column feedState() {
  return {"state", [](const json& row) {
            if (row.value("absent", false)) return Cell{"not installed", Cell::Look::text};
            if (!row.value("problem", "").empty()) return Cell{"failing", Cell::Look::error};
            return row.value("synced", false) ? Cell{"watched", Cell::Look::good}
                                              : Cell{"not listed yet", Cell::Look::warning};
          }};
}

}  // namespace

json debugOverview(const AdminInputs& inputs) {
  const auto streams = inputs.discovery.facts();
  std::size_t settled = 0, quarantined = 0, refused = 0, failing = 0;
  for (const auto& stream : streams) settled += stream.settled ? 1 : 0;
  for (const auto& [key, state] : inputs.keeper.states()) {
    quarantined += state.report.quarantine.empty() ? 0 : 1;
    refused += state.report.refusing > 0 ? 1 : 0;
  }
  for (const auto& feed : inputs.source.status()) failing += !feed.absent && !feed.problem.empty() ? 1 : 0;
  return {{"ready", inputs.engine.ready()},
          {"proxies", std::to_string(streams.size()) + ", " + std::to_string(settled) + " of them in sync"},
          {"objectsInQuarantine", quarantined},
          {"objectsThatProxiesRefuse", refused},
          {"kindsThatCannotBeWatched", failing}};
}

std::vector<DebugPage> debugPages(const AdminInputs& inputs) {
  const auto of = [inputs](json (*page)(const AdminInputs&)) { return [inputs, page] { return page(inputs); }; };
  return {
      {"proxies", "Connected proxies", "Each proxy: who it is, whether it has all that it is to have, what it refused.",
       of(proxyPage), proxyColumns()},
      {"push",
       "Push status",
       "Each type of resource: what proxies hold, what is on its way to them, what they refuse.",
       of(pushPage),
       {column("type", "type"), number("proxies", "proxies"), number("behind", "behind"), number("pending", "pending"),
        number("in flight", "inFlight"), number("held", "held"), number("refused", "refused"),
        number("responses sent", "responses"), number("resources sent", "resources"), number("accepted", "acks"),
        number("responses refused", "nacks")}},
      {"objects", "Configuration objects", "Each object: at how many proxies it is live, and who refuses it.",
       of(objectsPage), objectColumns()},
      {"quarantine", "Refused and quarantined objects", "Objects that proxies refuse, and why.", of(quarantinePage),
       objectColumns()},
      {"notes",
       "Notes",
       "What authors of objects should know.",
       of(notesPage),
       {severity(), column("object", "object", Cell::Look::code), column("field", "field", Cell::Look::code),
        column("message", "message")}},
      {"feeds",
       "Watch health",
       "Each kind of object: whether it is listed and watched, and when it last said anything.",
       of(feedsPage),
       {column("kind", "kind"), column("group", "group"), feedState(), number("last change", "lastChange"),
        number("last sign", "lastSign"), number("events", "events"), number("lists", "relists"),
        number("errors", "errors"), column("listed by", "listedBy"), problem("problem", "problem")}},
      {"certificates",
       "Certificates",
       "The CA, the control plane's own certificate, and how long proxies' ones last.",
       of(certificatesPage),
       {}},
      {"sizes",
       "Configuration sizes",
       "Each set of resources that proxies share: how many, and their bytes.",
       of(sizesPage),
       {column("scope", "scope", Cell::Look::code), number("proxies", "proxies"), number("bytes", "bytes"),
        number("CDS", "CDS"), number("EDS", "EDS"), number("LDS", "LDS"), number("RDS", "RDS"), number("VHDS", "VHDS"),
        number("SDS", "SDS")}},
      {"engine", "Engine", "What waits for the engine, and what it did.", of(enginePage), {}},
      {"units",
       "Units",
       "Every unit of the engine and what it read (JSON only: it is large).",
       of(unitsPage),
       {},
       true},
  };
}

}  // namespace fairway::cli
