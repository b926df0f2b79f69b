#pragma once

/// The keys of ServiceAccount tokens: `<state>/pki/tokens/<n>.key`, mode 0600, numbered from 1. All of them verify and
/// the last one signs; it is replaced at the first start after `kSigningPeriod`. None is ever removed, since tokens may
/// live long; to end every token that a key has signed, remove its file and restart.

#include <string>
#include <vector>

#include "base/clock.h"
#include "net/signing_key.h"

namespace serin::app {

inline constexpr auto kSigningPeriod = std::chrono::days(90);

/// The signing key first. Makes what is missing. kForbidden for a file that others may read, kInvalid for one that is
/// no key.
Result<std::vector<net::SigningKey>> load_or_make_token_keys(const std::string& directory, TimePoint now);

}  // namespace serin::app
