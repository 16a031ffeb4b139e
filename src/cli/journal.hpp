// SPDX-License-Identifier: Apache-2.0
// The system's journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an entry, so
// that no library is needed for it.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace flyball::cli {

// NAME=value; the name in capitals, digits and underscores. Any byte may be in a value.
using JournalField = std::pair<std::string, std::string>;

// What goes over the socket.
[[nodiscard]] std::string encode_journal_entry(const std::vector<JournalField>& fields);

class Journal {
public:
    // Unavailable: there is no journal here.
    [[nodiscard]] static Result<Journal> open(const std::string& socket_path = "/run/systemd/journal/socket");
    [[nodiscard]] Result<> send(const std::vector<JournalField>& fields) const;

private:
    explicit Journal(UniqueFd socket) : socket_(std::move(socket)) {}
    UniqueFd socket_;
};

}  // namespace flyball::cli
