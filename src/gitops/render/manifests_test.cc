#include "gitops/render/manifests.h"

#include <gtest/gtest.h>

#include "gitops/testing/git_fixture.h"

namespace serin::gitops::render {
namespace {

std::string text_of(const Result<Manifests>& manifests) {
  if (!manifests) return manifests.error().message;
  std::string text;
  for (const Manifest& m : *manifests)
    text += concat(text.empty() ? "" : ", ", m.file, ":", m.line, " ", m.object.kind(), "/", m.object.name());
  return text;
}

TEST(Manifests, ReadsObjectsOfEveryShape) {
  struct Case {
    const char *file, *text, *want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n", "a.yaml:1 Service/x"},
           {"a.yaml", "# c\n---\napiVersion: v1\nkind: A\nmetadata: {name: x}\n---\n---\napiVersion: v1\nkind: B\nmetadata: {name: z}\n",
            "a.yaml:3 A/x, a.yaml:8 B/z"},
           {"a.json", R"({"apiVersion":"v1","kind":"A","metadata":{"name":"x"}})", "a.json:1 A/x"},
           {"l.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: x}}\n- {apiVersion: v1, kind: B, metadata: {name: z}}\n",
            "l.yaml:1 A/x, l.yaml:1 B/z"},
           {"s.yaml", "# +argocd:skip-file-rendering\nnot: an object\n", ""},
           {"e.yaml", "# nothing\n", ""},
           {"a.yaml", "a: [1\n", "a.yaml:2: invalid YAML: column 1: while parsing a flow sequence from line 1: did not find expected ',' or ']'"},
           {"a.json", "{\n  \"a\": }\n", "a.json: "},
           {"a.yaml", "---\nkind: A\nmetadata: {name: x}\n", "a.yaml:2: apiVersion is missing"},
           {"a.yaml", "apiVersion: v1\nmetadata: {name: x}\n", "a.yaml:1: kind is missing"},
           {"a.yaml", "apiVersion: v1\nkind: A\nmetadata: {}\n", "a.yaml:1: metadata.name of this A is missing"},
           {"a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: y}\n",
            "a.yaml:1: metadata.name of this A must be a string, but YAML reads it as true; write it in quotes"},
           {"a.yaml", "- 1\n", "a.yaml:1: an object must be a map with apiVersion, kind and metadata"},
       }) {
    std::string got = text_of(parse_manifests({{c.file, c.text}}));
    if (std::string_view(c.want) == "a.json: ") EXPECT_TRUE(got.starts_with("a.json")) << got;
    else EXPECT_EQ(got, c.want) << c.text;
  }
}

TEST(ManifestCache, RendersOnlyWhatChanged) {
  testing::GitRepository git;
  git.write("app/a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: x}\n");
  git.write("shared.yaml", "apiVersion: v1\nkind: S\nmetadata: {name: one}\n");
  std::string first = git.commit();
  git.write("other/b.yaml", "x");
  std::string second = git.commit();
  source::SystemProcessRunner runner;
  VirtualClock clock;
  source::Repositories repositories(runner, clock, "/nonexistent");
  auto repository = repositories.open(git.path()).value();
  ManifestCache cache(2);
  auto a = cache.render(*repository, first, "app", {}).value();
  EXPECT_EQ(cache.render(*repository, second, "app", {}).value(), a);
  EXPECT_EQ(cache.misses(), 1u);
  cache.render(*repository, second, "app", {.recurse = true}).value();
  EXPECT_EQ(cache.misses(), 2u);

  // A file reached by a symlink may change while the directory's tree does not.
  git.link("app/link.yaml", "../shared.yaml");
  std::string third = git.commit();
  git.write("shared.yaml", "apiVersion: v1\nkind: S\nmetadata: {name: two}\n");
  std::string fourth = git.commit();
  repository->resolve("main", source::Repository::Freshness::kLatest).value();
  EXPECT_EQ(cache.render(*repository, third, "app", {}).value()->at(1).object.name(), "one");
  EXPECT_EQ(cache.render(*repository, fourth, "app", {}).value()->at(1).object.name(), "two");
}

}  // namespace
}  // namespace serin::gitops::render
