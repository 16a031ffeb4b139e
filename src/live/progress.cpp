// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/progress.hpp"

#include "flyball/base/standard_streams.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

namespace flyball::live {

Progress::Progress(bool quiet, int fd) : quiet_(quiet), tty_(is_tty(fd)) {}
Progress::~Progress()
{
    clear();
}

void Progress::clear()
{
    if (!shown_)
        return;
    write_to_stderr("\r\x1b[K");
    shown_ = false;
}

void Progress::say(std::string_view line)
{
    if (quiet_)
        return;
    clear();
    write_to_stderr(fmt::format("flyball: {}\n", line));
}

void Progress::update(std::uint64_t elapsed_ns, std::uint64_t duration_ns, std::uint64_t events)
{
    if (quiet_ || !tty_)
        return;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    write_to_stderr(fmt::format("\r\x1b[K{} s{}, {} events", elapsed_ns / kSecond,
                                duration_ns == 0 ? "" : fmt::format(" of {} s", (duration_ns + kSecond - 1) / kSecond),
                                format_count(events)));
    shown_ = true;
}

}  // namespace flyball::live
