// SPDX-License-Identifier: Apache-2.0
// What the terminal at a file descriptor can do. Thread-safe as far as getenv is.
#pragma once

#include <functional>
#include <string>

namespace flyball {

enum class ColorWhen { Auto, Always, Never };

// Looks up one environment variable; nullptr: not set. std::getenv, or a table in a test.
using Environment = std::function<const char*(const char*)>;
[[nodiscard]] Environment process_environment();

[[nodiscard]] bool is_tty(int fd);

// --color=always|never decides. Otherwise: NO_COLOR set and not empty (no-color.org) means no; then
// CLICOLOR_FORCE set and not "0" (bixense.com/clicolors) means yes; then CLICOLOR=0 or TERM unset or
// "dumb" means no; then whether it is a terminal.
[[nodiscard]] bool use_color(ColorWhen when, bool tty, const Environment& environment);

// Columns: of the terminal at fd, else $COLUMNS, else `otherwise`. At least 20, at most 1000.
[[nodiscard]] int terminal_width(int fd, const Environment& environment, int otherwise = 80);

}  // namespace flyball
