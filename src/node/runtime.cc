#include "node/runtime.h"

namespace serin::node {

size_t stop_all(Runtime& runtime, Duration grace) {
  size_t running = 0;
  for (const Sandbox& sandbox : runtime.list())
    for (const ContainerRecord& record : sandbox.containers)
      if (record.state == ContainerRecord::State::kRunning) {
        ++running;
        (void)runtime.stop(record.id, grace);
      }
  return running;
}

}  // namespace serin::node
