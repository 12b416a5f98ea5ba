#pragma once

namespace fairway {

// For std::unique_ptr of what a C library gives: `Free` is its function that takes it back.
template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace fairway
