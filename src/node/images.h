#pragma once

/// Images are programs of this machine: a table says which command an image stands for. It is an allow-list: what
/// it does not name does not run, whatever command a pod brings. Pure.
///
/// One rule is one line, `PATTERN=COMMAND`. The pattern is a glob over the image as the pod writes it (`*` also
/// crosses '/'); the longest pattern that matches wins. The command is split into words like a shell's, without
/// running one ('single', "double", \ ); it stands for the image's ENTRYPOINT. A word `{args}` is replaced by
/// the container's args, which otherwise follow at the end. An empty command is an image without entrypoint:
/// the pod's own `command` says what runs.
///
/// In the cluster the table is the ConfigMap serin-system/images: each value of `data` holds rules, one a line;
/// empty lines and those that begin with # are skipped. Its keys are names for people.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"

namespace serin::node {

struct ImageRule {
  std::string pattern;
  std::vector<std::string> command;
};

/// "PATTERN=COMMAND"; kInvalid says what is wrong with it.
Result<ImageRule> parse_image_rule(std::string_view line);

class ImageTable {
 public:
  ImageTable() = default;
  /// `first` wins over the ConfigMap's rules where both match.
  explicit ImageTable(std::vector<ImageRule> first) : first_(std::move(first)) {}
  /// Replaces the cluster's rules by those of a ConfigMap's `data` (or null). Returns what is wrong with the
  /// lines that are left out: "key: line 2: ...".
  std::vector<std::string> set_config(const json::value* data);

  /// Null where no pattern matches.
  const ImageRule* find(std::string_view image) const;

 private:
  std::vector<ImageRule> first_, config_;
};

/// The program and its arguments: the rule's command or the container's own, then its args. kInvalid where both
/// commands are empty.
Result<std::vector<std::string>> command_line(const ImageRule& rule, const std::vector<std::string>& command,
                                              const std::vector<std::string>& args);

/// How to map an image, for the event of an unmapped one.
std::string mapping_advice(std::string_view image);

/// Words as a POSIX shell splits them; no expansion of any kind. kInvalid for an open quote.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace serin::node
