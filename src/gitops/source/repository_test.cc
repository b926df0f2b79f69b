#include "gitops/source/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gitops/testing/git_fixture.h"

namespace serin::gitops::source {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::GitRepository;

/// Counts the commands that reach the real runner.
class CountingRunner final : public ProcessRunner {
 public:
  Result<Outcome> run(const Command& command) override {
    ++runs;
    return system_.run(command);
  }
  int runs = 0;

 private:
  SystemProcessRunner system_;
};

/// Every test reads one repository both ways: in place and by URL.
class RepositoryTest : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<Repository> open() {
    return repositories_.open(GetParam() ? "file://" + git_.path() : git_.path()).value();
  }
  static std::vector<std::string> paths(const Result<std::vector<File>>& files) {
    std::vector<std::string> paths;
    if (!files) return {files.error().message};
    for (const File& file : *files) paths.push_back(file.path);
    return paths;
  }
  static std::string first_cause(const Error& error) { return error.causes.empty() ? "" : error.causes[0].reason; }

  CountingRunner runner_;
  VirtualClock clock_;
  GitRepository git_;
  testing::TemporaryDirectory cache_;
  Repositories repositories_{runner_, clock_, cache_.str()};
};

TEST_P(RepositoryTest, ResolvesBranchesTagsAndCommits) {
  git_.write("a.yaml", "a: 1");
  std::string first = git_.commit();
  git_.git({"tag", "light"});
  git_.git({"-c", "user.name=T", "-c", "user.email=t@example.com", "tag", "-m", "x", "annotated"});
  git_.write("a.yaml", "a: 2");
  std::string second = git_.commit();
  git_.git({"branch", "feature/x"});
  auto repository = open();
  auto resolve = [&](const char* revision) { return repository->resolve(revision, Repository::Freshness::kRecent).value(); };
  EXPECT_EQ(resolve(""), second);
  EXPECT_EQ(resolve("HEAD"), second);
  EXPECT_EQ(resolve("main"), second);
  EXPECT_EQ(resolve("feature/x"), second);
  EXPECT_EQ(resolve("refs/heads/main"), second);
  EXPECT_EQ(resolve("light"), first);
  EXPECT_EQ(resolve("annotated"), first);
  EXPECT_EQ(resolve(first.c_str()), first);
  EXPECT_EQ(resolve(first.substr(0, 8).c_str()), first);
  EXPECT_EQ(repository->files(first, ".", {}).value().at(0).bytes, "a: 1");
  EXPECT_EQ(repository->files(second, "", {}).value().at(0).bytes, "a: 2");
  for (const char* missing : {"nothing", "main~1", "@{-1}", "0123456789012345678901234567890123456789", ":/x", "-x"}) {
    auto refused = repository->resolve(missing, Repository::Freshness::kLatest);
    ASSERT_FALSE(refused) << missing;
    EXPECT_EQ(first_cause(refused.error()), kRevisionNotFound) << refused.error().message;
  }
}

TEST_P(RepositoryTest, SeesNewCommitsWhenAskedForTheLatest) {
  git_.commit();
  auto repository = open();
  std::string before = repository->resolve("main", Repository::Freshness::kLatest).value();
  std::string commit = git_.commit();
  EXPECT_NE(before, commit);
  EXPECT_EQ(repository->resolve("main", Repository::Freshness::kLatest).value(), commit);
}

TEST_P(RepositoryTest, SelectsManifests) {
  for (const char* file : {"top.yaml", "app/b.yml", "app/a.json", "app/notes.txt", "app/sub/c.yaml", "app/sub/skip.yaml"})
    git_.write(file, "x: 1");
  std::string commit = git_.commit();
  auto repository = open();
  ASSERT_EQ(repository->resolve("main", Repository::Freshness::kLatest).value(), commit);
  EXPECT_THAT(paths(repository->files(commit, "app", {})), ElementsAre("a.json", "b.yml"));
  EXPECT_THAT(paths(repository->files(commit, "./app/", {.recurse = true})), ElementsAre("a.json", "b.yml", "sub/c.yaml", "sub/skip.yaml"));
  EXPECT_THAT(paths(repository->files(commit, "app", {.recurse = true, .include = "*.yaml", .exclude = "{sub/skip*,x}"})),
              ElementsAre("sub/c.yaml"));
  EXPECT_EQ(repository->tree(commit, "app").value().size(), 40u);
  for (const char* missing : {"nowhere", "top.yaml", "../x"}) {
    auto refused = repository->tree(commit, missing);
    ASSERT_FALSE(refused) << missing;
    EXPECT_EQ(first_cause(refused.error()), kPathNotFound) << missing;
  }
}

TEST_P(RepositoryTest, TreeIdsDependOnContentsOnly) {
  git_.write("app/a.yaml", "x: 1");
  std::string first = git_.commit();
  git_.write("other/b.yaml", "y: 1");
  std::string second = git_.commit();
  auto repository = open();
  repository->resolve(first, Repository::Freshness::kLatest).value();
  repository->resolve(second, Repository::Freshness::kLatest).value();
  EXPECT_EQ(repository->tree(first, "app").value(), repository->tree(second, "app").value());
}

TEST_P(RepositoryTest, SymlinksStayInside) {
  git_.write("shared/base.yaml", "x: 1");
  git_.write("app/own.yaml", "y: 1");
  git_.link("app/link.yaml", "../shared/base.yaml");
  git_.link("app/dangling.yaml", "nowhere.yaml");
  git_.link("app/dir.yaml", "../shared");
  std::string commit = git_.commit();
  auto repository = open();
  repository->resolve("main", Repository::Freshness::kLatest).value();
  auto files = repository->files(commit, "app", {}).value();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path, "link.yaml");
  EXPECT_EQ(files[0].bytes, "x: 1");

  for (const char* target : {"/etc/passwd", "../../outside.yaml", "evil.yaml"}) {
    git_.remove("app/evil.yaml");
    git_.link("app/evil.yaml", target);
    std::string bad = git_.commit();
    repository->resolve("main", Repository::Freshness::kLatest).value();
    auto refused = repository->files(bad, "app", {});
    ASSERT_FALSE(refused) << target;
    EXPECT_THAT(refused.error().message, HasSubstr("evil.yaml: ")) << target;
  }
}

TEST_P(RepositoryTest, BoundsWhatItReads) {
  git_.write("a.yaml", std::string(2000, 'x'));
  git_.write("b.yaml", std::string(2000, 'x'));
  std::string commit = git_.commit();
  std::string url = GetParam() ? "file://" + git_.path() : git_.path();
  for (Limits limits : {Limits{.max_file_bytes = 1000}, Limits{.max_total_bytes = 3000}, Limits{.max_files = 1}}) {
    testing::TemporaryDirectory cache;
    Repositories repositories(runner_, clock_, cache.str(), limits);
    auto repository = repositories.open(url).value();
    repository->resolve("main", Repository::Freshness::kLatest).value();
    EXPECT_TRUE(failed_with(repository->files(commit, "", {}), Code::kTooLarge));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, RepositoryTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "ByUrl" : "InPlace"; });

class RemoteTest : public RepositoryTest {};

TEST_P(RemoteTest, AsksTheServerOncePerInterval) {
  git_.commit();
  auto repository = open();
  repository->resolve("main", Repository::Freshness::kRecent).value();
  int runs = runner_.runs;
  repository->resolve("main", Repository::Freshness::kRecent).value();
  EXPECT_EQ(runner_.runs, runs);
  repository->resolve("main", Repository::Freshness::kLatest).value();
  EXPECT_EQ(runner_.runs, runs + 1);
  clock_.advance(121s);
  repository->resolve("main", Repository::Freshness::kRecent).value();
  EXPECT_EQ(runner_.runs, runs + 2);
}

TEST_P(RemoteTest, FetchesOneCommitOnly) {
  std::string first = git_.commit();
  git_.commit();
  auto repository = open();
  repository->resolve("main", Repository::Freshness::kRecent).value();
  auto cached = std::filesystem::directory_iterator(cache_.str())->path();
  EXPECT_FALSE(GitObjects::open(cached.string()).value()->has_commit(first));
}

TEST_P(RemoteTest, KeepsNoHooks) {
  git_.commit();
  open()->resolve("main", Repository::Freshness::kRecent).value();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::directory_iterator(cache_.str())->path() / "hooks"));
}

INSTANTIATE_TEST_SUITE_P(Ways, RemoteTest, ::testing::Values(true));

TEST(Repositories, SaysWhatItCannotReach) {
  SystemProcessRunner runner;
  VirtualClock clock;
  testing::TemporaryDirectory cache;
  Repositories repositories(runner, clock, cache.str());
  for (const char* bad : {"", "relative/path", "ext::sh -c x", "-oProxyCommand=x:y", "C:x"})
    EXPECT_TRUE(failed_with(repositories.open(bad), Code::kInvalid)) << bad;
  for (std::string url : {std::string("/nowhere/at/all"), cache.str(), std::string("file:///nowhere/at/all"),
                          std::string("http://user:secret@127.0.0.1:1/x.git")}) {
    auto got = repositories.open(url).value()->resolve("main", Repository::Freshness::kLatest);
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    ASSERT_FALSE(got.error().causes.empty());
    EXPECT_EQ(got.error().causes[0].reason, kRepositoryUnreachable);
    EXPECT_THAT(got.error().message, Not(HasSubstr("secret")));
  }
}

TEST(ProcessRunner, ReportsHowProgramsEnd) {
  SystemProcessRunner runner;
  EXPECT_EQ(runner.run({.arguments = {"sh", "-c", "echo out; echo err >&2; exit 3"}}).value().status, 3);
  Outcome outcome = runner.run({.arguments = {"sh", "-c", "printf %s \"$A$HOME\"; echo err >&2"}, .environment = {"A=1", "HOME"}}).value();
  EXPECT_EQ(outcome.out, "1");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(runner.run({.arguments = {"sh", "-c", "kill -9 $$"}}).value().status, 137);
  EXPECT_TRUE(failed_with(runner.run({.arguments = {"no-such-program-here"}}), Code::kNotFound));
  EXPECT_TRUE(failed_with(runner.run({.arguments = {"sleep", "100"}, .timeout = 50ms}), Code::kTimeout));
  EXPECT_TRUE(failed_with(runner.run({.arguments = {"yes"}, .max_output = 1000}), Code::kTooLarge));
}

}  // namespace
}  // namespace serin::gitops::source
