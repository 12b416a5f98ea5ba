#include "evaluate/regex.h"

#include <memory>
#include <unordered_map>

#include <re2/re2.h>

namespace fairway::evaluate {

Truth fullMatch(const std::string& expression, std::string_view text) {
  constexpr std::size_t kKept = 20000;
  static thread_local std::unordered_map<std::string, std::unique_ptr<RE2>> compiled;
  auto found = compiled.find(expression);
  if (found == compiled.end()) {
    if (compiled.size() >= kKept) compiled.clear();
    found = compiled.emplace(expression, std::make_unique<RE2>(expression, RE2::Quiet)).first;
  }
  if (!found->second->ok()) return Truth::unknown;
  return truth(RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *found->second));
}

}  // namespace fairway::evaluate
