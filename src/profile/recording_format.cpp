// SPDX-License-Identifier: Apache-2.0
#include "recording_format.hpp"

#include "flyball/profile/recording.hpp"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace flyball::profile::format {
namespace {

// A busy machine makes tens of megabytes of events a second, on the reader's thread.
constexpr int kDeflateLevel = 1, kZstdLevel = 1;

const Bytef* as_zlib(const std::byte* bytes)
{
    return reinterpret_cast<const Bytef*>(bytes);
}
Bytef* as_zlib(std::byte* bytes)
{
    return reinterpret_cast<Bytef*>(bytes);
}

}  // namespace

std::uint32_t crc(std::span<const std::byte> bytes)
{
    return static_cast<std::uint32_t>(crc32_z(0, as_zlib(bytes.data()), bytes.size()));
}

std::uint32_t header_crc(const ChunkHeader& header)
{
    return crc(std::as_bytes(std::span(&header, 1)).first(offsetof(ChunkHeader, header_crc)));
}

void FreeCompressor::operator()(ZSTD_CCtx_s* context) const
{
    ZSTD_freeCCtx(context);
}
void FreeExpander::operator()(ZSTD_DCtx_s* context) const
{
    ZSTD_freeDCtx(context);
}

std::span<const std::byte> ChunkMaker::make(ChunkType type, std::span<const std::byte> plain, std::uint32_t flags)
{
    ChunkHeader header{type, flags, plain.size(), plain.size(), 0, 0};
    const bool by_zstd = type == kEvents;
    std::size_t room = by_zstd ? ZSTD_compressBound(plain.size()) : compressBound(plain.size());
    chunk_.resize(std::max(chunk_.size(), sizeof header + room));
    std::byte* const body = chunk_.data() + sizeof header;
    bool compressed = false;
    if (by_zstd) {
        if (!zstd_)
            zstd_.reset(ZSTD_createCCtx());
        room = zstd_ ? ZSTD_compressCCtx(zstd_.get(), body, room, plain.data(), plain.size(), kZstdLevel) : 0;
        compressed = zstd_ && ZSTD_isError(room) == 0;
    } else {
        uLongf length = room;
        compressed = compress2(as_zlib(body), &length, as_zlib(plain.data()), plain.size(), kDeflateLevel) == Z_OK;
        room = length;
    }
    if (compressed && room < plain.size()) {
        header.flags |= by_zstd ? kZstd : kDeflated;
        header.stored = room;
    } else if (!plain.empty()) {
        std::memcpy(body, plain.data(), plain.size());
    }
    const std::span<const std::byte> all(chunk_.data(), sizeof header + header.stored);
    header.stored_crc = crc(all.subspan(sizeof header));
    header.header_crc = header_crc(header);
    std::memcpy(chunk_.data(), &header, sizeof header);
    return all;
}

Result<std::span<const std::byte>> Expander::expand(std::uint32_t flags, std::span<const std::byte> stored,
                                                    std::uint64_t plain)
{
    const bool by_zstd = (flags & kZstd) != 0;
    if (by_zstd ? ZSTD_getFrameContentSize(stored.data(), stored.size()) != plain
                : plain / kMaxInflation > stored.size())
        return fail(ErrorKind::Usage, "claims to expand to what it cannot");
    bytes_.resize(std::max<std::size_t>(bytes_.size(), plain));
    bool whole = false;
    if (by_zstd) {
        if (!zstd_)
            zstd_.reset(ZSTD_createDCtx());
        whole = zstd_ && ZSTD_decompressDCtx(zstd_.get(), bytes_.data(), plain, stored.data(), stored.size()) == plain;
    } else {
        uLongf room = plain;
        whole =
            uncompress(as_zlib(bytes_.data()), &room, as_zlib(stored.data()), stored.size()) == Z_OK && room == plain;
    }
    if (!whole)
        return fail(ErrorKind::Usage, "does not expand to what it claims");
    return std::span<const std::byte>(bytes_).first(plain);
}

Result<> check_file_header(std::span<const std::byte> bytes)
{
    const std::size_t have = std::min(bytes.size(), sizeof kMagic);
    if (std::memcmp(bytes.data(), kMagic, have) != 0) {
        return fail(ErrorKind::Usage, "not a flyball recording: byte 0 does not begin with FLYBALL");
    }
    FileHeader header{};
    if (bytes.size() < sizeof header) {
        return fail(ErrorKind::Usage, fmt::format("truncated at byte {}, within the file's header", bytes.size()));
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    const auto newer = [](const char* what, std::uint32_t has, std::uint32_t known) {
        return fail(ErrorKind::Usage,
                    fmt::format("made by a newer flyball: {} {}, this one reads up to {}", what, has, known),
                    "read it with the flyball that made it, or a later one");
    };
    if (header.format > kRecordingFormat)
        return newer("format", header.format, kRecordingFormat);
    if (header.abi > FB_ABI_VERSION)
        return newer("wire version", header.abi, FB_ABI_VERSION);
    if (header.format == 0)
        return fail(ErrorKind::Usage, "corrupt at byte 8: there is no format 0");
    if (header.abi < FB_ABI_VERSION) {
        return fail(ErrorKind::Usage, fmt::format("byte 12: wire version {} is not read any more", header.abi),
                    "read it with the flyball that made it");
    }
    return {};
}

}  // namespace flyball::profile::format
