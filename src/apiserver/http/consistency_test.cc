// Many clients at once against the HTTP port and a store on disk, with a restart in between: writers, watchers that drop
// and resume, pages. Judged at the end against a log of all changes, kept by one watch inside the process.
//
// What each client does follows from a seed, which a failure prints; SERIN_TEST_SEED sets it.

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "apiserver/testing/http_fixture.h"
#include "base/strings.h"
#include "data/json.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;

constexpr Duration kPatience = std::chrono::seconds(30);
constexpr std::chrono::seconds kQuitAfter{120};
constexpr size_t kHistory = 600;      // events; less than what is written, so that who stays away meets 410
constexpr Revision kMaxLogLag = 200;  // writers wait for the log, which must not fall out of the history itself
constexpr int kWriters = 4, kOperations = 300, kObjects = 12;
constexpr size_t kOwnWrites = 4;      // the test's: two objects before, one write at each end of the server
const char* const kColors[] = {"red", "green", "blue"};
const std::string kPath = "/clusters/work-1/api/v1/namespaces/default/configmaps";

struct Content {
  Revision revision = 0;
  std::string color, value;
  bool operator==(const Content&) const = default;
};
using State = std::map<std::string, Content>;

/// What a watch or a list is of: everything, one color, or one name.
struct Selection {
  std::string color, name;
  bool takes(const std::string& of, const Content& content) const {
    return (color.empty() || content.color == color) && (name.empty() || of == name);
  }
  std::string query() const {
    if (!color.empty()) return "&labelSelector=color%3D" + color;
    return name.empty() ? "" : "&fieldSelector=metadata.name%3D" + name;
  }
  auto operator<=>(const Selection&) const = default;
};

State part(const State& state, const Selection& selection) {
  State out;
  for (const auto& [name, content] : state)
    if (selection.takes(name, content)) out.emplace(name, content);
  return out;
}

struct Change {
  Revision revision = 0;
  std::string name;
  std::optional<Content> now;  // nullopt: deleted
};

/// An event of a watch in one word: "17 MODIFIED o-3 w0-5".
using Word = std::pair<Revision, std::string>;

Word word(Revision revision, std::string_view type, const std::string& name, const Content& content) {
  return {revision, concat(revision, ' ', type, ' ', name, ' ', content.value)};
}

/// What one watch said between two versions: everything after `from` up to `to`.
struct Segment {
  Selection selection;
  Revision from = 0, to = 0;
  std::vector<Word> words;
};

struct Snapshot {
  Selection selection;
  Revision revision = 0;
  State state;
};

Revision revision_of(const json::value& object) {
  std::string text(json::get_string(object, "metadata", "resourceVersion"));
  return text.empty() ? 0 : std::stoull(text);
}
std::string name_of(const json::value& object) { return std::string(json::get_string(object, "metadata", "name")); }
Content content_of(const json::value& object) {
  return {revision_of(object), std::string(json::get_string(object, "metadata", "labels", "color")),
          std::string(json::get_string(object, "data", "value"))};
}

std::string manifest(const std::string& name, const std::string& color, const std::string& value, Revision expected = 0) {
  json::object metadata{{"name", name}, {"labels", json::object{{"color", color}}}};
  if (expected) metadata["resourceVersion"] = std::to_string(expected);
  return json::dump(json::object{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", metadata},
                                      {"data", json::object{{"value", value}}}});
}

/// Everything that was seen, for the judgement at the end. Safe from any thread.
struct Records {
  std::mutex mutex;
  std::vector<Change> log;          // complete and in order
  std::vector<Change> acknowledged; // writes that were answered with a version
  size_t deletions = 0;             // those acknowledged
  size_t unknown = 0;               // writes whose answer was lost
  std::vector<Segment> segments;
  std::vector<Snapshot> snapshots;
  size_t expired = 0;               // 410s met
};

class ConsistencyTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("SERIN_TEST_SEED");
    seed_ = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    directory_ = std::filesystem::temp_directory_path() / concat("serin-consistency-", seed_);
    std::filesystem::create_directories(directory_);
    ca_ = *net::make_ca("serin-test", clock_.now());
    net::CertificateRequest leaf;
    leaf.common_name = "serin";
    leaf.ip_addresses = {"127.0.0.1"};
    leaf.server = true;
    serving_ = *net::issue(ca_, leaf, clock_.now());
    net::CertificateRequest admin;
    admin.common_name = "admin";
    admin.organizations = {"system:masters"};
    admin.client = true;
    admin_ = *net::issue(ca_, admin, clock_.now());
  }
  void TearDown() override {
    stop_server();
    std::filesystem::remove_all(directory_);
    if (HasFailure()) std::fprintf(stderr, "SERIN_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }

  // -- the server ------------------------------------------------------------------------------------------------

  /// The log is there before anybody can write.
  void start_server() {
    ServerOptions options;
    options.clock = &clock_;
    options.state_directory = directory_.string();
    options.history.max_events = kHistory;
    options.history.min_events = 0;
    options.bookmark_interval = std::chrono::milliseconds(50);
    auto opened = Server::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = *std::move(opened);
    ASSERT_TRUE(server_->add_cluster("work-1"));
    start_log(server_->revision());
    net::ServerOptions listen;
    listen.certificate_pem = serving_.certificate_pem;
    listen.key_pem = serving_.key_pem;
    listen.client_ca_pem = ca_.certificate_pem;
    auto started = net::HttpServer::start(std::move(listen), server_->http_handler());
    ASSERT_TRUE(started) << started.error().message;
    http_server_ = *std::move(started);
    std::lock_guard lock(mutex_);
    port_ = http_server_->port();
    changed_.notify_all();
  }
  /// HTTP ends first, then the log catches up with what was committed, then the store is closed. One last write stands
  /// behind those whose clients are gone.
  void stop_server() {
    {
      std::lock_guard lock(mutex_);
      port_ = 0;
    }
    http_server_.reset();
    if (log_thread_.joinable()) {
      auto client = server_->client("work-1", "last");
      if (!client->get(kConfigMaps, {"default", "last"})) EXPECT_TRUE(client->create(kConfigMaps, config_map("last")));
      else EXPECT_TRUE(client->update(kConfigMaps, config_map("last", "2")));
      Revision last = server_->revision();
      wait([&] { return logged_ >= last || broken_; });
      log_over_ = true;
      log_thread_.join();
      log_over_ = false;
    }
    server_.reset();
  }
  /// Follows the store from inside, from `from` on.
  void start_log(Revision from) {
    logged_ = from;
    log_thread_ = std::thread([this, from] {
      auto client = server_->client("work-1", "log");
      client::WatchOptions options;
      options.ns = "default";
      options.from = kube::ResourceVersion{from};
      auto watch = client->watch(kConfigMaps, options);
      while (watch && !log_over_) {
        auto event = (*watch)->next(clock_.now() + std::chrono::milliseconds(20));
        if (!event) {
          ADD_FAILURE() << "the log ended: " << event.error().message;
          break;
        }
        if (!*event) continue;
        Change change;
        change.revision = revision_of((*event)->object.doc());
        if ((*event)->type != client::WatchEvent::Type::kBookmark) {
          change.name = name_of((*event)->object.doc());
          if ((*event)->type != client::WatchEvent::Type::kDeleted) change.now = content_of((*event)->object.doc());
          std::lock_guard lock(records_.mutex);
          records_.log.push_back(std::move(change));
        }
        std::lock_guard lock(mutex_);
        logged_ = revision_of((*event)->object.doc());
        changed_.notify_all();
      }
      std::lock_guard lock(mutex_);
      broken_ = broken_ || !log_over_;
      changed_.notify_all();
    });
  }

  template <class Ready>
  bool wait(Ready ready) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kQuitAfter, ready);
  }
  void done_one() {
    std::lock_guard lock(mutex_);
    ++operations_;
    changed_.notify_all();
  }

  // -- clients ---------------------------------------------------------------------------------------------------

  /// One client: its connections, and what it does by chance.
  class Actor {
   public:
    Actor(ConsistencyTest& test, int id) : test_(test), records_(test.records_), random_(test.seed_ * 1000 + id), id_(id) {}

    size_t chance(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
    bool one_in(size_t n) { return chance(n) == 0; }

    net::HttpClient& http() {
      while (!http_) {
        net::ClientOptions options;
        options.host = "127.0.0.1";
        test_.wait([&] { return test_.port_ != 0; });
        options.port = test_.port_;
        options.ca_pem = test_.ca_.certificate_pem;
        options.certificate_pem = test_.admin_.certificate_pem;
        options.key_pem = test_.admin_.key_pem;
        options.retry_stale = false;
        http_ = *net::HttpClient::create(std::move(options));
      }
      return *http_;
    }
    void disconnect() { http_.reset(); }

    static net::Request request(const std::string& method, const std::string& path, const std::string& query = {},
                                std::string body = {}, const std::string& type = "application/json") {
      net::Request r;
      r.method = method;
      r.path = path;
      r.query = query;
      r.body = std::move(body);
      if (!r.body.empty()) r.headers.set("Content-Type", type);
      return r;
    }
    /// Null where the connection was lost; the next one is a new one.
    std::optional<net::Response> send(const net::Request& request) {
      auto response = http().send(request, kPatience);
      if (response) return *std::move(response);
      disconnect();
      return std::nullopt;
    }

    // A writer.
    void write() {
      for (int i = 0; i < kOperations; ++i) {
        test_.wait([&] { return test_.broken_ || test_.last_ack_ < test_.logged_ + kMaxLogLag; });
        write_one(concat("w", id_, '-', i));
        test_.done_one();
      }
    }

    /// Keeps two objects in step, the first always changed first: at every revision it is level or one ahead.
    void keep_pair() {
      for (int n = 1; !test_.writers_done_; ++n)
        for (const char* name : {"pair-a", "pair-b"}) {
          for (;;) {
            auto response = send(request("PUT", kPath + "/" + name, "", manifest(name, "blue", std::to_string(n))));
            if (response && response->status == 200) {
              acknowledge(*response);
              break;
            }
            if (response) ADD_FAILURE() << "the pair was answered with " << response->status << response->body;
            if (response || test_.broken_) return;
            lose();
          }
        }
    }

    // A reader: pages of one state each, never older than the last.
    void read() {
      Revision last = 0;
      while (!test_.writers_done_) {
        auto snapshot = list({}, 1 + chance(6));
        if (!snapshot) continue;
        EXPECT_GE(snapshot->revision, last) << "a list went back in time";
        last = snapshot->revision;
        int ahead = std::atoi(snapshot->state["pair-a"].value.c_str()) - std::atoi(snapshot->state["pair-b"].value.c_str());
        EXPECT_TRUE(ahead == 0 || ahead == 1) << "the pages are of different states: " << ahead;
      }
    }

    /// Follows a selection through drops, 410s and the restart; ends when it has seen the final version.
    void watch(const Selection& selection, bool streams_state, bool lazy) {
      State state;
      Revision at = 0;
      bool known = false;
      while (!(known && test_.final_ && at >= test_.final_) && !test_.broken_) {
        if (!known && !streams_state) {
          auto snapshot = list(selection, 1 + chance(8));
          if (!snapshot) continue;
          if (snapshot->revision < at) ADD_FAILURE() << "a list after a watch went back in time";
          state = snapshot->state;
          at = snapshot->revision;
          known = true;
        }
        follow(selection, state, at, known);
        if (lazy && known && one_in(4)) {
          disconnect();
          test_.wait([&] { return test_.final_ || test_.broken_ || test_.logged_ > at + kHistory + 10; });
        }
      }
      if (test_.broken_) return;
      std::lock_guard lock(records_.mutex);
      records_.snapshots.push_back({selection, at, state});
    }

   private:
    void write_one(const std::string& value) {
      std::string name = concat("o-", chance(kObjects)), color = kColors[chance(3)], path = kPath + "/" + name;
      switch (chance(8)) {
        case 0: case 1:
          answered(send(request("POST", kPath, "", manifest(name, color, value))));
          break;
        case 2: case 3: {
          auto now = send(request("GET", path));
          if (!now || now->status != 200) break;
          answered(send(request("PUT", path, "", manifest(name, color, value, content_of(*json::parse(now->body)).revision))));
          break;
        }
        case 4:
          answered(send(request("PUT", path, "", manifest(name, color, value))));
          break;
        case 5: case 6: {
          json::object patch{{"data", json::object{{"value", value}}}};
          if (one_in(2)) patch["metadata"] = json::object{{"labels", json::object{{"color", color}}}};
          answered(send(request("PATCH", path, "", json::dump(patch), "application/merge-patch+json")));
          break;
        }
        default: {
          std::string body;
          if (one_in(2)) {
            auto now = send(request("GET", path));
            if (!now || now->status != 200) break;
            body = json::dump(json::object{{"preconditions", json::object{
                {"resourceVersion", std::to_string(content_of(*json::parse(now->body)).revision)}}}});
          }
          auto response = send(request("DELETE", path, "", body));
          if (!response) lose();
          else if (response->status == 200) {
            std::lock_guard lock(records_.mutex);
            ++records_.deletions;
          } else {
            EXPECT_TRUE(response->status == 404 || response->status == 409) << response->status << response->body;
          }
        }
      }
    }
    void answered(const std::optional<net::Response>& response) {
      if (!response) return lose();
      if (response->status != 200 && response->status != 201) {
        EXPECT_TRUE(response->status == 404 || response->status == 409) << response->status << response->body;
        return;
      }
      Content written = acknowledge(*response);
      std::string name = name_of(*json::parse(response->body));
      auto read = send(request("GET", kPath + "/" + name));
      EXPECT_TRUE(!read || read->status == 404 || content_of(*json::parse(read->body)).revision >= written.revision)
          << "a write was answered and is not there";
    }
    Content acknowledge(const net::Response& response) {
      json::value object = *json::parse(response.body);
      Content content = content_of(object);
      {
        std::lock_guard lock(records_.mutex);
        records_.acknowledged.push_back({content.revision, name_of(object), content});
      }
      std::lock_guard lock(test_.mutex_);
      test_.last_ack_ = std::max(test_.last_ack_.load(), content.revision);
      return content;
    }
    void lose() {
      std::lock_guard lock(records_.mutex);
      ++records_.unknown;
    }

    /// All pages; nullopt where the connection or the pages' state went away.
    std::optional<Snapshot> list(const Selection& selection, size_t limit) {
      Snapshot out{selection, 0, {}};
      std::string token;
      do {
        std::string query = concat("limit=", limit, selection.query());
        if (!token.empty()) query += "&continue=" + token;
        auto response = send(request("GET", kPath, query));
        if (!response) return std::nullopt;
        if (response->status == 410) {
          met_410();
          return std::nullopt;
        }
        EXPECT_EQ(response->status, 200) << response->body;
        if (response->status != 200) return std::nullopt;
        json::value page = *json::parse(response->body);
        EXPECT_TRUE(!out.revision || revision_of(page) == out.revision) << "a page is of another state";
        out.revision = revision_of(page);
        for (const json::value& item : json::items(page, "items")) {
          bool fresh = out.state.emplace(name_of(item), content_of(item)).second;
          EXPECT_TRUE(fresh) << name_of(item) << " is in two pages";
        }
        token = std::string(json::get_string(page, "metadata", "continue"));
      } while (!token.empty());
      std::lock_guard lock(records_.mutex);
      records_.snapshots.push_back(out);
      return out;
    }
    void met_410() {
      std::lock_guard lock(records_.mutex);
      ++records_.expired;
    }

    /// One connection of a watch: until it ends, or is dropped by chance.
    void follow(const Selection& selection, State& state, Revision& at, bool& known) {
      std::string query = concat("watch=1&timeoutSeconds=1", selection.query());
      bool initial = !known;
      if (initial) query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
      else query += concat("&resourceVersion=", at);
      if (!initial && (one_in(2) || test_.final_)) query += "&allowWatchBookmarks=true";
      auto stream = http().stream(request("GET", kPath, query), kPatience);
      if (!stream) return disconnect();
      if (stream->head.status != 200) {
        ADD_FAILURE() << "a watch was answered with " << stream->head.status << stream->head.body;
        return;
      }
      Segment segment{selection, at, at, {}};
      State fresh;
      size_t left = test_.final_ || one_in(3) ? SIZE_MAX : 1 + chance(60);
      std::string text;
      while (left > 0) {
        auto piece = stream->body->read(kPatience);
        if (!piece || !*piece) {
          if (piece || piece.error().code != Code::kGone) disconnect();
          break;
        }
        text += **piece;
        size_t end;
        while (left > 0 && (end = text.find('\n')) != std::string::npos) {
          json::value event = *json::parse(text.substr(0, end));
          text.erase(0, end + 1);
          --left;
          std::string type(json::get_string(event, "type"));
          const json::value& object = event.at("object");
          if (type == "ERROR") {
            EXPECT_EQ(json::get_int(object, 0, "code"), 410) << json::dump(event);
            met_410();
            known = false;
            left = 0;
          } else if (type == "BOOKMARK") {
            Revision revision = revision_of(object);
            EXPECT_GE(revision, at) << "a bookmark went back";
            at = revision;
            if (initial && json::get_string(object, "metadata", "annotations", "k8s.io/initial-events-end") == "true") {
              std::lock_guard lock(records_.mutex);
              records_.snapshots.push_back({selection, at, fresh});
              state = fresh;
              known = true;
              initial = false;
              segment.from = at;
            }
            segment.to = at;
          } else if (initial) {
            // What happens while the state is sent may come before the bookmark that closes it.
            Revision before = 0;
            one_event(type, object, fresh, before);
          } else {
            one_event(type, object, state, at);
            segment.words.push_back(word(at, type, name_of(object), content_of(object)));
            segment.to = at;
          }
        }
      }
      std::lock_guard lock(records_.mutex);
      records_.segments.push_back(std::move(segment));
    }
    void one_event(const std::string& type, const json::value& object, State& state, Revision& at) {
      std::string name = name_of(object);
      Content content = content_of(object);
      EXPECT_GT(content.revision, at) << "an event came twice or out of order";
      at = content.revision;
      EXPECT_EQ(type == "ADDED", !state.contains(name)) << type << ' ' << name;
      if (type == "DELETED") state.erase(name);
      else state[name] = content;
    }

    ConsistencyTest& test_;
    Records& records_;
    std::mt19937_64 random_;
    int id_;
    std::unique_ptr<net::HttpClient> http_;
  };

  template <class Does>
  void spawn(Does does) {
    actors_.emplace_back([this, does, id = static_cast<int>(actors_.size())] {
      Actor actor(*this, id);
      does(actor);
    });
  }

  // -- the judgement ---------------------------------------------------------------------------------------------

  /// What a faultless watch of a selection says from the first to the last change, and what every snapshot shows.
  void judge(State state) {
    std::map<Selection, std::vector<Word>> said;
    for (const Segment& segment : records_.segments) said[segment.selection];
    std::sort(records_.snapshots.begin(), records_.snapshots.end(),
              [](const Snapshot& a, const Snapshot& b) { return a.revision < b.revision; });
    auto snapshot = records_.snapshots.begin();
    auto compare_up_to = [&](Revision limit) {
      for (; snapshot != records_.snapshots.end() && snapshot->revision < limit; ++snapshot)
        EXPECT_TRUE(snapshot->state == part(state, snapshot->selection)) << "a state at " << snapshot->revision << " is not what was";
    };
    std::map<Revision, const Change*> by_revision;
    size_t deletions = 0;
    Revision last = 0;
    for (const Change& change : records_.log) {
      EXPECT_GT(change.revision, last) << "the log is out of order";
      last = change.revision;
      compare_up_to(change.revision);
      by_revision[change.revision] = &change;
      auto before = state.find(change.name);
      for (auto& [selection, words] : said) {
        bool was = before != state.end() && selection.takes(change.name, before->second);
        bool is = change.now && selection.takes(change.name, *change.now);
        if (is) words.push_back(word(change.revision, was ? "MODIFIED" : "ADDED", change.name, *change.now));
        else if (was) words.push_back(word(change.revision, "DELETED", change.name, before->second));
      }
      deletions += !change.now;
      if (change.now) state[change.name] = *change.now;
      else state.erase(change.name);
    }
    compare_up_to(~Revision(0));
    size_t compared = 0;
    for (const Segment& segment : records_.segments) {
      const std::vector<Word>& all = said[segment.selection];
      auto begin = std::upper_bound(all.begin(), all.end(), Word(segment.from, "\x7f"));
      auto end = std::upper_bound(begin, all.end(), Word(segment.to, "\x7f"));
      EXPECT_EQ(segment.words, std::vector<Word>(begin, end)) << "between " << segment.from << " and " << segment.to;
      compared += segment.words.size();
    }
    for (const Change& written : records_.acknowledged) {
      auto found = by_revision.find(written.revision);
      ASSERT_TRUE(found != by_revision.end()) << "the write at " << written.revision << " is lost";
      EXPECT_TRUE(found->second->name == written.name && found->second->now == written.now) << written.revision;
    }
    EXPECT_GE(deletions, records_.deletions);
    EXPECT_LE(records_.log.size(), records_.acknowledged.size() + records_.deletions + records_.unknown + kOwnWrites);
    EXPECT_GT(compared, records_.log.size()) << "the watchers saw too little to prove anything";
    EXPECT_GT(records_.expired, 0u);
    RecordProperty("changes", static_cast<int>(records_.log.size()));
    RecordProperty("events", static_cast<int>(compared));
    RecordProperty("snapshots", static_cast<int>(records_.snapshots.size()));
  }

  State state_now() {
    Actor reader(*this, 99);
    auto response = reader.send(Actor::request("GET", kPath));
    State out;
    EXPECT_TRUE(response);
    json::value page = *json::parse(response ? response->body : "null");
    for (const json::value& item : json::items(page, "items")) out[name_of(item)] = content_of(item);
    return out;
  }

  uint64_t seed_ = 0;
  std::filesystem::path directory_;
  SystemClock clock_;
  net::KeyPair ca_, serving_, admin_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<net::HttpServer> http_server_;
  Records records_;
  std::vector<std::thread> actors_;
  std::thread log_thread_;

  std::mutex mutex_;
  std::condition_variable changed_;        // with mutex_, for everything below
  std::atomic<uint16_t> port_ = 0;         // 0: nobody listens
  std::atomic<Revision> logged_ = 0;       // the log is complete up to here
  std::atomic<Revision> last_ack_ = 0;
  std::atomic<Revision> final_ = 0;        // where everybody may stop; 0: not yet
  std::atomic<int> operations_ = 0;        // done by writers
  std::atomic<bool> writers_done_ = false, log_over_ = false, broken_ = false;
};

TEST_F(ConsistencyTest, EverybodySeesTheSameHistory) {
  start_server();
  if (HasFatalFailure()) return;
  {
    Actor setup(*this, 98);
    for (const char* name : {"pair-a", "pair-b"})
      ASSERT_EQ(setup.send(Actor::request("POST", kPath, "", manifest(name, "blue", "0")))->status, 201);
  }
  for (int i = 0; i < kWriters; ++i) spawn([](Actor& actor) { actor.write(); });
  spawn([](Actor& actor) { actor.keep_pair(); });
  for (int i = 0; i < 2; ++i) spawn([](Actor& actor) { actor.read(); });
  for (bool streams : {false, true}) {
    spawn([=](Actor& actor) { actor.watch({}, streams, false); });
    spawn([=](Actor& actor) { actor.watch({}, streams, true); });
    spawn([=](Actor& actor) { actor.watch({"red", ""}, streams, false); });
    spawn([=](Actor& actor) { actor.watch({"", "o-3"}, streams, false); });
  }

  EXPECT_TRUE(wait([&] { return operations_ >= kWriters * kOperations / 2 || broken_; })) << "the writers stand still";
  stop_server();
  start_server();

  EXPECT_TRUE(wait([&] { return operations_ >= kWriters * kOperations || broken_; })) << "the writers stand still";
  writers_done_ = true;
  for (size_t i = 0; i < actors_.size(); ++i)
    if (i < static_cast<size_t>(kWriters) + 3) actors_[i].join();
  {
    std::lock_guard lock(mutex_);
    final_ = server_->revision();
    changed_.notify_all();
  }
  for (size_t i = kWriters + 3; i < actors_.size(); ++i) actors_[i].join();
  const State last = state_now();
  stop_server();

  judge({});
  ASSERT_FALSE(records_.snapshots.empty());
  for (const Snapshot& snapshot : records_.snapshots)
    EXPECT_TRUE(snapshot.revision < final_ || snapshot.state == part(last, snapshot.selection)) << "a watcher's state is not the last";
}

}  // namespace
}  // namespace serin::apiserver
