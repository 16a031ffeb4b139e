// SPDX-License-Identifier: Apache-2.0
// Chunks out of bytes that may be anything. Nothing is believed before it has been checked.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/stream/sink.hpp"
#include "recording_format.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flyball::profile {

// Bytes from the front to the end; a pipe will do.
class Input {
public:
    virtual ~Input() = default;
    // As many as there is room for; fewer only at the end.
    virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

class MemoryInput final : public Input {
public:
    explicit MemoryInput(std::span<const std::byte> bytes) : bytes_(bytes) {}
    Result<std::size_t> read(std::span<std::byte> into) override;

private:
    std::span<const std::byte> bytes_;
};

class FileInput final : public Input {
public:
    static Result<std::unique_ptr<FileInput>> open(const std::string& path);  // "-": standard input
    Result<std::size_t> read(std::span<std::byte> into) override;

private:
    FileInput(UniqueFd file, int fd) : file_(std::move(file)), fd_(fd) {}
    UniqueFd file_;
    int fd_;  // of file_, or standard input
};

struct Chunk {
    std::uint32_t type = 0;
    std::uint64_t offset = 0;          // of its header in the file
    std::span<const std::byte> plain;  // the reader's; good until its next()
};

class ChunkReader {
public:
    explicit ChunkReader(Input& input) : input_(input) {}

    [[nodiscard]] Result<> read_file_header();
    // Never more than what the file has: a missing end mark is an error.
    [[nodiscard]] Result<Chunk> next();
    [[nodiscard]] Result<> finish(const Chunk& end);

private:
    // The next bytes, of which there may be fewer; good until the next call.
    [[nodiscard]] Result<std::span<const std::byte>> read_up_to(std::uint64_t length);
    [[nodiscard]] static Result<> check(const format::ChunkHeader& header, std::uint64_t begin);

    Input& input_;
    std::vector<std::byte> stored_;
    format::Expander expander_;
    std::uint64_t offset_ = 0;
    std::uint64_t chunks_ = 0;
};

// Sends the records of an EVENTS chunk, all or (when one is wrong) none.
[[nodiscard]] Result<> send_events(const Chunk& chunk, stream::Sink& sink);

}  // namespace flyball::profile
