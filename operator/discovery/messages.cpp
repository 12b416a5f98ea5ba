#include "discovery/messages.h"

namespace fairway::discovery {

StatedVersions::StatedVersions(std::map<std::string, std::string> versions) {
  auto owner = std::make_shared<const std::map<std::string, std::string>>(std::move(versions));
  entries_.assign(owner->begin(), owner->end());
  owner_ = std::move(owner);
}

}  // namespace fairway::discovery
