#include "node/hooks.h"

#include <algorithm>
#include <vector>

namespace serin::node {

Result<std::optional<Hook>> pre_stop_hook(const json::value& container, const std::string& pod_ip) {
  const json::value* handler = json::find(container, "lifecycle", "preStop");
  if (handler == nullptr || !handler->is_object()) return std::nullopt;
  Hook hook;
  if (json::find(*handler, "sleep") != nullptr) {
    hook.pause = std::chrono::seconds(json::get_int(*handler, 0, "sleep", "seconds"));
  } else {
    hook.check = SERIN_TRY(parse_check(*handler, container, pod_ip));
  }
  return hook;
}

void HookRunner::run(const ContainerId& id, const Hook& hook, Duration timeout,
                     std::function<void(const Outcome&)> done) {
  std::vector<std::thread> over;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || running_.contains(id)) return;
    for (auto item = running_.begin(); item != running_.end();) {
      if (item->second.over) over.push_back(std::move(item->second.thread));
      item = item->second.over ? running_.erase(item) : std::next(item);
    }
    running_[id].thread = std::thread([this, id, hook, timeout, done = std::move(done)] {
      Outcome outcome{true, ""};
      if (hook.check) {
        outcome = checks_.run(*hook.check, id, timeout);
      } else {
        std::unique_lock wait(mutex_);
        clock_.wait_until(wait, wake_, clock_.now() + std::min(hook.pause, timeout), [this] { return stopping_; });
      }
      done(outcome);
      std::lock_guard end(mutex_);
      running_[id].over = true;
    });
  }
  for (std::thread& thread : over) thread.join();
}

void HookRunner::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  // The threads still write to running_: join through references that stay valid.
  for (;;) {
    std::thread thread;
    {
      std::lock_guard lock(mutex_);
      for (auto& [id, item] : running_)
        if (item.thread.joinable()) {
          thread = std::move(item.thread);
          break;
        }
    }
    if (!thread.joinable()) return;
    thread.join();
  }
}

}  // namespace serin::node
