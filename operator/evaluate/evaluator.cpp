#include "evaluate/evaluator.h"

#include <map>
#include <set>
#include <unordered_map>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "base/strings.h"
#include "evaluate/authorizer_internal.h"
#include "evaluate/chains_internal.h"
#include "evaluate/http_internal.h"
#include "evaluate/proto_json_internal.h"
#include "evaluate/rbac_internal.h"
#include "evaluate/rule_list_internal.h"
#include "evaluate/transport_internal.h"
#include "evaluate/understood.h"

namespace fairway::evaluate {

using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
namespace network_ext_authz = envoy::extensions::filters::network::ext_authz::v3;
namespace network_rbac = envoy::extensions::filters::network::rbac::v3;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;

namespace {

constexpr const char* kRbac = "envoy.filters.network.rbac";

// One network filter, its configuration unpacked: exactly one of these, or what is not known of it.
struct NetworkStep {
  std::string name;
  std::shared_ptr<const network_rbac::RBAC> rbac;
  std::shared_ptr<const network_ext_authz::ExtAuthz> authorizer;
  std::shared_ptr<const TcpProxy> proxy;
  std::shared_ptr<const HttpProgram> http;
  std::string note;  // it may refuse connections for reasons that are not in the facts
  std::string notKnown;
};

NetworkStep compileStep(const envoy::config::listener::v3::Filter& filter) {
  NetworkStep step;
  step.name = filter.name();
  const auto& any = filter.typed_config();
  const auto type = typeOf(any);
  const std::string prefix = "envoy.extensions.filters.network.";
  if (auto http = compileHttp(any)) {
    if (http->notUnderstood) step.notKnown = *http->notUnderstood;
    step.http = std::move(http);
  } else if (network_rbac::RBAC rbac; any.UnpackTo(&rbac)) {
    step.notKnown = notUnderstood(rbac).value_or("");
    step.rbac = std::make_shared<network_rbac::RBAC>(std::move(rbac));
  } else if (network_ext_authz::ExtAuthz authorizer; any.UnpackTo(&authorizer)) {
    step.notKnown = notUnderstood(authorizer).value_or("");
    step.authorizer = std::make_shared<network_ext_authz::ExtAuthz>(std::move(authorizer));
  } else if (TcpProxy proxy; any.UnpackTo(&proxy)) {
    step.proxy = std::make_shared<TcpProxy>(std::move(proxy));
  } else if (type.starts_with(prefix + "connection_limit.") || type.starts_with(prefix + "local_ratelimit.")) {
    step.note = "may close connections that are too many";
  } else if (type.starts_with(prefix + "set_filter_state.") || type.starts_with(prefix + "sni_cluster.") ||
             type.starts_with(prefix + "sni_dynamic_forward_proxy.")) {
    step.note = " ";
  } else {
    step.notKnown = "network filter " + step.name;
  }
  return step;
}

void unknown(Verdict& verdict, const std::string& filter, const std::string& text) {
  verdict.outcome = Outcome::unknown;
  verdict.filter = filter;
  verdict.text = text;
}

void close(Verdict& verdict, const std::string& filter, const std::string& text, const std::string& details = {}) {
  verdict.outcome = Outcome::closed;
  verdict.filter = filter;
  verdict.text = text;
  verdict.details = details;
}

}  // namespace

std::string_view toString(Outcome outcome) {
  switch (outcome) {
    case Outcome::allow: return "allow";
    case Outcome::ask: return "ask";
    case Outcome::deny: return "deny";
    case Outcome::reject: return "reject";
    case Outcome::answer: return "answer";
    case Outcome::closed: return "closed";
    case Outcome::unknown: return "unknown";
  }
  return "unknown";
}

struct Evaluator::Impl {
  Listener listener;
  std::optional<std::string> notUnderstoodField;
  std::unordered_map<const FilterChain*, std::vector<NetworkStep>> steps;
  std::shared_ptr<std::map<std::string, RouteConfiguration>> routes =
      std::make_shared<std::map<std::string, RouteConfiguration>>();

  void compile() {
    notUnderstoodField = evaluate::notUnderstood(listener);
    const auto add = [&](const FilterChain& chain) {
      auto& list = steps[&chain];
      for (const auto& filter : chain.filters()) list.push_back(compileStep(filter));
    };
    for (const auto& chain : listener.filter_chains()) add(chain);
    if (listener.has_default_filter_chain()) add(listener.default_filter_chain());
  }

  // Null: they are not known.
  [[nodiscard]] const RouteConfiguration* routesOf(const HttpProgram& program) const {
    if (program.manager.has_route_config()) return &program.manager.route_config();
    const auto found = routes->find(program.manager.rds().route_config_name());
    return found == routes->end() ? nullptr : &found->second;
  }

  void run(const Question& question, bool explain, Verdict& verdict) const {
    const auto& connection = question.connection;
    if (notUnderstoodField) return unknown(verdict, "", *notUnderstoodField);
    const auto inspected = inspect(listener, connection, question.request.has_value());
    if (!inspected) return unknown(verdict, "", inspected.error().message);
    const auto chosen = chooseChain(listener, connection, *inspected);
    if (!chosen) return unknown(verdict, "", chosen.error().message);
    if (!*chosen) return close(verdict, "", "no filter chain takes the connection", "filter_chain_not_found");
    const FilterChain& chain = **chosen;
    verdict.chain = chain.name();
    if (const auto field = evaluate::notUnderstood(chain)) return unknown(verdict, "", *field);
    const auto transport = accept(chain, connection);
    if (transport.open == Truth::unknown) return unknown(verdict, "", transport.text);
    if (transport.open == Truth::no) return close(verdict, "", transport.text);

    RuleContext context;
    context.tls = transport.tls;
    context.peer = transport.peer;
    context.sni = inspected->sni;
    context.source = context.remote = parseIp(connection.source);
    context.sourceText = context.remoteText = connection.source;
    context.local = parseIp(connection.destination);
    context.localText = connection.destination;
    context.port = connection.port;
    Metadata metadata;
    context.metadata = &metadata;
    for (const auto& step : steps.at(&chain)) {
      if (!step.notKnown.empty()) return unknown(verdict, step.name, step.notKnown);
      if (!step.note.empty()) {
        auto& result = verdict.filters.emplace_back();
        result.name = step.name;
        result.note = trim(step.note);
        if (!result.note.empty()) result.action = FilterResult::Action::noted;
      } else if (step.rbac) {
        if (!passRbac(step, context, explain, metadata, verdict)) return;
      } else if (step.authorizer) {
        if (!passAuthorizer(step, connection.answers, metadata, verdict)) return;
      } else if (step.proxy) {
        return arrive(*step.proxy, verdict);
      } else {
        return passHttp(*step.http, transport, context, question, explain, verdict);
      }
    }
    unknown(verdict, "", "a filter chain that leads nowhere");
  }

  static bool passRbac(const NetworkStep& step, const RuleContext& context, bool explain, Metadata& metadata,
                       Verdict& verdict) {
    auto& result = verdict.filters.emplace_back();
    result.name = step.name;
    if (step.rbac->has_shadow_rules()) {
      const auto shadow = decide(step.rbac->shadow_rules(), context, false);
      result.shadowResult = shadow.allowed == Truth::yes  ? "allowed"
                            : shadow.allowed == Truth::no ? "denied"
                                                          : "unknown";
      result.shadowPolicy = shadow.policy;
      if (shadow.allowed != Truth::unknown) {
        merge(metadata, kRbac, {{step.rbac->shadow_rules_stat_prefix() + "shadow_engine_result", result.shadowResult}});
      }
    }
    if (!step.rbac->has_rules()) return true;
    auto decision = decide(step.rbac->rules(), context, explain);
    result.kind = envoy::config::rbac::v3::RBAC::Action_Name(step.rbac->rules().action());
    result.policy = decision.policy;
    result.policies = std::move(decision.policies);
    if (decision.allowed == Truth::yes) return true;
    if (decision.allowed == Truth::unknown) {
      result.action = FilterResult::Action::unknown;
      unknown(verdict, step.name, "a condition of the rules");
      return false;
    }
    result.action = FilterResult::Action::denied;
    verdict.policy = result.policy;
    auto policy = result.policy.empty() ? std::string("none") : result.policy;
    std::replace(policy.begin(), policy.end(), ' ', '_');
    close(verdict, step.name, "RBAC: access denied", "rbac_access_denied_matched_policy[" + policy + "]");
    return false;
  }

  static bool passAuthorizer(const NetworkStep& step, const Answers& answers, const Metadata& metadata,
                             Verdict& verdict) {
    const auto outcome = authorize(*step.authorizer, metadata, answers);
    if (outcome.passed == Truth::unknown) return unknown(verdict, step.name, outcome.text), false;
    if (outcome.asked.empty()) return true;
    auto& result = verdict.filters.emplace_back();
    result.name = step.name;
    result.note = "asks " + outcome.asked;
    result.action = outcome.passed == Truth::yes ? FilterResult::Action::noted : FilterResult::Action::denied;
    if (outcome.open) verdict.asks.push_back(outcome.asked);
    if (outcome.passed == Truth::yes) return true;
    close(verdict, step.name, "the external authorizer does not allow it", outcome.details);
    return false;
  }

  static void arrive(const TcpProxy& proxy, Verdict& verdict) {
    verdict.outcome = verdict.asks.empty() ? Outcome::allow : Outcome::ask;
    verdict.destination = proxy.cluster();
    for (const auto& each : proxy.weighted_clusters().clusters()) {
      verdict.destination += (verdict.destination.empty() ? "" : ", ") + each.name();
    }
  }

  void passHttp(const HttpProgram& program, const Transport& transport, const RuleContext& context,
                const Question& question, bool explain, Verdict& verdict) const {
    // A ClientHello is no request.
    if (question.connection.tls && !transport.tls)
      return close(verdict, "", "TLS where plaintext HTTP is expected", "http1.codec_error");
    if (!question.request) return unknown(verdict, "", "without a request: the port speaks HTTP");
    auto prepared = prepare(program.manager, question.connection, *question.request, transport.tls, transport.peer);
    if (prepared.verdict) {
      prepared.verdict->chain = verdict.chain;
      prepared.verdict->filters = std::move(verdict.filters);
      verdict = std::move(*prepared.verdict);
      return;
    }
    passFilters(program, routesOf(program), prepared, context, question, explain, verdict);
  }
};

Result<Evaluator> Evaluator::fromJson(const nlohmann::json& listener) {
  auto impl = std::make_shared<Impl>();
  if (const auto parsed = parseMessage(listener, impl->listener); !parsed) return tl::unexpected(parsed.error());
  impl->compile();
  return Evaluator(std::move(impl));
}

Result<Evaluator> Evaluator::fromBytes(std::string_view listener) {
  auto impl = std::make_shared<Impl>();
  if (!impl->listener.ParseFromArray(listener.data(), static_cast<int>(listener.size()))) {
    return failure("no serialized Listener");
  }
  impl->compile();
  return Evaluator(std::move(impl));
}

Result<void> Evaluator::addRoutes(const nlohmann::json& routes) {
  RouteConfiguration configuration;
  if (const auto parsed = parseMessage(routes, configuration); !parsed) return tl::unexpected(parsed.error());
  if (const auto field = notUnderstood(configuration)) return failure("routes " + configuration.name() + ": " + *field);
  const auto name = configuration.name();
  (*impl_->routes)[name].MergeFrom(configuration);
  return {};
}

Result<void> Evaluator::addVirtualHost(const std::string& routeConfiguration, const nlohmann::json& host) {
  envoy::config::route::v3::VirtualHost message;
  if (const auto parsed = parseMessage(host, message); !parsed) return tl::unexpected(parsed.error());
  *(*impl_->routes)[routeConfiguration].add_virtual_hosts() = std::move(message);
  return {};
}

void Evaluator::shareRoutes(const Evaluator& with) { impl_->routes = with.impl_->routes; }

Verdict Evaluator::evaluate(const Question& question, bool explain) const {
  Verdict verdict;
  impl_->run(question, explain, verdict);
  return verdict;
}

const std::string& Evaluator::name() const { return impl_->listener.name(); }

std::vector<std::string> Evaluator::addresses() const {
  std::vector<std::string> result{impl_->listener.address().socket_address().address()};
  for (const auto& more : impl_->listener.additional_addresses()) {
    result.push_back(more.address().socket_address().address());
  }
  return result;
}

std::uint32_t Evaluator::port() const { return impl_->listener.address().socket_address().port_value(); }

bool Evaluator::inbound() const { return impl_->listener.traffic_direction() == envoy::config::core::v3::INBOUND; }

std::vector<std::uint32_t> Evaluator::ports() const {
  std::set<std::uint32_t> result;
  for (const auto& chain : impl_->listener.filter_chains()) {
    const auto& match = chain.filter_chain_match();
    result.insert(match.has_destination_port() ? match.destination_port().value() : port());
  }
  return {result.begin(), result.end()};
}

std::string Evaluator::trustDomain() const {
  for (const auto& chain : impl_->listener.filter_chains()) {
    if (auto domain = trustDomainOf(chain); !domain.empty()) return domain;
  }
  return {};
}

std::vector<Evaluator::Rule> Evaluator::rules() const {
  std::vector<Rule> result;
  for (const auto& chain : impl_->listener.filter_chains()) {
    RuleList list(chain, impl_->listener);
    for (const auto& step : impl_->steps.at(&chain)) {
      if (step.rbac) {
        list.next(step.name);
        if (step.rbac->has_shadow_rules()) list.rbac(step.rbac->shadow_rules(), true);
        if (step.rbac->has_rules()) list.rbac(step.rbac->rules(), false);
      }
      if (step.http) list.http(*step.http);
    }
    auto found = list.take();
    result.insert(result.end(), found.begin(), found.end());
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> Evaluator::provenance(const std::string& chain) const {
  std::map<std::string, std::string> objects;
  for (const auto& each : impl_->listener.filter_chains()) {
    if (each.name() != chain) continue;
    const auto fairway = each.metadata().filter_metadata().find("fairway");
    if (fairway == each.metadata().filter_metadata().end()) continue;
    const auto rbac = fairway->second.fields().find("rbac");
    if (rbac == fairway->second.fields().end()) continue;
    for (const auto& [policy, object] : rbac->second.struct_value().fields()) objects[policy] = object.string_value();
  }
  return {objects.begin(), objects.end()};
}

}  // namespace fairway::evaluate
