// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace flyball::cli {

// Of the tree that was built, such as "0b996800-dirty"; empty without git. cmake/Commit.cmake writes it, and only the
// program has it: reports and recordings have the version.
const char* commit();

}  // namespace flyball::cli
