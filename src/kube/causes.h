#pragma once

/// Building the causes of an invalid object in Kubernetes' words. Used by the validators of this module.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "data/json.h"

namespace serin::kube {

class Causes {
 public:
  void required(std::string field, std::string_view detail = {}) {
    add("FieldValueRequired", detail.empty() ? "Required value" : concat("Required value: ", detail),
        std::move(field));
  }
  void invalid(std::string field, const json::value& v, std::string_view detail) {
    add("FieldValueInvalid", concat("Invalid value: ", json::dump(v), ": ", detail), std::move(field));
  }
  void duplicate(std::string field, const json::value& v) {
    add("FieldValueDuplicate", concat("Duplicate value: ", json::dump(v)), std::move(field));
  }
  void not_found(std::string field, const json::value& v) {
    add("FieldValueNotFound", concat("Not found: ", json::dump(v)), std::move(field));
  }
  void forbidden(std::string field, std::string_view detail) {
    add("FieldValueForbidden", concat("Forbidden: ", detail), std::move(field));
  }
  void not_supported(std::string field, const json::value& v, std::string_view supported) {
    add("FieldValueNotSupported",
        concat("Unsupported value: ", json::dump(v), ": supported values: ", supported), std::move(field));
  }
  void too_long(std::string field, size_t limit) {
    add("FieldValueTooLong", concat("Too long: may not be more than ", limit, " bytes"), std::move(field));
  }
  void too_many(std::string field, size_t count, size_t limit) {
    add("FieldValueTooMany", concat("Too many: ", count, ": must have at most ", limit, " items"), std::move(field));
  }
  void append(std::vector<Cause> more) {
    for (Cause& cause : more) list_.push_back(std::move(cause));
  }
  std::vector<Cause> take() { return std::move(list_); }

 private:
  void add(std::string_view reason, std::string message, std::string field) {
    list_.push_back({std::string(reason), std::move(message), std::move(field)});
  }
  std::vector<Cause> list_;
};

}  // namespace serin::kube
