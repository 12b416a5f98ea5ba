#include "discovery/snapshot_diff.h"
#include "unit/discovery/stream_table.h"

namespace fairway::discovery::test {

TEST_CASE("differences of snapshots") {
  const auto scope = [](const Contents& contents) { return snapshot(contents)->scopes[0]; };
  const auto changes = [](const engine::ProxySnapshot& before, const engine::ProxySnapshot& after) {
    Names seen;
    forEachChange(before, after, C, [&](const std::string& name) { seen.push_back(name); });
    return seen;
  };
  const auto one = scope({{{C, "a"}, "1"}, {{C, "c"}, "1"}});
  const auto two = scope({{{C, "b"}, "1"}, {{C, "d"}, "1"}});
  CHECK(changes({1, {one, two}}, {2, {two, one}}).empty());
  CHECK(changes({1, {one, two}}, {2, {one}}) == Names{"b", "d"});
  CHECK(changes({1, {}}, {2, {two, one}}) == Names{"a", "b", "c", "d"});
  CHECK(changes({1, {one, two}}, {2, {two, scope({{{C, "a"}, "2"}, {{C, "c"}, "1"}, {{C, "e"}, "1"}})}}) ==
        Names{"a", "e"});
  // A resource that moved from one scope to another is the same resource.
  CHECK(changes({1, {one, two}},
                {2, {scope({{{C, "a"}, "1"}}), scope({{{C, "b"}, "1"}, {{C, "c"}, "1"}, {{C, "d"}, "1"}})}})
            .empty());
}

}  // namespace fairway::discovery::test
