#include "identity/authority_record.h"

#include <nlohmann/json.hpp>

namespace fairway::identity {
namespace {

using Json = nlohmann::json;

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string pemOf(const std::vector<RevocationList>& lists) {
  std::string pem;
  for (const auto& list : lists) pem += list.toPem();
  return pem;
}

Result<std::vector<Certificate>> certificates(const Json& object, const char* name) {
  const auto pem = text(object, name);
  if (pem.empty()) return std::vector<Certificate>{};
  return Certificate::chainFromPem(pem);
}

Result<std::vector<RevocationList>> lists(const Json& object, const char* name) {
  const auto pem = text(object, name);
  if (pem.empty()) return std::vector<RevocationList>{};
  return RevocationList::listsFromPem(pem);
}

Result<RetainedCa> retainedFrom(const Json& object) {
  if (!object.is_object()) return failure("retained: expected objects");
  auto roots = certificates(object, "roots");
  auto chain = certificates(object, "chain");
  auto crl = lists(object, "crl");
  auto own = lists(object, "ownList");
  const auto until = object.find("until");
  if (!roots || !chain || !crl || !own || until == object.end() || !until->is_number_integer()) {
    return failure("retained: it cannot be read");
  }
  RetainedCa old{std::move(*roots), std::move(*chain), std::move(*crl), {}, {}};
  if (!own->empty()) old.ownList = own->front();
  old.until = std::chrono::system_clock::from_time_t(until->get<std::int64_t>());
  return old;
}

}  // namespace

Result<std::string> writeRecord(const CaMaterial& active, const std::vector<RetainedCa>& retained) {
  const auto files = active.toFiles();
  if (!files) return tl::unexpected(files.error());
  Json record{{"active", *files}, {"retained", Json::array()}};
  for (const auto& old : retained) {
    record["retained"].push_back({{"roots", toPem(old.roots)},
                                  {"chain", toPem(old.chain)},
                                  {"crl", pemOf(old.crl)},
                                  {"ownList", old.ownList ? old.ownList->toPem() : ""},
                                  {"until", std::chrono::system_clock::to_time_t(old.until)}});
  }
  return record.dump();
}

Result<AuthorityRecord> readRecord(const std::string& contents) {
  const Json record = Json::parse(contents, nullptr, false);
  if (!record.is_object()) return failure("expected a JSON object");
  AuthorityRecord result;
  const auto active = record.find("active");
  if (active == record.end() || !active->is_object()) return failure("active: expected files by name");
  for (const auto& [name, pem] : active->items()) {
    if (pem.is_string()) result.active[name] = pem.get<std::string>();
  }
  const auto retained = record.find("retained");
  if (retained == record.end() || !retained->is_array()) return result;
  for (const auto& one : *retained) {
    auto old = retainedFrom(one);
    if (!old) return tl::unexpected(old.error());
    result.retained.push_back(std::move(*old));
  }
  return result;
}

}  // namespace fairway::identity
