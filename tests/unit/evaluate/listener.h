#pragma once

#include <string>

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include "evaluate/evaluator.h"

// Small listeners in protobuf's JSON.
namespace fairway::evaluate::test {

using nlohmann::json;

// A message from its JSON. Throws what is wrong with it.
template <class Message>
Message proto(const std::string& text);
void parse(const std::string& text, google::protobuf::Message& out);
template <class Message>
Message proto(const std::string& text) {
  Message message;
  parse(text, message);
  return message;
}

json httpFilter(const std::string& name, const std::string& type, json config);  // type: "rbac.v3.RBAC"
json networkFilter(const std::string& name, const std::string& type, json config);
// RBAC filters with one policy "p" of one permission and one principal.
json rbacRules(const std::string& action, const json& permission, const json& principal = {{"any", true}});
json httpRbac(const json& rules);
// A connection manager whose only route leads to cluster "app"; `settings` are added to it.
json manager(json filters, const json& settings = json::object());
json tcpProxy(const std::string& cluster);
json chain(const std::string& name, json filters, json match = nullptr);
Evaluator evaluator(json chains, json more = json::object());

Question get(const std::string& path, const std::vector<std::pair<std::string, std::string>>& headers = {});
// What a listener with these HTTP filters says of a request.
Verdict ask(const json& filters, const Question& question, bool explain = false);

}  // namespace fairway::evaluate::test
