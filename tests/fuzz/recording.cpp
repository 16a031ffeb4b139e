// SPDX-License-Identifier: Apache-2.0
// Recordings that may be anything. The first byte chooses how deep the rest goes: checksums keep
// random bytes out of everything but the outermost layer.
#include "flyball/profile/recording.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

// The CRC-32 of zlib, without its header: the recording room links zlib privately.
static std::uint32_t crc32_of(const std::string& bytes)
{
    std::uint32_t crc = ~0U;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (0xedb88320U & (0U - (crc & 1U)));
    }
    return ~crc;
}

template <class T>
static void put(std::string& out, const T& value)
{
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

static std::string chunk(std::uint32_t type, std::uint32_t flags, const std::string& body, std::uint64_t plain)
{
    std::string header;
    put(header, type);
    put(header, flags);
    put(header, std::uint64_t{body.size()});
    put(header, plain);
    put(header, crc32_of(body));
    put(header, crc32_of(header));
    return header + body;
}

// A whole recording around the input: as META, EVENTS, deflated EVENTS, CLOSING, STACKS or EVENTS by zstd.
static std::string wrapped(unsigned where, const std::string& input)
{
    std::string file("FLYBALL\0", 8);
    put(file, flyball::profile::kRecordingFormat);
    put(file, std::uint32_t{FB_ABI_VERSION});
    const std::string known = R"({"known":[{"id":1,"path":"/"},{"id":2,"path":"/a"}]})";
    file += chunk(1, 0, where == 0 ? input : known, where == 0 ? input.size() : known.size());
    if (where == 1)
        file += chunk(2, 0, input, input.size());
    if (where == 2)
        file += chunk(2, 1, input, input.size() * 3);
    // A frame of Zstandard (RFC 8878), of one segment with its content's size, whose blocks are the input.
    if (where == 5) {
        std::string frame("\x28\xb5\x2f\xfd\xa0", 5);
        put(frame, static_cast<std::uint32_t>(input.size() * 2));
        file += chunk(2, 4, frame + input, input.size() * 2);
    }
    if (where == 4)
        file += chunk(5, 2, input, input.size());
    file += chunk(3, 0, where == 3 ? input : "{}", where == 3 ? input.size() : 2);
    std::string count;
    put(count, std::uint64_t{where == 0 || where == 3 ? 2U : 3U});
    return file + chunk(4, 0, count, count.size());
}

// Batches and control records of the right shape with the input's bytes in them.
static std::string framed(const std::string& input)
{
    std::string events;
    for (std::size_t at = 0; at < input.size();) {
        const auto kind = static_cast<unsigned char>(input[at++]);
        std::string body;
        if (kind % 2 == 0) {
            const std::uint32_t n = kind / 2 % 32;
            put(body, std::uint32_t{0});
            put(body, n);
            body += input.substr(std::min(at, input.size()), 56);
            at += 56;
            body.resize(64);
            for (std::uint32_t i = 0; i < n; ++i) {
                std::string event = input.substr(std::min(at, input.size()), 64);
                event.resize(64);
                event[0] = static_cast<char>(event[0] & 15);  // mostly types that exist
                event[1] = 0;
                body += event;
                at += 64;
            }
        } else {
            body = input.substr(std::min(at, input.size()), 448);
            at += 448;
            body.resize(448);
            body[0] = static_cast<char>(64 + (body[0] & 7));
            body[1] = body[2] = body[3] = 0;
        }
        put(events, std::uint32_t{kind % 2 == 0 ? 1U : 2U});
        put(events, static_cast<std::uint32_t>(body.size()));
        events += body;
    }
    return events;
}

static void read(const std::string& file)
{
    const auto bytes = std::as_bytes(std::span(file));
    const auto strict = flyball::profile::replay(bytes);
    const auto salvaged = flyball::profile::replay(bytes, {.salvage = true, .filters = {}});
    // What is whole needs no salvage, and reads the same twice.
    if (strict && (!salvaged || salvaged->incomplete || !(*strict == *salvaged)))
        std::abort();
    if (!strict && strict.error().what.empty())
        std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 8) {
    case 0:
        read(input);
        break;
    case 5:
        read(wrapped(1, framed(input)));
        break;
    case 6:
        read(wrapped(4, input));
        break;
    case 7:
        read(wrapped(5, input));
        break;
    default:
        read(wrapped(data[0] % 8 - 1U, input));
        break;
    }
    return 0;
}
