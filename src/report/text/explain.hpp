// SPDX-License-Identifier: Apache-2.0
// The blocks of numbers below the words of an explanation.
#pragma once

#include "canvas.hpp"
#include "explained.hpp"

namespace flyball::report {

void text_parts(const Finding& finding, std::size_t rank, Canvas& canvas);
void text_interference(const Explanation& explanation, Canvas& canvas);
void text_io(const Explanation& explanation, Canvas& canvas);
void text_quotas(const Explanation& explanation, Canvas& canvas);
void text_proof(const Explanation& explanation, Canvas& canvas);

}  // namespace flyball::report
