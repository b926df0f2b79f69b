#include "data/json_check.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include "base/strings.h"

namespace serin::json {
namespace {

/// Takes the parser's events and keeps nothing.
struct Ignore {
  using error_code = boost::json::error_code;
  using text_view = boost::json::string_view;
  static constexpr size_t max_object_size = size_t(-1), max_array_size = size_t(-1), max_key_size = size_t(-1),
                          max_string_size = size_t(-1);
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(size_t, error_code&) { return true; }
  bool on_key_part(text_view, size_t, error_code&) { return true; }
  bool on_key(text_view, size_t, error_code&) { return true; }
  bool on_string_part(text_view, size_t, error_code&) { return true; }
  bool on_string(text_view, size_t, error_code&) { return true; }
  bool on_number_part(text_view, error_code&) { return true; }
  bool on_int64(int64_t, text_view, error_code&) { return true; }
  bool on_uint64(uint64_t, text_view, error_code&) { return true; }
  bool on_double(double, text_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(text_view, error_code&) { return true; }
  bool on_comment(text_view, error_code&) { return true; }
};

}  // namespace

Result<void> check(std::string_view text, size_t max_depth) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<Ignore> parser(options);
  boost::json::error_code error;
  size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error == boost::json::error::too_deep) return fail(Code::kBadRequest, concat("nested deeper than ", max_depth, " levels"));
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (error) return fail(Code::kBadRequest, error.message());
  return {};
}

}  // namespace serin::json
