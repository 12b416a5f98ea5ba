#include "evaluate/json.h"

#include <map>
#include <set>

namespace fairway::evaluate {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// Reads the members of one object and notes the first that is wrong.
class Reader {
 public:
  Reader(const json& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value.is_object()) problem_ = where_ + ": found " + value.type_name() + ", expected an object";
  }

  template <class T>
  void read(const char* name, T& out) {
    known_.insert(name);
    if (!problem_.empty()) return;
    const auto found = value_.find(name);
    if (found == value_.end()) return;
    try {
      found->get_to(out);
    } catch (const json::exception&) {
      problem_ = where_ + "." + name + ": " + found->dump() + " is not of the expected type";
    }
  }

  // The member, to be read by another; null: there is none.
  const json* member(const char* name) {
    known_.insert(name);
    const auto found = problem_.empty() ? value_.find(name) : value_.end();
    return problem_.empty() && found != value_.end() ? &*found : nullptr;
  }

  [[nodiscard]] Result<void> finish() const {
    if (!problem_.empty()) return failure(problem_);
    for (const auto& [name, member] : value_.items()) {
      if (!known_.contains(name)) return failure(where_ + "." + name + " is not known");
    }
    return {};
  }

 private:
  const json& value_;
  const std::string where_;
  std::set<std::string, std::less<>> known_;
  std::string problem_;
};

Result<void> readCertificate(const json& value, Certificate& out) {
  Reader reader(value, "connection.certificate");
  reader.read("uris", out.uris);
  reader.read("dns", out.dns);
  reader.read("subject", out.subject);
  reader.read("trusted", out.trusted);
  return reader.finish();
}

Result<void> readAnswers(const json& value, const std::string& where, Answers& out) {
  static const std::map<std::string, Answer> kAnswers = {
      {"allow", Answer::allow}, {"deny", Answer::deny}, {"error", Answer::error}};
  if (!value.is_object()) return failure(where + ": found " + value.type_name() + ", expected an object");
  for (const auto& [cluster, text] : value.items()) {
    const auto answer = text.is_string() ? kAnswers.find(text.get<std::string>()) : kAnswers.end();
    if (answer == kAnswers.end()) {
      return failure(where + "." + cluster + ": found " + text.dump() + R"(, expected "allow", "deny" or "error")");
    }
    out[cluster] = answer->second;
  }
  return {};
}

Result<void> readConnection(const json& value, Connection& out) {
  Reader reader(value, "connection");
  reader.read("source", out.source);
  reader.read("sourcePort", out.sourcePort);
  reader.read("destination", out.destination);
  reader.read("port", out.port);
  reader.read("tls", out.tls);
  reader.read("sni", out.sni);
  reader.read("alpn", out.alpn);
  if (const auto* certificate = reader.member("certificate"); certificate && !certificate->is_null()) {
    if (const auto read = readCertificate(*certificate, out.certificate.emplace()); !read) return read;
  }
  if (const auto* answers = reader.member("answers")) {
    if (const auto read = readAnswers(*answers, "connection.answers", out.answers); !read) return read;
  }
  return reader.finish();
}

Result<void> readRequest(const json& value, Request& out) {
  Reader reader(value, "request");
  reader.read("method", out.method);
  reader.read("path", out.path);
  reader.read("host", out.authority);
  reader.read("headers", out.headers);
  reader.read("claims", out.claims);
  if (const auto* answers = reader.member("answers")) {
    if (const auto read = readAnswers(*answers, "request.answers", out.answers); !read) return read;
  }
  return reader.finish();
}

void put(ordered_json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

const char* toString(Truth truth) { return truth == Truth::yes ? "yes" : truth == Truth::no ? "no" : "unknown"; }

const char* toString(FilterResult::Action action) {
  switch (action) {
    case FilterResult::Action::passed: return "passed";
    case FilterResult::Action::denied: return "denied";
    case FilterResult::Action::noted: return "noted";
    case FilterResult::Action::unknown: break;
  }
  return "unknown";
}

ordered_json filterJson(const FilterResult& filter) {
  ordered_json out{{"name", filter.name}, {"result", toString(filter.action)}};
  put(out, "action", filter.kind);
  put(out, "policy", filter.policy);
  put(out, "shadowResult", filter.shadowResult);
  put(out, "shadowPolicy", filter.shadowPolicy);
  put(out, "note", filter.note);
  for (const auto& policy : filter.policies) {
    out["policies"].push_back(
        {{"name", policy.name}, {"matches", toString(policy.truth)}, {"condition", toJson(policy.condition)}});
  }
  return out;
}

}  // namespace

Result<Question> questionFromJson(const json& value) {
  Question question;
  Reader reader(value, "question");
  reader.read("now", question.now);
  if (const auto* connection = reader.member("connection")) {
    if (const auto read = readConnection(*connection, question.connection); !read) return tl::unexpected(read.error());
  }
  if (const auto* request = reader.member("request"); request && !request->is_null()) {
    if (const auto read = readRequest(*request, question.request.emplace()); !read) return tl::unexpected(read.error());
  }
  if (const auto finished = reader.finish(); !finished) return tl::unexpected(finished.error());
  return question;
}

ordered_json toJson(const Condition& condition) {
  ordered_json out;
  if (condition.kind == Condition::Kind::leaf) {
    put(out, "attribute", condition.attribute);
    put(out, "expected", condition.expected);
    put(out, "found", condition.found);
  } else {
    const char* name = condition.kind == Condition::Kind::all   ? "all"
                       : condition.kind == Condition::Kind::any ? "any"
                                                                : "not";
    out[name] = ordered_json::array();
    for (const auto& child : condition.children) out[name].push_back(toJson(child));
  }
  out["holds"] = toString(condition.truth);
  return out;
}

ordered_json toJson(const Verdict& verdict) {
  ordered_json out{{"verdict", toString(verdict.outcome)}};
  if (verdict.status != 0) out["status"] = verdict.status;
  put(out, "text", verdict.text);
  put(out, "details", verdict.details);
  put(out, "chain", verdict.chain);
  put(out, "filter", verdict.filter);
  put(out, "policy", verdict.policy);
  put(out, "route", verdict.route);
  put(out, "destination", verdict.destination);
  if (!verdict.asks.empty()) out["asks"] = verdict.asks;
  for (const auto& filter : verdict.filters) out["filters"].push_back(filterJson(filter));
  return out;
}

}  // namespace fairway::evaluate
