#include "inject/merge.h"

#include "support.h"

using namespace fairway::inject;
using namespace fairway::inject::test;

TEST_CASE("mappings merge field by field, null deletes, other lists are replaced") {
  CHECK(strategicMerge(yaml("{a: {b: 1, c: 2}, d: [1, 2], e: 5}"), yaml("{a: {c: 3, f: 4}, d: [3], e: null}")) ==
        yaml("{a: {b: 1, c: 3, f: 4}, d: [3]}"));
  CHECK(strategicMerge(yaml("{a: {b: 1}}"), yaml("{a: {$patch: replace, c: 2}}")) == yaml("{a: {c: 2}}"));
  CHECK(strategicMerge(yaml("{a: {b: 1}, c: 1}"), yaml("{a: {$patch: delete}}")) == yaml("{c: 1}"));
}

TEST_CASE("lists with a merge key merge element by element, in their order, new ones at the end") {
  const auto base = yaml(R"(
containers:
- name: a
  env: [{name: X, value: "1"}, {name: Y, value: "2"}]
  ports: [{containerPort: 80, name: http}]
  volumeMounts: [{mountPath: /a, name: v}]
- name: b
  args: [x, y]
volumes: [{name: v, emptyDir: {}}]
)");
  const auto patch = yaml(R"(
containers:
- name: c
- name: b
  args: [z]
- name: a
  env: [{name: Z, value: "3"}, {name: Y, value: "4"}]
  ports: [{containerPort: 81}, {containerPort: 80, protocol: TCP}]
  volumeMounts: [{mountPath: /b, name: v}]
volumes: [{name: w, emptyDir: {}}]
)");
  CHECK(strategicMerge(base, patch) == yaml(R"(
containers:
- name: a
  env: [{name: X, value: "1"}, {name: Y, value: "4"}, {name: Z, value: "3"}]
  ports: [{containerPort: 80, name: http, protocol: TCP}, {containerPort: 81}]
  volumeMounts: [{mountPath: /a, name: v}, {mountPath: /b, name: v}]
- name: b
  args: [z]
- name: c
volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}]
)"));
  CHECK(strategicMerge(base, base) == base);
}

TEST_CASE("directives in an element delete or replace it") {
  const auto base = yaml("{containers: [{name: a, image: x, args: [1]}, {name: b}]}");
  CHECK(strategicMerge(base, yaml("{containers: [{name: b, $patch: delete}, {name: none, $patch: delete}]}")) ==
        yaml("{containers: [{name: a, image: x, args: [1]}]}"));
  CHECK(strategicMerge(base, yaml("{containers: [{name: a, image: y, $patch: replace}]}")) ==
        yaml("{containers: [{name: a, image: y}, {name: b}]}"));
}
