#pragma once

/// The rules for options of lists and watches, and the token that pages a list. Pure.

#include <optional>
#include <string>

#include "apiserver/rest/rest.h"

namespace serin::apiserver {

/// `ListOptions.meta.k8s.io "" is invalid: <field>: <message>` (422), as Kubernetes refuses options.
Error invalid_list_option(std::string field, std::string reason, std::string message);

/// kInvalid for combinations of resourceVersion, resourceVersionMatch and continue that make no sense.
Result<void> check_list_options(const ReadOptions&);

/// Where a page ended: what follows is read at the same revision. Opaque to clients.
struct ContinueToken {
  Revision revision = 0;  ///< 0: the latest state, for who carries on after the token's own has expired
  NamespacedName after;

  std::string encode() const;
  static Result<ContinueToken> decode(const std::string& text);
};

/// The 410 for an expired token says what to do; `token` is the one to carry on with, at the price of a list that
/// is not of one state. Empty where `expired` is none.
std::string inconsistent_token(const std::string& expired);
Error expired_token();

}  // namespace serin::apiserver
