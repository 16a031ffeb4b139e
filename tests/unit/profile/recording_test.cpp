// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/recording.hpp"
#include "make.hpp"
#include "support/catch.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace flyball;
using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::ContainsSubstring;

namespace {

using Bytes = std::vector<std::byte>;

class RecordingDir {
public:
    RecordingDir()
    {
        std::string name = (std::filesystem::temp_directory_path() / "flyball-recording-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~RecordingDir() { std::filesystem::remove_all(path_); }
    RecordingDir(const RecordingDir&) = delete;
    RecordingDir& operator=(const RecordingDir&) = delete;
    [[nodiscard]] std::string file(const std::string& name = "r.fly") const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

Bytes load_bytes(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

class Tee final : public stream::Sink {
public:
    Tee(stream::Sink& a, stream::Sink& b) : a_(a), b_(b) {}
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        a_.on_batch(header, events);
        b_.on_batch(header, events);
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        a_.on_control(bytes);
        b_.on_control(bytes);
    }

private:
    stream::Sink &a_, &b_;
};

// Values that a careless format would change: all 64 bits, names that are no UTF-8.
Meta full_meta()
{
    Meta meta = v2_meta();
    meta.flyball_version = "0.1";
    meta.host = "h\xff\xfe";
    meta.kernel = "6.1.0";
    meta.arch = "x86_64";
    meta.cpus = 4'000'000'000U;
    meta.start_ns = (1ULL << 63) + 1;
    meta.start_wall_ns = ~0ULL;
    meta.command = "sh -c \"x\"\n\t\x01";
    meta.coverage = {{"cpu.wait", true, "tp_btf/sched_switch", "note", ""}, {"memory.high", false, "", "why", "do"}};
    meta.warnings = {"first"};
    meta.hierarchy["io"] = -1;
    return meta;
}

std::vector<KnownCgroup> full_known()
{
    return {{0, 10, "/a"}, {0, (1ULL << 53) + 1, "/big"}, {-1, 10, "/io\xc3\x28"}};
}

Closing full_closing()
{
    Closing closing;
    closing.end_ns = ~0ULL - 1;
    fold(closing.folded, 10, FB_M_CPU_WAIT, 77);
    fold_count(closing.folded, 10, FB_M_WAKEUPS, ~0ULL, (1ULL << 53) + 1);
    closing.programs = {{FB_P_SWITCH, 0, (1ULL << 60) + 3, 0, 1, 2, 3}};
    closing.recursion_misses = {{"on_switch", ~0ULL}};
    KernelCounters first;
    first.throttled_ns = 0;
    first.cpu_quota_ns = ~0ULL;
    first.cpu_period_ns = (1ULL << 53) + 1;
    first.memory_events = {{"oom", 1}};
    first.pressure_us = {{"cpu.some", (1ULL << 53) + 1}};
    KernelCounters last = first;
    last.io_wios = ~0ULL;
    closing.counters = {{"/a", first, last, false}, {"/big", {}, last, true}};
    fb_task_record task{};
    task.tid = 7;
    task.cpu_cgroup_id = (1ULL << 53) + 1;
    task.run_ns = 1;
    std::memcpy(task.comm,
                "\xff"
                "23456789abcdefg",
                16);
    closing.tasks_first = {task};
    task.run_ns = ~0ULL;
    closing.tasks_last = {task};
    closing.warnings = {"last"};
    return closing;
}

void play(stream::Sink& sink, int batches = 3)
{
    control(sink, cgroup(FB_CG_MKDIR, 20, "/new"));
    for (int i = 0; i < batches; ++i) {
        const auto n = static_cast<std::uint64_t>(i);
        send(sink, {wait(10, 5 + n), wait((1ULL << 53) + 1, 1ULL << 40), charge(20, 4096), selftest(99, n)}, 1, n);
    }
    control(sink, decision(10, 1000, 5));
    control(sink, policy(10, 10, 1001, 5));
    control(sink, oom_task(FB_EV_OOM_SIGKILL, 10, 1002, 5));
    control(sink, oom_task(FB_EV_OOM_VICTIM, 10, 1003, 5));
    send(sink, {}, 1, static_cast<std::uint64_t>(batches) + 4);
    fb_hdr odd = header(FB_EV_CONTROL_MAX + 1, FB_P_CGROUP, 0);
    odd.size = 27;
    std::byte raw[27]{};  // a length that needs padding
    std::memcpy(raw, &odd, sizeof odd);
    sink.on_control(raw);
}

// A recording of `batches` and the live Snapshot of the same.
Snapshot record(const std::string& path, int batches = 3, bool flush = true)
{
    Accumulator accumulator(full_meta(), full_known());
    auto writer = RecordingWriter::create(path, full_meta(), full_known());
    REQUIRE(writer);
    Tee tee(accumulator, *writer);
    play(tee, batches);
    if (flush)
        REQUIRE(writer->flush());
    send(tee, {wait(10, 1)}, 0, 1);
    REQUIRE(writer->close(full_closing()));
    CHECK(writer->bytes_written() == std::filesystem::file_size(path));
    return std::move(accumulator).finish(full_closing());
}

Error error_of(const Bytes& bytes)
{
    auto result = replay(bytes);
    REQUIRE_FALSE(result);
    return result.error();
}

void put32(Bytes& bytes, std::size_t at, std::uint32_t value)
{
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

TEST_CASE("recording: replay is the live run, twice the same")
{
    const RecordingDir dir;
    const Snapshot live = record(dir.file());
    const auto once = replay(dir.file());
    const auto twice = replay(load_bytes(dir.file()));
    REQUIRE(once);
    REQUIRE(twice);
    CHECK(*once == live);
    CHECK(*twice == live);
    CHECK(live.loss.sequence_gaps == 4);
    CHECK(live.meta.host == "h\xff\xfe");
    CHECK(live.tasks.at(0).our_run_ns == ~0ULL - 1);
    CHECK(live.counters.at(1).last->io_wios == ~0ULL);
    CHECK(once->counters.at(0).first->cpu_quota_ns == ~0ULL);
    CHECK(once->counters.at(0).first->cpu_period_ns == (1ULL << 53) + 1);
    CHECK_FALSE(once->counters.at(0).first->cpu_burst_ns);
    CHECK(live.ooms.at(0).victims.size() == 1);
    CHECK_FALSE(live.incomplete);
}

TEST_CASE("recording: many chunks, compressed")
{
    const RecordingDir dir;
    const Snapshot live = record(dir.file(), 5000, false);
    const auto replayed = replay(dir.file());
    REQUIRE(replayed);
    CHECK(*replayed == live);
    CHECK(std::filesystem::file_size(dir.file()) < 5000 * 300 / 4);
}

TEST_CASE("recording: events that do not compress")
{
    const RecordingDir dir;
    Accumulator accumulator(v2_meta(), {});
    auto writer = RecordingWriter::create(dir.file(), v2_meta(), {});
    REQUIRE(writer);
    Tee tee(accumulator, *writer);
    std::mt19937_64 random(5);
    for (int i = 0; i < 2000; ++i) {
        fb_selftest e{};
        e.hdr = header(FB_EV_SELFTEST, FB_P_SELFTEST, random() % 8, random());
        e.value = random();
        e.seq = random();
        for (auto& pad : e.pad)
            pad = random();
        send(tee, {event(e)});
    }
    REQUIRE(writer->close({}));
    const auto replayed = replay(dir.file());
    REQUIRE(replayed);
    CHECK(*replayed == std::move(accumulator).finish({}));
}

TEST_CASE("recording: filters given at replay replace its own")
{
    const RecordingDir dir;
    record(dir.file());
    const auto filtered = replay(dir.file(), {.salvage = false, .filters = {"/big"}});
    REQUIRE(filtered);
    REQUIRE(filtered->cgroups.size() == 1);
    CHECK(filtered->cgroups[0].path == "/big");
    CHECK(filtered->meta.filters == std::vector<std::string>{"/big"});
    CHECK(filtered->ooms.empty());
}

TEST_CASE("recording: replay_into gives the records in file order")
{
    const RecordingDir dir;
    record(dir.file());
    const Bytes bytes = load_bytes(dir.file());
    auto copy = RecordingWriter::create(dir.file("copy"), full_meta(), full_known());
    REQUIRE(copy);
    REQUIRE(replay_into(bytes, *copy));
    REQUIRE(copy->close(full_closing()));
    CHECK(replay(dir.file("copy")).value() == replay(dir.file()).value());
}

TEST_CASE("recording: cut at every byte")
{
    const RecordingDir dir;
    record(dir.file());
    const Bytes whole = load_bytes(dir.file());
    std::size_t salvaged = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const std::span cut = std::span(whole).first(length);
        CAPTURE(length);
        const auto refused = replay(cut);
        REQUIRE_FALSE(refused);
        REQUIRE(refused.error().kind == ErrorKind::Usage);
        REQUIRE_THAT(refused.error().what, ContainsSubstring("byte " + std::to_string(length)));
        const auto rescued = replay(cut, {.salvage = true, .filters = {}});
        if (!rescued)
            continue;
        ++salvaged;
        REQUIRE(rescued->incomplete);
        REQUIRE(rescued->incomplete_why == refused.error().what);
        REQUIRE_THAT(refused.error().hint, ContainsSubstring("--salvage"));
    }
    CHECK(salvaged > whole.size() / 4);
    const auto last = replay(std::span(whole).first(whole.size() - 1), {.salvage = true, .filters = {}});
    Snapshot full = replay(whole).value();
    full.incomplete = true;
    full.incomplete_why = last->incomplete_why;
    CHECK(*last == full);  // only the end mark is missing
}

TEST_CASE("recording: salvage keeps what was flushed")
{
    const RecordingDir dir;
    auto writer = RecordingWriter::create(dir.file(), v2_meta(), {{{0, 10, "/a"}}});
    REQUIRE(writer);
    fb_event event = wait(10, 7);
    event.hdr.ts_ns = 55;
    send(*writer, {event});
    REQUIRE(writer->flush());
    send(*writer, {wait(10, 100)});  // lost with the crash
    const auto rescued = replay(dir.file(), {.salvage = true, .filters = {}});
    REQUIRE(rescued);
    CHECK(rescued->incomplete);
    CHECK(sum_of(*rescued, "/a", FB_M_CPU_WAIT) == 7);
    CHECK(rescued->meta.end_ns == 55);
    const auto refused = replay(dir.file());
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().what, ContainsSubstring(dir.file()) && ContainsSubstring("the end mark is missing"));
}

TEST_CASE("recording: a flipped bit is noticed in each byte")
{
    const RecordingDir dir;
    record(dir.file());
    Bytes bytes = load_bytes(dir.file());
    // What a checksum covers, which notices all bits alike, is tried with one of each byte; the file's header with all.
    constexpr std::size_t kHeader = 64;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (std::size_t bit = at < kHeader ? 0 : at % 8; bit < (at < kHeader ? 8 : at % 8 + 1); ++bit) {
            const auto mask = static_cast<std::byte>(1U << bit);
            bytes[at] ^= mask;
            CAPTURE(at, bit);
            const auto refused = replay(bytes);
            REQUIRE_FALSE(refused);
            REQUIRE(refused.error().kind == ErrorKind::Usage);
            if (bit == at % 8)
                static_cast<void>(replay(bytes, {.salvage = true, .filters = {}}));
            bytes[at] ^= mask;
        }
    }
}

TEST_CASE("recording: foreign, newer, older and empty files")
{
    const RecordingDir dir;
    record(dir.file());
    Bytes bytes = load_bytes(dir.file());
    CHECK_THAT(error_of({}).what, ContainsSubstring("not a flyball recording"));
    const std::string foreign = "\x7f"
                                "ELF\x02\x01\x01";
    const auto elf = std::as_bytes(std::span(foreign));
    CHECK_THAT(error_of({elf.begin(), elf.end()}).what, ContainsSubstring("not a flyball recording"));

    put32(bytes, 8, 7);
    const Error newer = error_of(bytes);
    CHECK_THAT(newer.what, ContainsSubstring("made by a newer flyball: format 7, this one reads up to 2"));
    CHECK_FALSE(newer.hint.empty());
    put32(bytes, 8, 0);
    CHECK_THAT(error_of(bytes).what, ContainsSubstring("byte 8"));
    put32(bytes, 8, 1);
    put32(bytes, 12, FB_ABI_VERSION + 1);
    CHECK_THAT(error_of(bytes).what, ContainsSubstring("newer flyball: wire version"));
    put32(bytes, 12, FB_ABI_VERSION - 1);
    CHECK_THAT(error_of(bytes).what, ContainsSubstring("byte 12"));
    put32(bytes, 12, FB_ABI_VERSION);
    CHECK(replay(bytes));
    bytes.push_back(std::byte{0});
    CHECK_THAT(error_of(bytes).what, ContainsSubstring("after the end mark"));
}

TEST_CASE("recording: a chunk cut out of the middle is missed")
{
    const RecordingDir dir;
    record(dir.file());
    Bytes bytes = load_bytes(dir.file());
    const auto chunk_end = [&](std::size_t at) {
        std::uint64_t stored = 0;
        std::memcpy(&stored, bytes.data() + at + 8, sizeof stored);
        return at + 32 + stored;
    };
    const std::size_t first = chunk_end(16), second = chunk_end(first);
    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(first),
                bytes.begin() + static_cast<std::ptrdiff_t>(second));
    CHECK_THAT(error_of(bytes).what, ContainsSubstring("5 chunks") || ContainsSubstring("chunks were written"));
}

TEST_CASE("recording: paths that cannot be read or written")
{
    const RecordingDir dir;
    const auto missing = replay(dir.file("nowhere"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == ErrorKind::Usage);
    CHECK_THAT(missing.error().what, ContainsSubstring("nowhere"));
    const auto directory = replay(dir.file(""));
    REQUIRE_FALSE(directory);
    CHECK(directory.error().kind == ErrorKind::Usage);
    const auto unwritable = RecordingWriter::create(dir.file("no/such/dir"), v2_meta(), {});
    REQUIRE_FALSE(unwritable);
    CHECK(unwritable.error().kind == ErrorKind::Usage);
}

TEST_CASE("recording: a disk that is full at the start")
{
    if (!std::filesystem::exists("/dev/full"))
        FB_SKIP("needs /dev/full");
    const auto writer = RecordingWriter::create("/dev/full", v2_meta(), {});
    REQUIRE_FALSE(writer);
    CHECK(writer.error().kind == ErrorKind::Io);
    CHECK_THAT(writer.error().what, ContainsSubstring("No space left on device"));
}

TEST_CASE("recording: a disk that fills up on the way")
{
    const RecordingDir dir;
    auto writer = RecordingWriter::create(dir.file(), v2_meta(), {});
    REQUIRE(writer);
    // A file size limit stands in for the disk.
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{writer->bytes_written() + 100, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    Accumulator accumulator(v2_meta(), {{0, 10, "/a"}});
    Tee tee(accumulator, *writer);
    std::mt19937_64 random(6);
    for (int i = 0; i < 10'000; ++i)
        send(tee, {wait(10, random())});
    const auto flushed = writer->flush();
    const auto closed = writer->close({});
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);

    REQUIRE_FALSE(flushed);
    REQUIRE_FALSE(closed);
    CHECK(closed.error().kind == ErrorKind::Io);
    CHECK_THAT(closed.error().what, ContainsSubstring(dir.file()) && ContainsSubstring("byte "));
    CHECK(find(std::move(accumulator).finish({}), "/a")->of(FB_M_CPU_WAIT).count() == 10'000);
    CHECK(replay(dir.file(), {.salvage = true, .filters = {}}));
}

TEST_CASE("recording: closing twice, moving, and what no sink is given")
{
    const RecordingDir dir;
    auto writer = RecordingWriter::create(dir.file(), v2_meta(), {});
    REQUIRE(writer);
    RecordingWriter moved = std::move(*writer);
    REQUIRE(moved.close({}));
    REQUIRE(moved.close({}));
    CHECK(replay(dir.file()));

    auto broken = RecordingWriter::create(dir.file("b"), v2_meta(), {});
    REQUIRE(broken);
    broken->on_control({});
    CHECK(broken->close({}).error().kind == ErrorKind::Internal);
}

TEST_CASE("recording: many cgroups with long names")
{
    const RecordingDir dir;
    std::vector<KnownCgroup> known;
    for (std::uint64_t i = 1; i <= 20'000; ++i)
        known.push_back({0, i, "/" + std::string(200, 'x') + std::to_string(i)});
    auto writer = RecordingWriter::create(dir.file(), v2_meta(), known);
    REQUIRE(writer);
    send(*writer, {wait(20'000, 3)});
    REQUIRE(writer->close({}));
    const auto replayed = replay(dir.file());
    REQUIRE(replayed);
    CHECK(sum_of(*replayed, known.back().path, FB_M_CPU_WAIT) == 3);
}
