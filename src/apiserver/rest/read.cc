// Get and list: resourceVersion rules, selectors and paging.

#include "apiserver/rest/list_options.h"
#include "apiserver/rest/rest.h"
#include "apiserver/rest/selection.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr size_t kScanChunk = 500;  ///< entries examined at a time while looking for selected ones

Error too_large(Revision asked, Revision current) {
  Error error{Code::kTimeout, concat("Too large resource version: ", asked, ", current: ", current),
              {{"ResourceVersionTooLarge", "Too large resource version", ""}}};
  error.retry_after = std::chrono::seconds(1);
  return error;
}

/// The revision to read at, 0 for the latest.
Result<Revision> read_at(const ReadOptions& options, Revision current) {
  const std::string& version = options.resource_version;
  if (version.empty()) return 0;
  auto number = parse_int<Revision>(version);
  if (!number) return fail(Code::kBadRequest, concat("invalid resource version: \"", version, '"'));
  if (*number > current) return fail(too_large(*number, current));
  return options.resource_version_match == "Exact" ? *number : 0;
}

}  // namespace

Result<EntryPtr> Rest::get(const Target& target, std::string_view resource_version) const {
  if (!resource_version.empty()) {
    auto number = parse_int<Revision>(resource_version);
    if (!number) return fail(Code::kBadRequest, concat("invalid resource version \"", resource_version, '"'));
    if (Revision current = store_.revision(); *number > current) return fail(too_large(*number, current));
  }
  EntryPtr entry = store_.get(target.collection(), target.name);
  if (!entry) return fail(not_found(*target.resource, target.name.name));
  return entry;
}

kube::Object Rest::object(const Target& target, const EntryPtr& entry) const {
  return target.resource->shown(cache_.get(entry));
}

Result<Page> Rest::list(const Target& target, const ReadOptions& options) const {
  auto page = listed(target, options);
  if (failed_with(page, Code::kExpired))
    return fail(options.continue_token.empty() ? Error{Code::kExpired, "The resourceVersion for the provided list is too old.", {}, {}, false}
                                               : expired_token());
  return page;
}

Result<Page> Rest::listed(const Target& target, const ReadOptions& options) const {
  SERIN_TRY(check_list_options(options));
  Selection selection = SERIN_TRY(
      Selection::parse(*target.resource, target.name.ns, options.label_selector, options.field_selector));
  ListQuery query;
  query.ns = selection.ns();
  if (options.continue_token.empty()) {
    query.at = SERIN_TRY(read_at(options, store_.revision()));
  } else {
    ContinueToken token = SERIN_TRY(ContinueToken::decode(options.continue_token));
    if (!options.resource_version.empty() && options.resource_version != "0")
      return fail(Code::kBadRequest, "specifying resource version is not allowed when using continue");
    query.at = token.revision;
    query.after = token.after;
  }
  Page page;
  size_t limit = options.limit > 0 ? size_t(options.limit) : 0;
  if (selection.everything()) {
    query.limit = limit;
    Listing listing = SERIN_TRY(store_.list(target.collection(), query));
    page.revision = listing.revision;
    if (listing.more) {
      page.continue_token = ContinueToken{listing.revision, listing.entries.back()->name}.encode();
      page.remaining = int64_t(listing.remaining);
    }
    page.entries = std::move(listing.entries);
    return page;
  }
  bool one = selection.name() && (query.ns || !target.resource->resource().namespaced) && !query.after;
  if (one) {
    query.name = selection.name();
    if (!query.ns) query.ns = "";
  }
  query.limit = limit == 0 ? 0 : kScanChunk;
  for (;;) {
    Listing listing = SERIN_TRY(store_.list(target.collection(), query));
    page.revision = query.at = listing.revision;  // later chunks are of the same state
    for (size_t i = 0; i < listing.entries.size(); ++i) {
      if (!selection.matches(listing.entries[i], cache_)) continue;
      if (limit != 0 && page.entries.size() == limit) {
        page.continue_token = ContinueToken{page.revision, page.entries.back()->name}.encode();
        return page;
      }
      page.entries.push_back(listing.entries[i]);
    }
    if (!listing.more) return page;
    query.after = listing.entries.back()->name;
  }
}

}  // namespace serin::apiserver
