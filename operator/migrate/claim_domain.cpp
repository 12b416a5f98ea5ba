#include <algorithm>

#include "migrate/domain.h"

namespace fairway::migrate {

namespace {

constexpr std::size_t kMaxLists = 96;  // kinds of lists that are told apart

}  // namespace

void claimClasses(Variable& variable) {
  const auto oneOf = std::find_if(variable.atoms.begin(), variable.atoms.end(),
                                  [](const Predicate& atom) { return atom.op == Predicate::Op::has_one_of; });
  const bool bound = oneOf != variable.atoms.end();
  const auto taken = [&](const Value& value) { return !bound || oneOf->holds(value); };
  if (!variable.only.empty()) {
    for (const auto& text : variable.only) addClass(variable, Value::of(text));
    return;
  }
  if (variable.maybeAbsent && !bound) addClass(variable, {});

  std::vector<model::StringMatcher> matchers;
  for (const auto& atom : variable.atoms) {
    matchers.push_back(atom.text);
    for (const auto& text : atom.texts) matchers.push_back({model::StringMatcher::Type::exact, text, false});
  }
  const auto texts = boundaryTexts(matchers);
  for (const auto& text : texts) {
    if (taken(Value::of(text))) addClass(variable, Value::of(text));
  }
  // A list is told by what its elements are together: each union of what single elements are.
  Variable lists;
  lists.atoms = variable.atoms;
  if (bound) {
    // Whether it is among the texts counts while lists grow, even where no rule asks for one of them.
    for (const auto& text : oneOf->texts) {
      Predicate each;
      each.op = Predicate::Op::has_match;
      each.text = {model::StringMatcher::Type::exact, text, false};
      lists.atoms.push_back(each);
    }
  }
  for (const auto& text : texts) addClass(lists, Value::of(std::vector{text}));
  const auto single = lists.classes.size();
  for (std::size_t i = 0; i < lists.classes.size() && lists.classes.size() <= kMaxLists; ++i) {
    for (std::size_t j = 0; j < single; ++j) {
      auto items = lists.classes[i].value.list;
      items.push_back(lists.classes[j].value.list.front());
      addClass(lists, Value::of(std::move(items)));
    }
  }
  if (lists.classes.size() > kMaxLists) variable.complete = false;
  for (auto& each : lists.classes) {
    if (taken(each.value)) addClass(variable, std::move(each.value));
  }
}

}  // namespace fairway::migrate
