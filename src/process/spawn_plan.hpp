// SPDX-License-Identifier: Apache-2.0
// What SpawnOptions ask for, prepared before the fork, so that between fork and exec nothing is allocated.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/process/child.hpp"

#include <string>
#include <vector>

namespace flyball::process {

// The environment of a child: ours with changes. The pointers are valid while ours is not changed and this lives.
class ChildEnvironment {
public:
    explicit ChildEnvironment(const std::vector<std::string>& changes);
    ChildEnvironment(const ChildEnvironment&) = delete;
    ChildEnvironment& operator=(const ChildEnvironment&) = delete;
    // As execve() wants it.
    [[nodiscard]] char* const* get() const { return pointers_.data(); }

private:
    std::vector<std::string> own_;
    std::vector<char*> pointers_;
};

// Descriptors that move to their numbers in the child. They, and others that the child needs until its exec, are first
// copied above all these numbers, so that none is overwritten before it is used.
class ChildDescriptors {
public:
    // Io: a descriptor is not open, or no more can be opened.
    [[nodiscard]] static Result<ChildDescriptors> prepare(const SpawnOptions& options);

    // Puts a descriptor of ours out of the way of the numbers.
    [[nodiscard]] Result<> lift(UniqueFd& fd) const;
    // In the child. Async-signal-safe. False, and errno: a number could not be taken.
    [[nodiscard]] bool install() const;

private:
    struct Move {
        UniqueFd from;
        int to;
    };
    std::vector<Move> moves_;
    int above_ = 0;
};

}  // namespace flyball::process
