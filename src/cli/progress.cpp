// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"

#include <fmt/core.h>

#include <cstdio>

namespace flyball::cli {

Progress::Progress(bool quiet, int fd) : quiet_(quiet), tty_(is_tty(fd)) {}
Progress::~Progress()
{
    clear();
}

void Progress::clear()
{
    if (!shown_)
        return;
    fmt::print(stderr, "\r\x1b[K");
    shown_ = false;
}

void Progress::say(std::string_view line)
{
    if (quiet_)
        return;
    clear();
    fmt::print(stderr, "flyball: {}\n", line);
}

void Progress::update(std::uint64_t elapsed_ns, std::uint64_t duration_ns, std::uint64_t events)
{
    if (quiet_ || !tty_)
        return;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    fmt::print(stderr, "\r\x1b[K{} s", elapsed_ns / kSecond);
    if (duration_ns != 0)
        fmt::print(stderr, " of {} s", (duration_ns + kSecond - 1) / kSecond);
    fmt::print(stderr, ", {} events", format_count(events));
    std::fflush(stderr);
    shown_ = true;
}

}  // namespace flyball::cli
