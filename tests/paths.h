#pragma once

#include <filesystem>

namespace fairway::test {

// The checkout that the tests were built from.
std::filesystem::path sourceDirectory();

}  // namespace fairway::test
