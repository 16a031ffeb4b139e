// SPDX-License-Identifier: Apache-2.0
// What of a window a quota may be worked out from. Pure.
#pragma once

#include "flyball/tune/cpu.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace flyball::tune {

[[nodiscard]] Proposal answered(Proposal proposal, Answer what, std::string summary);

// Why nothing can be said from this window; nullopt: it can.
[[nodiscard]] std::optional<Proposal> unusable(const Proposal& proposal, const Window& window, Subject& subject,
                                               const CpuOptions& options);

// Others took something of its time, so that its demand would have been another without them.
[[nodiscard]] bool was_disturbed(const DemandTrace& trace);

[[nodiscard]] ReplayOptions replay_options(const DemandTrace& trace, std::size_t replicates, bool undisturbed);

}  // namespace flyball::tune
