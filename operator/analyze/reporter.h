#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyze/codes.h"
#include "analyze/resource.h"

namespace fairway::analyze {

// Collects what checks find.
class Reporter {
 public:
  struct Item {
    Code code;
    const Resource* resource;  // null: a file as a whole
    Finding finding;
  };

  // `field` is written as Problem.field is; `severity` where it differs from that of the code.
  void add(Code code, const Resource& resource, std::string field, std::string message, std::string fix,
           std::optional<Severity> severity = std::nullopt) {
    Finding finding{codeText(code), severity.value_or(codeInfo(code).severity), resource.text(), std::move(message),
                    std::move(fix)};
    finding.source = resource.origin.at(field);
    finding.field = std::move(field);
    items_.push_back({code, &resource, std::move(finding)});
  }
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
};

}  // namespace fairway::analyze
