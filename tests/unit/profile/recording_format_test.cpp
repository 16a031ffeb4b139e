// SPDX-License-Identifier: Apache-2.0
// Files that are whole by every checksum, and wrong all the same: only a hostile or broken
// writer makes them. Built here by hand, from docs/recording.md and not from the writer's code.
#include "flyball/profile/recording.hpp"
#include "make.hpp"
#include "support/catch.hpp"

#include <zlib.h>

using namespace flyball;
using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::ContainsSubstring;

namespace {

constexpr std::uint32_t kMeta = 1, kEvents = 2, kClosing = 3, kEnd = 4;

template <class T>
void put(std::string& out, const T& value)
{
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::uint32_t crc(std::string_view text)
{
    return static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

struct File {
    std::string text{"FLYBALL\0", 8};
    std::uint64_t chunks = 0;

    explicit File(std::uint32_t format = kRecordingFormat)
    {
        put(text, format);
        put(text, std::uint32_t{FB_ABI_VERSION});
    }
    File& chunk(std::uint32_t type, const std::string& body, std::uint32_t flags = 0, std::uint64_t plain = ~0ULL)
    {
        std::string header;
        put(header, type);
        put(header, flags);
        put(header, std::uint64_t{body.size()});
        put(header, plain == ~0ULL ? std::uint64_t{body.size()} : plain);
        put(header, crc(body));
        put(header, crc(header));
        text += header + body;
        ++chunks;
        return *this;
    }
    File& end()
    {
        std::string count;
        put(count, chunks);
        return chunk(kEnd, count);
    }
    [[nodiscard]] Result<Snapshot> read(bool salvage = false) const
    {
        return replay(std::as_bytes(std::span(text)), {.salvage = salvage, .filters = {}});
    }
    [[nodiscard]] std::string refused() const
    {
        const auto result = read();
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::Usage);
        CHECK_THAT(result.error().what, ContainsSubstring("byte "));
        static_cast<void>(read(true));
        return result.error().what;
    }
};

std::string frame(std::uint32_t kind, std::string body, std::int64_t claimed = -1)
{
    std::string record;
    put(record, kind);
    put(record, static_cast<std::uint32_t>(claimed < 0 ? static_cast<std::int64_t>(body.size()) : claimed));
    body.resize((body.size() + 7) & ~std::size_t{7});
    return record + body;
}

std::string batch(std::uint32_t n, std::size_t events)
{
    std::string body;
    put(body, std::uint32_t{0});
    put(body, n);
    body.resize(64 + events * 64);
    return body;
}

File with_events(const std::string& events)
{
    File file;
    file.chunk(kMeta, "{}").chunk(kEvents, events).chunk(kClosing, "{}").end();
    return file;
}

}  // namespace

TEST_CASE("format: the smallest recording")
{
    File file;
    file.chunk(kMeta, "{}").chunk(kClosing, "{}").end();
    REQUIRE(file.read());
    CHECK(file.read()->cgroups.empty());
}

TEST_CASE("format: events by hand")
{
    std::string body = batch(1, 0);
    put(body, wait(10, 5));
    const auto snapshot = with_events(frame(1, body)).read();
    REQUIRE(snapshot);
    CHECK(sum_of(*snapshot, "?0:10", FB_M_CPU_WAIT) == 5);
}

namespace {

std::string deflated(const std::string& plain)
{
    std::string stored(compressBound(plain.size()), '\0');
    uLongf length = stored.size();
    REQUIRE(compress(reinterpret_cast<Bytef*>(stored.data()), &length, reinterpret_cast<const Bytef*>(plain.data()),
                     plain.size()) == Z_OK);
    stored.resize(length);
    return stored;
}

// RFC 8878: a frame of one segment, its content's size in four bytes, and one raw block that is the last.
std::string zstd_frame(const std::string& plain, std::size_t claimed)
{
    std::string frame("\x28\xb5\x2f\xfd\xa0", 5);
    put(frame, static_cast<std::uint32_t>(claimed));
    const auto block = static_cast<std::uint32_t>(plain.size() << 3 | 1);
    for (unsigned byte = 0; byte < 3; ++byte)
        frame += static_cast<char>(block >> 8 * byte);
    return frame + plain;
}

}  // namespace

TEST_CASE("format: events as format 1 had them, and by zstd")
{
    std::string one = batch(1, 0);
    put(one, wait(10, 5));
    const std::string events = frame(1, one);
    const auto sum = [](const File& file) {
        const auto snapshot = file.read();
        REQUIRE(snapshot);
        return sum_of(*snapshot, "?0:10", FB_M_CPU_WAIT);
    };
    const auto around = [&](std::uint32_t format, const std::string& stored, std::uint32_t flags) {
        File file(format);
        file.chunk(kMeta, "{}").chunk(kEvents, stored, flags, events.size()).chunk(kClosing, "{}").end();
        return file;
    };
    CHECK(sum(around(1, deflated(events), 1)) == 5);
    CHECK(sum(around(2, deflated(events), 1)) == 5);
    CHECK(sum(around(2, zstd_frame(events, events.size()), 4)) == 5);
    CHECK_THAT(around(2, zstd_frame(events, events.size() + 8), 4).refused(), ContainsSubstring("to what it cannot"));
    CHECK_THAT(around(2, zstd_frame(events.substr(8), events.size()), 4).refused(),
               ContainsSubstring("does not expand"));
    CHECK_THAT(around(2, events, 4).refused(), ContainsSubstring("to what it cannot"));
    CHECK_THAT(around(2, zstd_frame(events, events.size()), 5).refused(), ContainsSubstring("unknown chunk flags"));
    CHECK_THAT(File().chunk(kMeta, zstd_frame("{}", 2), 4, 2).refused(), ContainsSubstring("unknown chunk flags"));
}

TEST_CASE("format: records that do not fit")
{
    struct Case {
        const char* why;
        std::string events;
    };
    std::string short_control(24, '\0');
    short_control[2] = 25;  // hdr.size
    const Case cases[] = {
        {"cut short", "1234567"},
        {"longer than its chunk", frame(1, batch(1, 1), 1000)},
        {"longer than its chunk", frame(2, std::string(64, '\0'), 0xffffffff)},
        {"without a header", frame(1, std::string(63, '\0'))},
        {"does not fit its number", frame(1, batch(2, 1))},
        {"does not fit its number", frame(1, batch(1, 2))},
        {"does not fit its number", frame(1, batch(32, 32))},
        {"does not fit its number", frame(1, batch(0x04000000, 0))},
        {"unknown kind", frame(9, batch(0, 0))},
        {"a round that is no time", frame(3, batch(0, 0))},
        {"without a header", frame(2, std::string(23, '\0'))},
        {"that is cut short", frame(2, short_control)},
    };
    for (const Case& c : cases) {
        CAPTURE(c.why);
        CHECK_THAT(with_events(c.events).refused(), ContainsSubstring(c.why));
        // A chunk counts as a whole or not at all.
        const auto rescued = with_events(frame(1, batch(1, 1)) + c.events).read(true);
        REQUIRE(rescued);
        CHECK(rescued->incomplete);
        CHECK(rescued->loss.programs.empty());
    }
}

TEST_CASE("format: chunks out of place")
{
    CHECK_THAT(File().chunk(kEvents, "").chunk(kMeta, "{}").refused(), ContainsSubstring("begins with META"));
    CHECK_THAT(File().chunk(kMeta, "{}").chunk(kMeta, "{}").refused(), ContainsSubstring("second META"));
    CHECK_THAT(File().chunk(kMeta, "{}").end().refused(), ContainsSubstring("without CLOSING"));
    File late;
    late.chunk(kMeta, "{}").chunk(kClosing, "{}").chunk(kEvents, "");
    CHECK_THAT(late.refused(), ContainsSubstring("events after CLOSING"));
    File twice;
    twice.chunk(kMeta, "{}").chunk(kClosing, "{}").chunk(kClosing, "{}");
    CHECK_THAT(twice.refused(), ContainsSubstring("second CLOSING"));
    File short_end;
    short_end.chunk(kMeta, "{}").chunk(kClosing, "{}").chunk(kEnd, "1234");
    CHECK_THAT(short_end.refused(), ContainsSubstring("end mark of the wrong length"));
}

TEST_CASE("format: chunk headers that lie")
{
    CHECK_THAT(File().chunk(9, "x").refused(), ContainsSubstring("no chunk is of type 9"));
    CHECK_THAT(File().chunk(kMeta, "{}", 8).refused(), ContainsSubstring("unknown chunk flags"));
    CHECK_THAT(File().chunk(kMeta, "{}", 0, 3).refused(), ContainsSubstring("impossible chunk length"));
    CHECK_THAT(File().chunk(kMeta, "{}", 1, 1ULL << 60).refused(), ContainsSubstring("impossible chunk length"));
    CHECK_THAT(File().chunk(kMeta, "{}", 1, 1U << 20).refused(), ContainsSubstring("to what it cannot"));
    CHECK_THAT(File().chunk(kMeta, "{}", 1, 100).refused(), ContainsSubstring("does not expand"));
}

TEST_CASE("format: what a later version may add")
{
    File file;
    file.chunk(kMeta, R"({"meta":{"host":"h","news":[1]},"more":2})")
        .chunk(77, "whatever", 2)
        .chunk(kClosing, "{}")
        .end();
    const auto snapshot = file.read();
    REQUIRE(snapshot);
    CHECK(snapshot->meta.host == "h");
}

TEST_CASE("format: JSON that is wrong names its field")
{
    const auto meta = [](const std::string& text) { return File().chunk(kMeta, text).refused(); };
    CHECK_THAT(meta("{"), ContainsSubstring("META"));
    CHECK_THAT(meta("[]"), ContainsSubstring("not an object"));
    CHECK_THAT(meta(R"({"meta":{"cpus":4294967296}})"), ContainsSubstring("cpus: not a whole number in range"));
    CHECK_THAT(meta(R"({"meta":{"cpus":-1}})"), ContainsSubstring("cpus"));
    CHECK_THAT(meta(R"({"meta":{"start_ns":1e300}})"), ContainsSubstring("start_ns"));
    CHECK_THAT(meta(R"({"meta":{"start_ns":18446744073709551616}})"), ContainsSubstring("start_ns"));
    CHECK_THAT(meta(R"({"meta":{"host":7}})"), ContainsSubstring("host: not a text"));
    CHECK_THAT(meta(R"({"meta":{"host":{"hex":"abc"}}})"), ContainsSubstring("host"));
    CHECK_THAT(meta(R"({"meta":{"host":{"hex":"zz"}}})"), ContainsSubstring("host"));
    CHECK_THAT(meta(R"({"meta":{"hierarchy":{"cpu":0}}})"), ContainsSubstring("hierarchy: not a list of pairs"));
    CHECK_THAT(meta(R"({"meta":{"hierarchy":[["cpu"]]}})"), ContainsSubstring("not a pair"));
    CHECK_THAT(meta(R"({"meta":{"coverage":[{"available":1}]}})"), ContainsSubstring("coverage: available"));
    CHECK_THAT(meta(std::string(100'000, '[')), ContainsSubstring("META"));

    File closing;
    closing.chunk(kMeta, "{}").chunk(kClosing, R"({"tasks_last":[{"comm":"12345678901234567"}]})");
    CHECK_THAT(closing.refused(), ContainsSubstring("CLOSING: tasks_last: comm: too long"));
    File folded;
    folded.chunk(kMeta, "{}").chunk(kClosing, R"({"folded":[{"metric":65536}]})");
    CHECK_THAT(folded.refused(), ContainsSubstring("folded: metric"));
}

TEST_CASE("recording: stacks that are none, or at the wrong place, are refused", "[recording][stacks]")
{
    constexpr std::uint32_t kStacks = 5, kSkippable = 2;
    const std::string known = R"({"known":[{"id":1,"path":"/"}]})";
    const auto with = [&](const std::string& stacks) {
        return File().chunk(kMeta, known).chunk(kStacks, stacks, kSkippable).chunk(kClosing, "{}").end();
    };
    const std::string good =
        R"({"hz":99,"frames":["f"],"stacks":[{"cgroup_id":1,"comm":"c","frames":[0],"samples":3}]})";
    const auto read = with(good).read();
    REQUIRE(read);
    REQUIRE(read->stacks);
    CHECK(read->stacks->counted() == 3);

    CHECK_THAT(with(R"({"frames":["f"],"stacks":[{"frames":[1]}]})").refused(), ContainsSubstring("no frame 1"));
    CHECK_THAT(with(R"({"stacks":[{"frames":[-1]}]})").refused(), ContainsSubstring("STACKS"));
    CHECK_THAT(with(R"({"stacks":7})").refused(), ContainsSubstring("STACKS"));
    CHECK_THAT(with("not json").refused(), ContainsSubstring("STACKS"));
    CHECK_THAT(
        File().chunk(kMeta, known).chunk(kStacks, good).chunk(kStacks, good).chunk(kClosing, "{}").end().refused(),
        ContainsSubstring("a second STACKS"));
    CHECK_THAT(File().chunk(kMeta, known).chunk(kClosing, "{}").chunk(kStacks, good).end().refused(),
               ContainsSubstring("after CLOSING"));
    // Cut behind them: they are what there is.
    const auto cut = File().chunk(kMeta, known).chunk(kStacks, good).read(true);
    REQUIRE(cut);
    CHECK(cut->incomplete);
    CHECK(cut->stacks);
}
