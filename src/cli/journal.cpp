// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace flyball::cli {

std::string encode_journal_entry(const std::vector<JournalField>& fields)
{
    std::string text;
    for (const auto& [name, value] : fields) {
        if (value.find('\n') == std::string::npos) {
            text += name + '=' + value + '\n';
            continue;
        }
        // A value with newlines: its length in 64 bits, little-endian, goes before it.
        text += name + '\n';
        std::uint64_t size = value.size();
        for (int i = 0; i < 8; ++i, size >>= 8)
            text += static_cast<char>(size & 0xff);
        text += value + '\n';
    }
    return text;
}

Result<Journal> Journal::open(const std::string& socket_path)
{
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid())
        return std::unexpected(errno_error(ErrorKind::Io, "socket", errno));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
        return fail(ErrorKind::Usage, fmt::format("{}: too long for a socket", socket_path));
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "--journal: " + socket_path, errno,
                                           "no journal runs here; leave --journal away"));
    return Journal(std::move(fd));
}

Result<> Journal::send(const std::vector<JournalField>& fields) const
{
    const std::string text = encode_journal_entry(fields);
    if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
        return std::unexpected(errno_error(ErrorKind::Io, "writing to the journal", errno));
    return {};
}

}  // namespace flyball::cli
