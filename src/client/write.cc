#include "client/write.h"

namespace serin::client {
namespace {

NamespacedName key_of(const Object& object) { return object.key(); }

}  // namespace

Write create(const Resource& resource, Object object, std::string why) {
  Write write{Write::Verb::kCreate, resource, key_of(object), std::move(object)};
  write.why = std::move(why);
  return write;
}

Write update(const Resource& resource, Object object, std::string why) {
  Write write{Write::Verb::kUpdate, resource, key_of(object), std::move(object)};
  write.why = std::move(why);
  return write;
}

Write merge_patch(const Resource& resource, const NamespacedName& name, json::value body,
                  std::string why) {
  Write write{Write::Verb::kPatch, resource, name, {}};
  write.patch = {Patch::Type::kMerge, std::move(body)};
  write.why = std::move(why);
  return write;
}

Write json_patch(const Resource& resource, const NamespacedName& name, json::value body,
                 std::string why) {
  Write write{Write::Verb::kPatch, resource, name, {}};
  write.patch = {Patch::Type::kJson, std::move(body)};
  write.why = std::move(why);
  return write;
}

Write patch_status(const Resource& resource, const NamespacedName& name, json::value status,
                   std::string why) {
  Write write = merge_patch(resource, name, json::object{{"status", std::move(status)}}, std::move(why));
  write.options.subresource = "status";
  return write;
}

Write remove(const Resource& resource, const NamespacedName& name, std::string why,
             DeleteOptions options) {
  Write write{Write::Verb::kRemove, resource, name, {}};
  write.remove = std::move(options);
  write.why = std::move(why);
  return write;
}

bool namespace_terminating(const Error& error) {
  if (error.code != Code::kForbidden) return false;
  for (const Cause& cause : error.causes)
    if (cause.reason == "NamespaceTerminating") return true;
  return false;
}

Result<Object> execute(Client& client, const Write& write) {
  switch (write.verb) {
    case Write::Verb::kCreate: return client.create(write.resource, write.object, write.options);
    case Write::Verb::kUpdate: return client.update(write.resource, write.object, write.options);
    case Write::Verb::kPatch:
      return client.patch(write.resource, write.name, write.patch, write.options);
    case Write::Verb::kRemove:
      SERIN_TRY(client.remove(write.resource, write.name, write.remove));
      return Object();
  }
  return fail(Code::kInternal, "unknown verb");
}

Result<void> execute(Client& client, const std::vector<Write>& writes) {
  for (const Write& write : writes) SERIN_TRY(execute(client, write));
  return {};
}

}  // namespace serin::client
