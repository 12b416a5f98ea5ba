#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::analyze {

// " (did you mean x?)" for the candidate that differs from `text` by a slip of the fingers; empty if none does.
std::string didYouMean(std::string_view text, const std::vector<std::string>& candidates);

// "a, b and 3 more"
std::string listed(const std::vector<std::string>& names, std::size_t most = 3);

// "a=b,c=d", as kubectl -l takes it.
std::string labelText(const std::map<std::string, std::string>& labels);

}  // namespace fairway::analyze
