// SPDX-License-Identifier: Apache-2.0
// The bytes of a recording, as docs/recording.md has them.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/base/result.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace flyball::profile::format {

// Wire records are written as they lie in memory.
static_assert(std::endian::native == std::endian::little, "a recording is little-endian");

inline constexpr char kMagic[8] = {'F', 'L', 'Y', 'B', 'A', 'L', 'L', '\0'};

struct FileHeader {
    char magic[8];
    std::uint32_t format;
    std::uint32_t abi;
};
static_assert(sizeof(FileHeader) == 16);

enum ChunkType : std::uint32_t { kMeta = 1, kEvents = 2, kClosing = 3, kEnd = 4, kStacks = 5 };
enum ChunkFlags : std::uint32_t {
    kDeflated = 1U << 0,
    kSkippable = 1U << 1,  // a reader that does not know the type passes over it
    kZstd = 1U << 2,       // EVENTS, from format 2 on
};

struct ChunkHeader {
    std::uint32_t type;
    std::uint32_t flags;
    std::uint64_t stored;  // bytes that follow
    std::uint64_t plain;   // bytes when expanded
    std::uint32_t stored_crc;
    std::uint32_t header_crc;  // of the 28 bytes before it
};
static_assert(sizeof(ChunkHeader) == 32);

// In an EVENTS chunk: what a record is, and its bytes without the padding to 8.
struct RecordHeader {
    std::uint32_t kind;
    std::uint32_t length;
};
static_assert(sizeof(RecordHeader) == 8);

enum RecordKind : std::uint32_t { kBatch = 1, kControl = 2, kRound = 3 };

// An EVENTS chunk is closed when it reaches this: what a crash may cost, and what is compressed in one go.
inline constexpr std::size_t kEventsBuffer = 256 * 1024;
// Bounds on what a reader believes before it has seen it.
inline constexpr std::uint64_t kMaxEvents = 16U << 20;  // plain bytes of one EVENTS chunk
inline constexpr std::uint64_t kMaxJson = 256U << 20;   // of META or CLOSING: two million cgroups
inline constexpr std::uint32_t kMaxControl = 64 * 1024;
// zlib cannot inflate one byte to more than this ("Maximum Compression Factor" of its manual).
inline constexpr std::uint64_t kMaxInflation = 1032;

[[nodiscard]] constexpr std::size_t padded(std::size_t length)
{
    return (length + 7) & ~std::size_t{7};
}

[[nodiscard]] std::uint32_t crc(std::span<const std::byte> bytes);
[[nodiscard]] std::uint32_t header_crc(const ChunkHeader& header);

struct FreeCompressor {
    void operator()(ZSTD_CCtx_s* context) const;
};
struct FreeExpander {
    void operator()(ZSTD_DCtx_s* context) const;
};

// Keeps its working memory (0.6 MiB) and the bytes of one chunk.
class ChunkMaker {
public:
    // Header and bytes of a chunk, compressed where that saves space: EVENTS by zstd, which is three times as fast as
    // zlib and saves more (docs/recording.md), the others deflated. flags: besides those of the compression. Good until
    // the next call.
    [[nodiscard]] std::span<const std::byte> make(ChunkType type, std::span<const std::byte> plain,
                                                  std::uint32_t flags = 0);

private:
    std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> zstd_;
    std::vector<std::byte> chunk_;
};

// Keeps its working memory and the bytes of one chunk.
class Expander {
public:
    // Fails (without an offset, which the caller knows) unless exactly `plain` bytes come out. flags: the chunk's. Good
    // until the next call.
    [[nodiscard]] Result<std::span<const std::byte>> expand(std::uint32_t flags, std::span<const std::byte> stored,
                                                            std::uint64_t plain);

private:
    std::unique_ptr<ZSTD_DCtx_s, FreeExpander> zstd_;
    std::vector<std::byte> bytes_;
};

// The file's first bytes: whether they are ours, and of a version that this reader knows.
[[nodiscard]] Result<> check_file_header(std::span<const std::byte> bytes);

}  // namespace flyball::profile::format
