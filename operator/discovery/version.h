#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairway::discovery {

// A resource's version (contentVersion()) as two numbers of 42 bits; another server's text has the version of itself as
// content, which equals none of ours. Streams keep many.
class Version {
 public:
  Version() = default;  // none
  explicit Version(std::string_view text);

  explicit operator bool() const { return high_ != 0 || low_ != 0; }
  bool operator==(const Version&) const = default;
  [[nodiscard]] std::string toString() const;  // as contentVersion() writes it; "" for none
  void clear() { *this = {}; }

 private:
  friend class VersionSum;
  std::uint64_t high_ = 0, low_ = 0;
};

// Names and versions of several resources as one, whatever their order.
class VersionSum {
 public:
  void add(std::string_view name, const Version& version);
  [[nodiscard]] std::string toString() const;  // as a Version's; never ""

 private:
  std::uint64_t high_ = 0, low_ = 0, count_ = 0;
};

}  // namespace fairway::discovery
