// SPDX-License-Identifier: Apache-2.0
// How the values of a proposal get into the files. Pure; any thread.
#pragma once

#include "flyball/tune/proposal.hpp"

#include <string>
#include <vector>

namespace flyball::tune {

struct Write {
    std::string file, text;
    friend bool operator==(const Write&, const Write&) = default;
};
// What is to be written, and in which order; not what is there already. What is raised comes first, from the last value
// on (memory.max before memory.high), then what is lowered. The burst goes to 0 before the quota changes: the kernel
// refuses a quota below the burst, and v5.14 to v6.9 divide it by 1000 when the quota is written (49217ea147df).
[[nodiscard]] std::vector<Write> writes_of(const Proposal& proposal);

// Is it surely lower than before?
[[nodiscard]] bool lowered(const Value& value);

}  // namespace flyball::tune
