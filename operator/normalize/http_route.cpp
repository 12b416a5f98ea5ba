#include "normalize/http_route.h"

#include <algorithm>
#include <optional>

#include "normalize/delegates.h"
#include "normalize/http_action.h"
#include "normalize/http_match.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

std::string fieldOf(std::size_t index) { return "spec.http[" + std::to_string(index) + "]"; }
std::string ruleName(std::size_t index) { return "http[" + std::to_string(index) + "]"; }

model::HttpRoute refusal(const api::VirtualService& object, std::string rule) {
  model::HttpRoute route;
  route.directResponse = model::HttpRoute::DirectResponse{500, ""};
  route.provenance = provenanceOf(object, std::move(rule));
  return route;
}

// The rules of one VirtualService that apply here, up to its first catch-all.
class RuleList {
 public:
  RuleList(const RouteContext& context, const BoundService& service)
      : context_(context), service_(service), object_(*service.object), errors_(object_) {}

  std::vector<model::HttpRoute> routes() {
    const auto& rules = object_.spec.http;
    for (std::size_t i = 0; i < rules.size(); ++i) add(i);
    if (errors_.atList("spec.http", rules.size())) {
      auto route = refusal(object_, "http");
      complain("spec.http", "its rules could not be read: requests that no rule takes are answered with 500");
      push(std::move(route));
    }
    return std::move(routes_);
  }

 private:
  void complain(const std::string& field, std::string message) {
    error(context_.view, provenanceOf(object_), field, std::move(message));
  }

  void push(model::HttpRoute route) {
    if (closed_) {
      warning(context_.view, route.provenance, "spec." + route.provenance.rule,
              "no request gets here: " + closedBy_ +
                  " before it takes all; put the rule first, or give the other one a match");
      return;
    }
    closed_ = isCatchAll(route.matches);
    if (closed_) closedBy_ = route.provenance.rule;
    routes_.push_back(std::move(route));
  }

  void add(std::size_t index) {
    const auto& rule = object_.spec.http[index];
    const auto field = fieldOf(index);
    const bool broken = errors_.atItem("spec.http", index);
    if (broken && !matchesReadable(errors_, rule, field)) {
      complain(field,
               "the rule has errors and its matches cannot be read: all requests that no rule before it takes "
               "are answered with 500");
      push(refusal(object_, ruleName(index)));
      return;
    }
    const auto matches = matchesOf(rule.match);
    if (!matches) return;
    if (broken) {
      complain(field, "the rule has errors: requests that it matches are answered with 500");
      push(with(*matches, refusal(object_, ruleName(index))));
    } else if (rule.delegate) {
      addDelegate(rule, index, *matches);
    } else {
      push(with(*matches, convertHttpRoute(context_, object_, rule, index)));
    }
  }

  // Nothing if no match applies here: they are for another port, gateway or client.
  std::optional<std::vector<model::HttpMatch>> matchesOf(const std::vector<api::HttpMatchRequest>& from) const {
    std::vector<model::HttpMatch> matches;
    bool counted = false;
    for (const auto& match : from) {
      const MatchPlace place{match.port, match.sourceLabels, match.sourceNamespace, match.gateways};
      if (!appliesHere(context_, service_, place)) continue;
      matches.push_back(convertMatch(match));
      counted = counted || !match.statPrefix.empty();
      if (!matchesEverything(matches.back())) continue;
      // Those after it say nothing more; those before it may count their requests apart.
      if (!counted) matches.clear();
      return matches;
    }
    if (matches.empty() && !from.empty()) return std::nullopt;
    return matches;
  }

  static model::HttpRoute with(std::vector<model::HttpMatch> matches, model::HttpRoute route) {
    route.matches = std::move(matches);
    return route;
  }

  // What the delegate does not take goes on to the rules after this one.
  void addDelegate(const api::HttpRoute& rule, std::size_t index, const std::vector<model::HttpMatch>& matches) {
    const auto* delegate = delegateOf(context_.view, object_, *rule.delegate, fieldOf(index) + ".delegate");
    if (delegate == nullptr) {
      auto route = refusal(object_, ruleName(index));
      route.directResponse->status = 503;
      push(with(matches, std::move(route)));
      return;
    }
    const Errors errors(*delegate);
    const auto& rules = delegate->spec.http;
    for (std::size_t i = 0; i < rules.size(); ++i) addDelegated(rule, index, matches, *delegate, errors, i);
    if (errors.atList("spec.http", rules.size())) {
      error(context_.view, provenanceOf(*delegate), "spec.http",
            "its rules could not be read: requests that no rule takes are answered with 500");
      push(with(matches, refusal(*delegate, "http")));
    }
  }

  void addDelegated(const api::HttpRoute& outer, std::size_t outerIndex, const std::vector<model::HttpMatch>& around,
                    const api::VirtualService& delegate, const Errors& errors, std::size_t index) {
    const auto& inner = delegate.spec.http[index];
    const auto field = fieldOf(index);
    const bool broken = errors.atItem("spec.http", index) || inner.delegate;
    const auto complainThere = [&](const std::string& message) {
      error(context_.view, provenanceOf(delegate), field, message);
    };
    if (broken && !matchesReadable(errors, inner, field)) {
      complainThere(
          "the rule has errors and its matches cannot be read: all requests that no rule before it takes "
          "are answered with 500");
      push(with(around, refusal(delegate, ruleName(index))));
      return;
    }
    const auto merged = mergeDelegate(object_, outer, delegate, inner, context_.view.mesh());
    if (!merged) {
      warning(context_.view, provenanceOf(delegate), field + ".match",
              "no request fits it and what " + provenanceOf(object_, ruleName(outerIndex)).toString() +
                  " asks for, which includes it: it has no effect there; expected narrower matches of the same kind");
      return;
    }
    const auto matches = matchesOf(merged->match);
    if (!matches) return;
    if (broken) complainThere("the rule has errors: requests that it matches are answered with 500");
    push(with(*matches,
              broken ? refusal(delegate, ruleName(index)) : convertHttpRoute(context_, delegate, *merged, index)));
  }

  static bool matchesReadable(const Errors& errors, const api::HttpRoute& rule, const std::string& field) {
    // A rule of which nothing was read says nothing about its matches either.
    return !errors.below(field + ".match") && rule != api::HttpRoute{};
  }

  const RouteContext& context_;
  const BoundService& service_;
  const api::VirtualService& object_;
  Errors errors_;
  std::vector<model::HttpRoute> routes_;
  bool closed_ = false;
  std::string closedBy_;
};

}  // namespace

std::vector<model::HttpRoute> httpRoutes(const RouteContext& context, const std::vector<BoundService>& services) {
  std::vector<model::HttpRoute> matching, catchAll;
  for (const auto& service : services) {
    for (auto& route : RuleList(context, service).routes()) {
      if (!isCatchAll(route.matches)) {
        matching.push_back(std::move(route));
      } else if (catchAll.empty()) {
        catchAll.push_back(std::move(route));
      } else {
        warning(context.view, route.provenance, "spec." + route.provenance.rule,
                "no request gets here: " + catchAll.front().provenance.toString() +
                    " is older and takes all requests to the same host");
      }
    }
  }
  matching.insert(matching.end(), std::make_move_iterator(catchAll.begin()), std::make_move_iterator(catchAll.end()));
  return matching;
}

}  // namespace fairway::normalize
