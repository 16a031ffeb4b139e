// SPDX-License-Identifier: Apache-2.0
// From a recording back to a Snapshot: the accumulator cannot tell it from a live run.
#include "flyball/profile/recording.hpp"
#include "json_values.hpp"
#include "recording_reader.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace flyball::profile {
namespace {

std::string_view chunk_text(const Chunk& chunk)
{
    return {reinterpret_cast<const char*>(chunk.plain.data()), chunk.plain.size()};
}

std::unexpected<Error> misplaced(const Chunk& chunk, std::string_view what)
{
    return fail(ErrorKind::Usage, fmt::format("corrupt at byte {}: {}", chunk.offset, what));
}

Error at_chunk(Error error, const Chunk& chunk, std::string_view name)
{
    error.what = fmt::format("corrupt at byte {}: {}: {}", chunk.offset, name, error.what);
    return error;
}

// The file's header and META, without which nothing can be read.
Result<MetaChunk> read_meta(ChunkReader& reader)
{
    if (auto ok = reader.read_file_header(); !ok)
        return std::unexpected(std::move(ok).error());
    auto chunk = reader.next();
    if (!chunk) {
        Error error = std::move(chunk).error();
        if (error.kind == ErrorKind::Usage)
            error.hint = "nothing can be salvaged: it does not reach the first event";
        return std::unexpected(std::move(error));
    }
    if (chunk->type != format::kMeta)
        return misplaced(*chunk, "a recording begins with META");
    auto meta = meta_from_json(chunk_text(*chunk));
    if (!meta)
        return std::unexpected(at_chunk(std::move(meta).error(), *chunk, "META"));
    return meta;
}

// What stands behind the events. Of a file that was cut there may be stacks and no closing.
struct Ending {
    std::optional<Closing> closing;
    std::optional<Stacks> stacks;
};

Result<> read_stacks(const Chunk& chunk, Ending& ending)
{
    if (ending.closing)
        return misplaced(chunk, "stacks after CLOSING");
    if (ending.stacks)
        return misplaced(chunk, "a second STACKS");
    auto read = stacks_from_json(chunk_text(chunk));
    if (!read)
        return std::unexpected(at_chunk(std::move(read).error(), chunk, "STACKS"));
    ending.stacks = std::move(*read);
    return {};
}

// All after META, up to and with the end mark. The ending is filled in as it comes.
Result<> read_rest(ChunkReader& reader, stream::Sink& sink, Ending& ending)
{
    for (;;) {
        auto chunk = reader.next();
        if (!chunk)
            return std::unexpected(std::move(chunk).error());
        switch (chunk->type) {
        case format::kEvents:
            if (ending.closing)
                return misplaced(*chunk, "events after CLOSING");
            if (auto sent = send_events(*chunk, sink); !sent)
                return sent;
            break;
        case format::kClosing: {
            if (ending.closing)
                return misplaced(*chunk, "a second CLOSING");
            auto read = closing_from_json(chunk_text(*chunk));
            if (!read)
                return std::unexpected(at_chunk(std::move(read).error(), *chunk, "CLOSING"));
            ending.closing = std::move(*read);
            break;
        }
        case format::kStacks:
            if (auto read = read_stacks(*chunk, ending); !read)
                return read;
            break;
        case format::kEnd:
            if (!ending.closing)
                return misplaced(*chunk, "an end mark without CLOSING");
            return reader.finish(*chunk);
        default:
            return misplaced(*chunk, "a second META");
        }
    }
}

class Both final : public stream::Sink {
public:
    Both(Accumulator& accumulator, Observer* observer) : accumulator_(accumulator), observer_(observer) {}
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        accumulator_.on_batch(header, events);
        if (observer_ != nullptr)
            observer_->on_batch(header, events);
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        accumulator_.on_control(bytes);
        if (observer_ != nullptr)
            observer_->on_control(bytes);
    }
    void on_round(std::uint64_t until_ns) override
    {
        if (observer_ != nullptr)
            observer_->on_round(until_ns);
    }

private:
    Accumulator& accumulator_;
    Observer* observer_;
};

Result<Snapshot> replay_from(Input& input, const ReplayOptions& options)
{
    ChunkReader reader(input);
    auto begin = read_meta(reader);
    if (!begin)
        return std::unexpected(std::move(begin).error());
    if (!options.filters.empty())
        begin->meta.filters = options.filters;
    if (options.observer != nullptr)
        options.observer->on_begin(begin->meta, begin->known);
    Accumulator accumulator(std::move(begin->meta), std::move(begin->known));
    Both both(accumulator, options.observer);

    Ending ending;
    const Result<> rest = read_rest(reader, both, ending);
    std::optional<Closing>& closing = ending.closing;
    if (!rest && !options.salvage)
        return std::unexpected(rest.error());
    if (closing && options.observer != nullptr)
        options.observer->on_closing(*closing);
    Closing last = closing ? std::move(*closing) : Closing{};
    last.stacks = std::move(ending.stacks);
    Snapshot snapshot = std::move(accumulator).finish(std::move(last));
    if (!rest) {
        snapshot.incomplete = true;
        snapshot.incomplete_why = rest.error().what;
    }
    return snapshot;
}

}  // namespace

Result<Snapshot> replay(const std::string& path, const ReplayOptions& options)
{
    const std::string name = path == "-" ? "standard input" : path;
    auto input = FileInput::open(path);
    if (!input)
        return std::unexpected(std::move(input).error().context(name));
    auto snapshot = replay_from(**input, options);
    if (!snapshot)
        return std::unexpected(std::move(snapshot).error().context(name));
    return snapshot;
}

Result<Snapshot> replay(std::span<const std::byte> bytes, const ReplayOptions& options)
{
    MemoryInput input(bytes);
    return replay_from(input, options);
}

Result<> replay_into(std::span<const std::byte> bytes, stream::Sink& sink)
{
    MemoryInput input(bytes);
    ChunkReader reader(input);
    auto begin = read_meta(reader);
    if (!begin)
        return std::unexpected(std::move(begin).error());
    Ending ending;
    return read_rest(reader, sink, ending);
}

}  // namespace flyball::profile
