// Tells libFuzzer which code ran. GCC has -fsanitize-coverage=trace-pc, a call in each block, which libFuzzer takes no more;
// what it takes is an array of counters. The call is turned to the function below by the linker's --wrap. Comparisons
// (trace-cmp) both know alike.
#include <cstdint>

extern "C" void __sanitizer_cov_8bit_counters_init(std::uint8_t* begin, std::uint8_t* end);

namespace {

constexpr unsigned kBits = 18;  // so many blocks hardly share a counter
// No std::array: its functions are told of like all others, and that would have no end.
alignas(64) std::uint8_t counters[1U << kBits];

const bool kKnown = [] {
  __sanitizer_cov_8bit_counters_init(counters, counters + (1U << kBits));
  return true;
}();

}  // namespace

// Called from several threads where a target has some: a count that is lost does no harm.
extern "C" __attribute__((no_sanitize_coverage)) void __wrap___sanitizer_cov_trace_pc() {
  const auto block = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  ++counters[(block * 0x9e3779b97f4a7c15U) >> (64 - kBits)];
}

// GCC tells of comparisons of floating-point numbers, too, which neither libFuzzer nor the sanitizers' library takes.
extern "C" void __sanitizer_cov_trace_cmpf(float /*a*/, float /*b*/) {}
extern "C" void __sanitizer_cov_trace_cmpd(double /*a*/, double /*b*/) {}
