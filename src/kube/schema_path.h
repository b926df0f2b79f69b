#pragma once

/// The path of a field while a document is walked, as Kubernetes writes it: "spec.containers[0].name".

#include <string>
#include <string_view>

namespace serin::kube {

class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(std::string_view root) : text_(root) {}

  /// Extends the path for as long as the scope lives.
  class [[nodiscard]] Scope {
   public:
    Scope(FieldPath& path, size_t size) : path_(path), size_(size) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { path_.text_.resize(size_); }

   private:
    FieldPath& path_;
    size_t size_;
  };

  Scope member(std::string_view name) {
    size_t size = text_.size();
    if (size > 0) text_ += '.';
    text_ += name;
    return {*this, size};
  }
  Scope index(size_t i) {
    size_t size = text_.size();
    text_ += '[';
    text_ += std::to_string(i);
    text_ += ']';
    return {*this, size};
  }
  /// A key of a map: "labels[app]".
  Scope key(std::string_view name) {
    size_t size = text_.size();
    text_ += '[';
    text_ += name;
    text_ += ']';
    return {*this, size};
  }

  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

}  // namespace serin::kube
