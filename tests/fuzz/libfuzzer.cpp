// The targets under libFuzzer: `make fuzz`. FAIRWAY_FUZZ_TARGET says which; with FAIRWAY_FUZZ_SEEDS=FOLDER its seeds are
// written there, where libFuzzer is to be given that folder.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/log.h"
#include "fuzz/seeds.h"
#include "fuzz/target.h"

namespace {

const fairway::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (!fairway::setLogLevels("off")) std::abort();  // a level that there is
  google::protobuf::SetLogHandler(nullptr);
  const char* name = std::getenv("FAIRWAY_FUZZ_TARGET");
  chosen = fairway::fuzz::findTarget(name == nullptr ? "" : name);
  if (chosen == nullptr) {
    std::fputs("FAIRWAY_FUZZ_TARGET is to be one of:", stderr);
    for (const auto& target : fairway::fuzz::targets()) std::fprintf(stderr, " %s", target.name.c_str());
    std::fputs("\n", stderr);
    std::exit(64);
  }
  if (const char* folder = std::getenv("FAIRWAY_FUZZ_SEEDS")) {
    int number = 0;
    for (const auto& seed : fairway::fuzz::seedsOf(*chosen)) {
      std::ofstream(std::string(folder) + "/seed-" + std::to_string(number++), std::ios::binary) << seed;
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
