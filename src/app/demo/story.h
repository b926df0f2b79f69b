#pragma once

/// The documented story, played on a running system with real requests and told as it goes.

#include <ostream>
#include <string>

#include "app/system.h"

namespace serin::app {

struct StoryOptions {
  std::string repository;
  Duration step_pause = std::chrono::seconds(10);
  int requests_per_second = 200;
};

/// Weight story, then header story. False where something was not as it should be: a lost request, a split that is
/// off by more than chance explains. An error ends it early.
Result<bool> tell_story(System& system, const StoryOptions& options, Clock& clock, std::ostream& out);

}  // namespace serin::app
