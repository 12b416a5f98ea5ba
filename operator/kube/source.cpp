#include "kube/source.h"

#include <algorithm>

namespace fairway::kube {

bool Source::synced() const {
  const std::vector<FeedStatus> feeds = status();
  return !feeds.empty() && std::all_of(feeds.begin(), feeds.end(), [](const FeedStatus& feed) { return feed.synced; });
}

}  // namespace fairway::kube
