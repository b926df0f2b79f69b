#pragma once

/// Owners of what C libraries hand out: `std::unique_ptr<BIO, FreedBy<BIO_free_all>>`.

namespace serin {

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace serin
