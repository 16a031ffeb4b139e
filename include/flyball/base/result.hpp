// SPDX-License-Identifier: Apache-2.0
// The one error type: every call that can fail at run time returns Result<T>.
//
// No exception crosses a room. Libraries that throw (CLI11, nlohmann_json) are wrapped at the
// edge where they are used.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace flyball {

// What went wrong, as far as the caller's choice of exit code is concerned.
enum class ErrorKind {
    Usage,        // the request is wrong: bad option, unknown cgroup, a file that is no recording
    Unavailable,  // this kernel or these privileges cannot do it
    Io,           // a file or disk failed
    Stopped,      // a guard ended it before its time: an answer, of an experiment
    Interrupted,  // a person or a service manager ended it, by a signal: no answer, and nothing of it is kept
    Finished,     // what was looked at has ended by itself
    Internal,     // our own fault
};

struct Error {
    ErrorKind kind = ErrorKind::Internal;
    std::string what;  // what failed and where, without a trailing full stop
    std::string hint;  // what to do about it; may be empty
    int signal = 0;    // Interrupted: which

    // Puts what the caller was doing in front: "reading /x: No such file or directory".
    [[nodiscard]] Error context(std::string_view doing) &&
    {
        what = std::string(doing) + ": " + what;
        return std::move(*this);
    }
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string what, std::string hint = {})
{
    return std::unexpected(Error{kind, std::move(what), std::move(hint)});
}

// errno, spelled out, after what was being done.
[[nodiscard]] Error errno_error(ErrorKind kind, std::string_view doing, int errnum, std::string hint = {});

// Exit code of a verb that ends with this error: 2 usage, 3 unavailable, 128 and the signal, 1 otherwise.
[[nodiscard]] constexpr int exit_code(ErrorKind kind)
{
    switch (kind) {
    case ErrorKind::Usage:
        return 2;
    case ErrorKind::Unavailable:
        return 3;
    default:
        return 1;
    }
}

[[nodiscard]] constexpr int exit_code(const Error& error)
{
    return error.kind == ErrorKind::Interrupted && error.signal > 0 ? 128 + error.signal : exit_code(error.kind);
}

}  // namespace flyball
