#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// What reads bytes from outside, as functions of these bytes. One file a target in targets/; libfuzzer.cpp and replay.cpp
// run them.
namespace fairway::fuzz {

struct Target {
  std::string name;                    // also the folder below corpus/
  std::vector<std::string> seedFiles;  // more of them: "tests/golden/*/in.yaml", from the checkout's top
  std::function<void(std::string_view)> run;
  std::function<std::vector<std::string>()> seeds;  // inputs that are no text; may be null
};

// All targets, by name.
const std::vector<Target>& targets();
// Null: there is none.
const Target* findTarget(std::string_view name);

// Ends the process, as a bug: `what` does not hold.
void require(bool holds, const char* what);

// What targets() returns comes from here: `const Registration kTarget{{...}}` in each file.
struct Registration {
  explicit Registration(Target target);
};

}  // namespace fairway::fuzz
