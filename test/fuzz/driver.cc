/// The `main` of every fuzz target: g++ has no libFuzzer.
///
///   fuzz_NAME [--seed N] [--seconds N] [--runs N] [--max-length BYTES] [--dictionary FILE] PATH...
///
/// Runs each PATH (a file, or all files of a directory), then mutates what it has read until `--seconds` (default 3) or
/// `--runs` are over, whichever is first; `--runs 0` mutates nothing. One seed gives one sequence of inputs. An input
/// that crashes the target, or that it takes longer than 20 s over, is written to ./fuzz-failure and named; give
/// that file as PATH to see it again. Status 0: nothing was found.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

namespace {

constexpr unsigned kHangSeconds = 20;
constexpr const char* kFailurePath = "fuzz-failure";

struct Settings {
  uint64_t seed = 1;
  double seconds = 3;
  uint64_t runs = UINT64_MAX;
  size_t max_length = 4096;
  std::string dictionary;
  std::vector<std::string> paths;
};

// What is being run, for the signal handler.
const uint8_t* current_data = nullptr;
size_t current_size = 0;

/// Async-signal-safe.
void save_current() {
  int fd = open(kFailurePath, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd >= 0) {
    [[maybe_unused]] ssize_t written = write(fd, current_data, current_size);
    close(fd);
  }
  constexpr char kText[] = "fuzz: the input that did this is in ./fuzz-failure\n";
  [[maybe_unused]] ssize_t told = write(STDERR_FILENO, kText, sizeof kText - 1);
}

void on_signal(int number) {
  save_current();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void run(const std::string& input) {
  // A copy of its exact size, so that the address sanitizer sees a read past the end.
  std::vector<uint8_t> bytes(input.begin(), input.end());
  current_data = bytes.data();
  current_size = bytes.size();
  alarm(kHangSeconds);
  LLVMFuzzerTestOneInput(current_data, current_size);
  alarm(0);
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--seed N] [--seconds N] [--runs N] [--max-length BYTES] [--dictionary FILE] PATH...\n", program);
  std::exit(2);
}

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    if (!flag.starts_with("--")) {
      settings.paths.push_back(flag);
      continue;
    }
    if (++i >= argc) usage(argv[0]);
    if (flag == "--seed") settings.seed = std::strtoull(argv[i], nullptr, 10);
    else if (flag == "--seconds") settings.seconds = std::strtod(argv[i], nullptr);
    else if (flag == "--runs") settings.runs = std::strtoull(argv[i], nullptr, 10);
    else if (flag == "--max-length") settings.max_length = std::strtoull(argv[i], nullptr, 10);
    else if (flag == "--dictionary") settings.dictionary = argv[i];
    else usage(argv[0]);
  }
  return settings;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(2);
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// In the order of their names, so that a seed means the same everywhere.
std::vector<std::string> read_corpus(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::filesystem::path> inside;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.is_regular_file()) inside.push_back(entry.path());
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  std::vector<std::string> corpus;
  for (const auto& file : files) corpus.push_back(contents(file));
  return corpus;
}

/// One word a line; \n, \r, \t, \\ and \xNN stand for bytes; lines that begin with # are comments.
std::vector<std::string> read_dictionary(const std::string& path) {
  std::vector<std::string> words;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::string word;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '\\' || i + 1 == line.size()) {
        word += line[i];
        continue;
      }
      char escape = line[++i];
      if (escape == 'x' && i + 2 < line.size()) {
        word += static_cast<char>(std::strtol(line.substr(i + 1, 2).c_str(), nullptr, 16));
        i += 2;
      } else {
        word += escape == 'n' ? '\n' : escape == 'r' ? '\r' : escape == 't' ? '\t' : escape;
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

class Mutator {
 public:
  Mutator(const Settings& settings, std::vector<std::string> corpus, std::vector<std::string> words)
      : random_(settings.seed), max_length_(settings.max_length), corpus_(std::move(corpus)), words_(std::move(words)) {}

  std::string next() {
    std::string text = corpus_[below(corpus_.size())];
    for (size_t i = 0, changes = size_t{1} << below(5); i < changes; ++i) change(text);
    if (text.size() > max_length_) text.resize(max_length_);
    return text;
  }

 private:
  // Not std::uniform_int_distribution, whose numbers differ between libraries.
  size_t below(size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(random_() % bound); }
  char byte() { return static_cast<char>(random_()); }

  void change(std::string& text) {
    size_t at = below(text.size() + 1);
    size_t length = 1 + below(std::min<size_t>(text.size() - at, below(8) == 0 ? 256 : 8));
    switch (below(9)) {
      case 0: if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
      case 1: if (at < text.size()) text[at] = byte(); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, 1 + below(below(16) == 0 ? 64 : 2), byte()); break;
      case 4: text.insert(below(text.size() + 1), text.substr(at, length)); break;
      case 5: splice(text, at); break;
      case 6: if (!words_.empty()) text.insert(at, words_[below(words_.size())]); break;
      case 7: if (!words_.empty()) text.replace(at, std::min(length, text.size() - at), words_[below(words_.size())]); break;
      case 8: number(text, at); break;
    }
  }

  /// The beginning of this one and the end of another.
  void splice(std::string& text, size_t at) {
    const std::string& other = corpus_[below(corpus_.size())];
    text.resize(at);
    text += other.substr(below(other.size() + 1));
  }

  /// Numbers are where limits are.
  void number(std::string& text, size_t at) {
    static constexpr const char* kNumbers[] = {"0", "-1", "1", "127", "255", "256", "65535", "65536", "2147483647",
                                               "2147483648", "4294967295", "4294967296", "9223372036854775807",
                                               "9223372036854775808", "18446744073709551616", "1e400", "0x7f", "007"};
    size_t from = text.find_first_of("0123456789", at);
    if (from == std::string::npos) return;
    size_t end = text.find_first_not_of("0123456789", from);
    text.replace(from, (end == std::string::npos ? text.size() : end) - from, kNumbers[below(std::size(kNumbers))]);
  }

  std::mt19937_64 random_;
  const size_t max_length_;
  const std::vector<std::string> corpus_, words_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings = parse(argc, argv);
  for (int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) std::signal(number, on_signal);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_current);

  std::vector<std::string> corpus = read_corpus(settings.paths);
  for (const std::string& input : corpus) run(input);
  size_t kept = corpus.size();
  corpus.emplace_back();
  Mutator mutator(settings, std::move(corpus), settings.dictionary.empty() ? std::vector<std::string>{}
                                                                           : read_dictionary(settings.dictionary));
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings.seconds));
  uint64_t runs = 0;
  for (; runs < settings.runs && Clock::now() < end; ++runs) run(mutator.next());
  std::printf("%zu inputs of the corpus, %llu mutations, seed %llu: nothing found\n", kept,
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(settings.seed));
  return 0;
}
