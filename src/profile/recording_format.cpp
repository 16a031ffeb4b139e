// SPDX-License-Identifier: Apache-2.0
#include "recording_format.hpp"

#include "flyball/profile/recording.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace flyball::profile::format {
namespace {

// Level 1: a busy machine makes tens of megabytes of events a second, on the reader's thread.
constexpr int kDeflateLevel = 1;

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

std::vector<std::byte> make_chunk(ChunkType type, std::span<const std::byte> plain, std::uint32_t flags)
{
    ChunkHeader header{type, flags, plain.size(), plain.size(), 0, 0};
    uLongf room = compressBound(plain.size());
    std::vector<std::byte> chunk(sizeof header + room);
    std::byte* body = chunk.data() + sizeof header;
    const bool deflated = compress2(as_zlib(body), &room, as_zlib(plain.data()), plain.size(), kDeflateLevel) == Z_OK;
    if (deflated && room < plain.size()) {
        header.flags |= kDeflated;
        header.stored = room;
    } else if (!plain.empty()) {
        std::memcpy(body, plain.data(), plain.size());
    }
    chunk.resize(sizeof header + header.stored);
    header.stored_crc = crc(std::span(chunk).subspan(sizeof header));
    header.header_crc = header_crc(header);
    std::memcpy(chunk.data(), &header, sizeof header);
    return chunk;
}

Result<std::vector<std::byte>> inflate(std::span<const std::byte> stored, std::uint64_t plain)
{
    if (plain / kMaxInflation > stored.size())
        return fail(ErrorKind::Usage, "claims to inflate beyond what is possible");
    std::vector<std::byte> bytes(plain);
    uLongf room = plain;
    const int status = uncompress(as_zlib(bytes.data()), &room, as_zlib(stored.data()), stored.size());
    if (status != Z_OK || room != plain)
        return fail(ErrorKind::Usage, "does not inflate to what it claims");
    return bytes;
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
