#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace fairway {

// Why an operation failed, in words a user can act on. Wrapping adds the outer context in front.
struct Error {
  std::string message;

  [[nodiscard]] Error within(const std::string& context) const { return Error{context + ": " + message}; }
  bool operator==(const Error&) const = default;
};

// The value, or why there is none. Used inside; exceptions stop where a library throws them.
template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string message) { return tl::unexpected<Error>(Error{std::move(message)}); }

}  // namespace fairway
