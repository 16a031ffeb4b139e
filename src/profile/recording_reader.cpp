// SPDX-License-Identifier: Apache-2.0
#include "recording_reader.hpp"

#include "flyball/profile/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace flyball::profile {
namespace {

// Read in steps: a header that lies about its length must not cost a gigabyte first.
constexpr std::size_t kReadStep = 1U << 20;

constexpr const char* kSalvage = "--salvage reads what comes before it";

std::unexpected<Error> truncated(std::uint64_t at, std::string_view where)
{
    return fail(ErrorKind::Usage, fmt::format("truncated at byte {}{}", at, where), kSalvage);
}

std::unexpected<Error> corrupt(std::uint64_t at, std::string_view why)
{
    return fail(ErrorKind::Usage, fmt::format("corrupt at byte {}: {}", at, why), kSalvage);
}

std::uint64_t most_plain_bytes(std::uint32_t type)
{
    switch (type) {
    case format::kEvents:
        return format::kMaxEvents;
    case format::kEnd:
        return sizeof(std::uint64_t);
    default:
        return format::kMaxJson;
    }
}

}  // namespace

Result<std::size_t> MemoryInput::read(std::span<std::byte> into)
{
    const std::size_t n = std::min(into.size(), bytes_.size());
    std::copy_n(bytes_.begin(), n, into.begin());
    bytes_ = bytes_.subspan(n);
    return n;
}

Result<std::unique_ptr<FileInput>> FileInput::open(const std::string& path)
{
    if (path == "-")
        return std::unique_ptr<FileInput>(new FileInput(UniqueFd(), STDIN_FILENO));
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid())
        return std::unexpected(errno_error(ErrorKind::Usage, "opening it", errno));
    const int fd = file.get();
    return std::unique_ptr<FileInput>(new FileInput(std::move(file), fd));
}

Result<std::size_t> FileInput::read(std::span<std::byte> into)
{
    std::size_t have = 0;
    while (have < into.size()) {
        const ssize_t n = ::read(fd_, into.data() + have, into.size() - have);
        if (n == 0)
            break;
        if (n > 0) {
            have += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            return std::unexpected(
                errno_error(errno == EISDIR ? ErrorKind::Usage : ErrorKind::Io, "reading it", errno));
        }
    }
    return have;
}

Result<std::span<const std::byte>> ChunkReader::read_up_to(std::uint64_t length)
{
    std::size_t have = 0;
    while (have < length) {
        const std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(kReadStep, length - have));
        stored_.resize(std::max(stored_.size(), have + step));
        auto n = input_.read(std::span(stored_).subspan(have, step));
        if (!n)
            return std::unexpected(std::move(n).error());
        offset_ += *n;
        have += *n;
        if (*n < step)
            break;
    }
    return std::span<const std::byte>(stored_).first(have);
}

Result<> ChunkReader::read_file_header()
{
    auto bytes = read_up_to(sizeof(format::FileHeader));
    if (!bytes)
        return std::unexpected(std::move(bytes).error());
    if (bytes->empty())
        return fail(ErrorKind::Usage, "not a flyball recording: it ends at byte 0");
    return format::check_file_header(*bytes);
}

Result<> ChunkReader::check(const format::ChunkHeader& header, std::uint64_t begin)
{
    if (header.header_crc != format::header_crc(header))
        return corrupt(begin, "the chunk's header is damaged");
    const bool known = header.type >= format::kMeta && header.type <= format::kStacks;
    if (!known && (header.flags & format::kSkippable) == 0) {
        return corrupt(begin, fmt::format("no chunk is of type {}", header.type));
    }
    constexpr std::uint32_t kPacked = format::kDeflated | format::kZstd;
    const bool by_zstd = (header.flags & format::kZstd) != 0;
    if ((header.flags & ~(kPacked | format::kSkippable)) != 0 || (header.flags & kPacked) == kPacked ||
        (by_zstd && known && header.type != format::kEvents))
        return corrupt(begin, "unknown chunk flags");
    const bool packed = (header.flags & kPacked) != 0;
    const std::uint64_t most = most_plain_bytes(header.type);
    if (header.plain > most || header.stored > most || (!packed && header.stored != header.plain)) {
        return corrupt(begin,
                       fmt::format("impossible chunk length ({} bytes stored, {} plain)", header.stored, header.plain));
    }
    return {};
}

Result<Chunk> ChunkReader::next()
{
    for (;;) {
        const std::uint64_t begin = offset_;
        auto raw = read_up_to(sizeof(format::ChunkHeader));
        if (!raw)
            return std::unexpected(std::move(raw).error());
        if (raw->empty())
            return truncated(begin, ": the end mark is missing");
        if (raw->size() < sizeof(format::ChunkHeader)) {
            return truncated(offset_, fmt::format(", within the chunk header at byte {}", begin));
        }
        format::ChunkHeader header{};
        std::memcpy(&header, raw->data(), sizeof header);
        if (auto ok = check(header, begin); !ok)
            return std::unexpected(std::move(ok).error());

        const std::uint64_t body = offset_;
        auto stored = read_up_to(header.stored);
        if (!stored)
            return std::unexpected(std::move(stored).error());
        if (stored->size() < header.stored)
            return truncated(offset_, fmt::format(", within the chunk at byte {}", begin));
        if (format::crc(*stored) != header.stored_crc)
            return corrupt(body, "the chunk's bytes do not match their checksum");
        ++chunks_;
        if (header.type > format::kStacks)
            continue;  // skippable, of a later version
        if ((header.flags & (format::kDeflated | format::kZstd)) == 0)
            return Chunk{header.type, begin, *stored};

        auto plain = expander_.expand(header.flags, *stored, header.plain);
        if (!plain)
            return corrupt(body, plain.error().what);
        return Chunk{header.type, begin, *plain};
    }
}

// The end mark counts the chunks before it, and nothing follows it.
Result<> ChunkReader::finish(const Chunk& end)
{
    std::uint64_t count = 0;
    if (end.plain.size() != sizeof count)
        return corrupt(end.offset, "an end mark of the wrong length");
    std::memcpy(&count, end.plain.data(), sizeof count);
    if (count != chunks_ - 1) {
        return corrupt(end.offset, fmt::format("{} chunks were written, {} are here", count, chunks_ - 1));
    }
    const std::uint64_t at = offset_;
    auto rest = read_up_to(1);
    if (!rest)
        return std::unexpected(std::move(rest).error());
    if (!rest->empty())
        return corrupt(at, "there is something after the end mark");
    return {};
}

namespace {

// Why the record at the front of `bytes` is none; empty when it is one.
std::string_view flaw(std::span<const std::byte> bytes, format::RecordHeader& record)
{
    if (bytes.size() < sizeof record)
        return "a record is cut short";
    std::memcpy(&record, bytes.data(), sizeof record);
    const std::span<const std::byte> body = bytes.subspan(sizeof record);
    if (record.length > format::kMaxControl || format::padded(record.length) > body.size()) {
        return "a record is longer than its chunk";
    }
    if (record.kind == format::kBatch) {
        std::uint32_t n = 0;
        if (record.length < FB_BATCH_HEADER)
            return "a batch without a header";
        std::memcpy(&n, body.data() + offsetof(fb_batch, n), sizeof n);
        if (n > FB_BATCH_EVENTS || record.length != FB_BATCH_HEADER + n * sizeof(fb_event)) {
            return "a batch whose length does not fit its number of events";
        }
        return {};
    }
    if (record.kind == format::kRound)
        return record.length == sizeof(std::uint64_t) ? "" : "a round that is no time";
    if (record.kind != format::kControl)
        return "a record of an unknown kind";
    fb_hdr hdr{};
    if (record.length < sizeof hdr)
        return "a control record without a header";
    std::memcpy(&hdr, body.data(), sizeof hdr);
    if (hdr.size > record.length)
        return "a control record that is cut short";
    return {};
}

void send(const format::RecordHeader& record, std::span<const std::byte> body, stream::Sink& sink)
{
    if (record.kind == format::kControl)
        return sink.on_control(body.first(record.length));
    if (record.kind == format::kRound) {
        std::uint64_t until_ns = 0;
        std::memcpy(&until_ns, body.data(), sizeof until_ns);
        return sink.on_round(until_ns);
    }
    fb_batch batch;  // by copy: the chunk's bytes are no object of this type
    std::memcpy(&batch, body.data(), record.length);
    sink.on_batch(batch, std::span(batch.events, batch.n));
}

}  // namespace

Result<> send_events(const Chunk& chunk, stream::Sink& sink)
{
    const std::span<const std::byte> all = chunk.plain;
    format::RecordHeader record{};
    // All are checked before one is sent: a chunk counts as a whole or not at all.
    for (std::size_t at = 0; at < all.size(); at += sizeof record + format::padded(record.length)) {
        if (const std::string_view why = flaw(all.subspan(at), record); !why.empty()) {
            return corrupt(chunk.offset, fmt::format("{}, at byte {} of the chunk's plain bytes", why, at));
        }
    }
    for (std::size_t at = 0; at < all.size(); at += sizeof record + format::padded(record.length)) {
        std::memcpy(&record, all.data() + at, sizeof record);
        send(record, all.subspan(at + sizeof record), sink);
    }
    return {};
}

}  // namespace flyball::profile
