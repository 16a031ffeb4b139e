// SPDX-License-Identifier: Apache-2.0
// What the recorder says on stderr while it works: a line that rewrites itself on a terminal,
// plain lines elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace flyball::live {

class Progress {
public:
    Progress(bool quiet, int fd);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // A plain line, said once; also when quiet is not wanted by anyone but it must be known.
    void say(std::string_view line);
    // The line that changes; nothing where stderr is no terminal.
    void update(std::uint64_t elapsed_ns, std::uint64_t duration_ns, std::uint64_t events);

private:
    void clear();
    bool quiet_;
    bool tty_;
    bool shown_ = false;
};

}  // namespace flyball::live
