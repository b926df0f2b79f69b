#include "kube/blocker.h"

#include "base/time.h"

namespace serin::kube {

json::value to_json(const Blocker& blocker) {
  json::object out{{"reason", blocker.reason}, {"message", blocker.message}};
  if (!blocker.object.empty()) out["object"] = blocker.object;
  if (blocker.since) out["since"] = format_time(*blocker.since);
  if (!blocker.ends_when.empty()) out["endsWhen"] = blocker.ends_when;
  return out;
}

}  // namespace serin::kube
