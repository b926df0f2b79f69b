#pragma once

/// JSON pointers (RFC 6901), JSON patches (RFC 6902) and merge patches (RFC 7396). Pure.

#include "data/json.h"

namespace serin::json {

/// The value at an RFC 6901 pointer; null where it leads nowhere.
const value* find_pointer(const value& doc, std::string_view pointer);

/// Applies an RFC 6902 patch. All or nothing: on an error `doc` is not what is returned.
/// A failed `test` is kInvalid; a malformed patch or a path that leads nowhere is kInvalid with the operation's
/// index in the message. `copy` operations may grow the document to `kMaxPatchedBytes` at the most (kTooLarge).
Result<value> apply_patch(value doc, const value& patch);
inline constexpr size_t kMaxPatchedBytes = 3 << 20;

/// Applies an RFC 7396 merge patch: null deletes.
void merge_patch(value& doc, const value& patch);

/// The smallest merge patch that turns `from` into `to`; an empty object where they are equal.
/// Lists are replaced whole, as RFC 7396 knows no other way.
value make_merge_patch(const value& from, const value& to);

}  // namespace serin::json
