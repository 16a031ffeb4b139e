// SPDX-License-Identifier: Apache-2.0
// Putting finished pieces of the books together.
#pragma once

#include "flyball/ledger/books.hpp"

#include <vector>

namespace flyball::ledger {

void merge(std::vector<TaskShare>& into, const std::vector<TaskShare>& from);
void merge(std::vector<Blame>& into, const Blame& from);
void worst_first(std::vector<Blame>& blames);

}  // namespace flyball::ledger
