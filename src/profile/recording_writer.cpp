// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/fd.hpp"
#include "flyball/profile/recording.hpp"
#include "json_values.hpp"
#include "recording_format.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace flyball::profile {

namespace {

int open_for_writing(const std::string& path, int flags, const Patience& patience)
{
    return open_patiently(path.c_str(), O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | flags, 0644, patience);
}

std::string what_to_do(const std::string& path, int errnum)
{
    switch (errnum) {
    case EISDIR:
        return "name a file in it";
    case ENOENT:
    case ENOTDIR: {
        const std::string parent = std::filesystem::path(path).parent_path();
        return parent.empty() ? "" : fmt::format("is there a directory {}?", parent);
    }
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a place that may be written to";
    default:
        return "";
    }
}

}  // namespace

Result<RecordingFile> RecordingFile::open(const std::string& path, const Patience& patience)
{
    RecordingFile file;
    if (path == "-")
        return file;
    file.path_ = path;
    file.file_.reset(open_for_writing(path, O_EXCL, patience));
    file.made_ = file.file_.valid();
    // As the shell's > has it, but for O_TRUNC: links are followed, and devices are as good as files.
    if (!file.made_ && errno == EEXIST)
        file.file_.reset(open_for_writing(path, 0, patience));
    if (!file.file_.valid()) {
        const int errnum = errno;
        if (errnum == EINTR && patience.stop != nullptr && patience.stop->requested())
            return std::unexpected(patience.stop->interrupted());
        return std::unexpected(errno_error(ErrorKind::Usage, "cannot write " + path, errnum, what_to_do(path, errnum)));
    }
    return file;
}

RecordingFile::~RecordingFile()
{
    if (!made_ || !file_.valid())
        return;
    // Not what someone else put there meanwhile.
    struct stat ours{}, there{};
    if (::fstat(file_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
        ours.st_ino == there.st_ino)
        ::unlink(path_.c_str());
}

struct RecordingWriter::State {
    std::string path;
    UniqueFd file;
    int fd = -1;  // of `file`, or standard output
    Patience patience;
    std::vector<std::byte> buffer;
    format::ChunkMaker maker;
    std::uint64_t chunks = 0;
    std::uint64_t written = 0;
    std::optional<Error> failure;  // the first one; nothing is written after it
    bool closed = false;
    bool round_is_last = false;  // of the records

    State() { buffer.reserve(format::kEventsBuffer + 2 * format::kMaxControl); }

    void remember(Error error);
    void write(std::span<const std::byte> bytes);
    void write_chunk(format::ChunkType type, std::span<const std::byte> plain, std::uint32_t flags = 0);
    void append(format::RecordKind kind, std::span<const std::byte> head, std::span<const std::byte> tail);
    void flush_events();
    [[nodiscard]] Result<> status() const;
};

void RecordingWriter::State::remember(Error error)
{
    failure = std::move(error).context(fmt::format("writing {} at byte {}", path, written));
    failure->hint = "what was written before it can be read with --salvage";
}

void RecordingWriter::State::write(std::span<const std::byte> bytes)
{
    if (failure)
        return;
    if (auto put = write_patiently(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, patience); !put)
        remember(std::move(put.error()));
    else
        written += bytes.size();
}

void RecordingWriter::State::write_chunk(format::ChunkType type, std::span<const std::byte> plain, std::uint32_t flags)
{
    if (failure)
        return;
    write(maker.make(type, plain, flags));
    ++chunks;
}

void RecordingWriter::State::flush_events()
{
    if (!buffer.empty())
        write_chunk(format::kEvents, buffer);
    buffer.clear();
}

void RecordingWriter::State::append(format::RecordKind kind, std::span<const std::byte> head,
                                    std::span<const std::byte> tail)
{
    const std::size_t length = head.size() + tail.size();
    const format::RecordHeader header{kind, static_cast<std::uint32_t>(length)};
    const auto bytes = std::as_bytes(std::span(&header, 1));
    buffer.insert(buffer.end(), bytes.begin(), bytes.end());
    buffer.insert(buffer.end(), head.begin(), head.end());
    buffer.insert(buffer.end(), tail.begin(), tail.end());
    buffer.resize(buffer.size() + format::padded(length) - length);
    if (buffer.size() >= format::kEventsBuffer)
        flush_events();
}

Result<> RecordingWriter::State::status() const
{
    if (failure)
        return std::unexpected(*failure);
    return {};
}

RecordingWriter::RecordingWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordingWriter::~RecordingWriter() = default;
RecordingWriter::RecordingWriter(RecordingWriter&&) noexcept = default;
RecordingWriter& RecordingWriter::operator=(RecordingWriter&&) noexcept = default;

Result<RecordingWriter> RecordingWriter::create(const std::string& path, const Meta& meta,
                                                std::span<const KnownCgroup> known)
{
    auto file = RecordingFile::open(path);
    if (!file)
        return std::unexpected(std::move(file).error());
    return create(std::move(*file), meta, known);
}

Result<RecordingWriter> RecordingWriter::create(RecordingFile file, const Meta& meta,
                                                std::span<const KnownCgroup> known, const Patience& patience)
{
    auto state = std::make_unique<State>();
    state->patience = patience;
    state->path = file.file_.valid() ? file.path_ : "standard output";
    state->file = std::move(file.file_);
    state->fd = state->file.valid() ? state->file.get() : STDOUT_FILENO;
    // Pipes and devices hold nothing that could be cut off.
    struct stat what{};
    if (state->file.valid() && ::fstat(state->fd, &what) == 0 && S_ISREG(what.st_mode) &&
        ::ftruncate(state->fd, 0) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "emptying " + state->path, errno));
    format::FileHeader header{{}, kRecordingFormat, FB_ABI_VERSION};
    std::memcpy(header.magic, format::kMagic, sizeof header.magic);
    state->write(std::as_bytes(std::span(&header, 1)));
    const std::string text = to_json(MetaChunk{meta, {known.begin(), known.end()}});
    state->write_chunk(format::kMeta, std::as_bytes(std::span(text)));
    // A disk that is full at the start gets no run that ends in an error: say it now.
    if (auto status = state->status(); !status)
        return std::unexpected(std::move(status).error());
    return RecordingWriter(std::move(state));
}

void RecordingWriter::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    if (state_->failure)
        return;
    if (events.size() > FB_BATCH_EVENTS) {
        state_->failure = Error{ErrorKind::Internal, fmt::format("a batch of {} events", events.size()), ""};
        return;
    }
    state_->round_is_last = false;
    std::byte head[FB_BATCH_HEADER];
    std::memcpy(head, &header, sizeof head);
    const auto n = static_cast<std::uint32_t>(events.size());
    std::memcpy(head + offsetof(fb_batch, n), &n, sizeof n);
    state_->append(format::kBatch, head, std::as_bytes(events));
}

void RecordingWriter::on_control(std::span<const std::byte> bytes)
{
    if (state_->failure)
        return;
    fb_hdr hdr{};
    if (bytes.size() >= sizeof hdr)
        std::memcpy(&hdr, bytes.data(), sizeof hdr);
    // What no reader would take back; a Sink is not called with such a thing.
    if (bytes.size() < sizeof hdr || hdr.size > bytes.size() || bytes.size() > format::kMaxControl) {
        state_->failure = Error{ErrorKind::Internal, fmt::format("a control record of {} bytes", bytes.size()), ""};
        return;
    }
    state_->append(format::kControl, bytes, {});
}

void RecordingWriter::on_round(std::uint64_t until_ns)
{
    // Between two batches one says it all.
    if (state_->failure || state_->round_is_last)
        return;
    state_->append(format::kRound, std::as_bytes(std::span(&until_ns, 1)), {});
    state_->round_is_last = true;
}

Result<> RecordingWriter::flush()
{
    if (!state_->failure)
        state_->flush_events();
    return state_->status();
}

Result<> RecordingWriter::close(const Closing& closing)
{
    State& state = *state_;
    if (state.closed)
        return state.status();
    state.closed = true;
    if (!state.failure)
        state.flush_events();
    // Skippable: a reader from before there were stacks reads all the rest.
    if (closing.stacks) {
        const std::string stacks = to_json(*closing.stacks);
        state.write_chunk(format::kStacks, std::as_bytes(std::span(stacks)), format::kSkippable);
    }
    const std::string text = to_json(closing);
    state.write_chunk(format::kClosing, std::as_bytes(std::span(text)));
    const std::uint64_t chunks = state.chunks;
    state.write_chunk(format::kEnd, std::as_bytes(std::span(&chunks, 1)));
    // A pipe has nothing to sync: EINVAL.
    if (!state.failure && ::fsync(state.fd) != 0 && errno != EINVAL && errno != EROFS)
        state.remember(errno_error(ErrorKind::Io, "syncing", errno));
    // A network file system may say only now that it has no room.
    if (state.file.valid() && ::close(state.file.release()) != 0 && !state.failure)
        state.remember(errno_error(ErrorKind::Io, "syncing", errno));
    return state.status();
}

std::uint64_t RecordingWriter::bytes_written() const
{
    return state_->written;
}

}  // namespace flyball::profile
