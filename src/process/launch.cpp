// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace flyball::process {

namespace {

// In the child.
bool wire(int in, int out, int err)
{
    if (in < 0)
        in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ::dup2(in, STDIN_FILENO) >= 0 && (out < 0 || ::dup2(out, STDOUT_FILENO) >= 0) &&
           (err < 0 || ::dup2(err, STDERR_FILENO) >= 0);
}

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> all;
    // exec takes char* for historical reasons and changes nothing.
    for (const std::string& text : texts)
        all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

}  // namespace

Result<Born> launch(const Launch& command)
{
    // Made before the fork: the child must not allocate.
    const std::vector<char*> argv = pointers(command.words);
    const std::vector<char*> own =
        command.environment == nullptr ? std::vector<char*>{} : pointers(*command.environment);
    char* const* const environment = command.environment == nullptr ? ::environ : own.data();
    return start({.place = command.place, .dies_with_us = command.dies_with_us},
                 fmt::format("'{}'", command.words.front()), [&](int errnum) {
                     if (command.own_group)
                         (void)::setpgid(0, 0);
                     if (errnum != 0 || !wire(command.in, command.out, command.err))
                         return kExitCannotExecute;
                     give_back_signals();
                     return execute(argv.data(), environment);
                 });
}

}  // namespace flyball::process
