// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/terminal.hpp"

#include "flyball/base/strings.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace flyball {

namespace {

std::string_view value_of(const Environment& environment, const char* name)
{
    const char* const value = environment(name);
    return value == nullptr ? std::string_view{} : std::string_view(value);
}

int within_bounds(std::uint64_t columns)
{
    return static_cast<int>(std::clamp<std::uint64_t>(columns, 20, 1000));
}

}  // namespace

Environment process_environment()
{
    return [](const char* name) -> const char* { return std::getenv(name); };
}

bool is_tty(int fd)
{
    return ::isatty(fd) == 1;
}

bool use_color(ColorWhen when, bool tty, const Environment& environment)
{
    if (when != ColorWhen::Auto)
        return when == ColorWhen::Always;
    if (!value_of(environment, "NO_COLOR").empty())
        return false;
    const std::string_view force = value_of(environment, "CLICOLOR_FORCE");
    if (!force.empty() && force != "0")
        return true;
    if (value_of(environment, "CLICOLOR") == "0")
        return false;
    const std::string_view term = value_of(environment, "TERM");
    return !term.empty() && term != "dumb" && tty;
}

int terminal_width(int fd, const Environment& environment, int otherwise)
{
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return within_bounds(size.ws_col);
    const auto columns = parse_u64(value_of(environment, "COLUMNS"));
    return columns && *columns > 0 ? within_bounds(*columns) : otherwise;
}

}  // namespace flyball
