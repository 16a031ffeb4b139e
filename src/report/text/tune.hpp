// SPDX-License-Identifier: Apache-2.0
// The blocks of the text about tuning, from top to bottom. A block without content is not there.
#pragma once

#include "canvas.hpp"
#include "flyball/report/tune.hpp"

namespace flyball::report {

// The answer in one sentence.
void text_answer(const tune::Proposal& proposal, Canvas& canvas);
[[nodiscard]] std::string_view shouted_name(tune::Answer answer);
[[nodiscard]] Style style_of(tune::Answer answer);

void text_values(const tune::Proposal& proposal, Canvas& canvas);
void text_evidence(const tune::Proposal& proposal, Canvas& canvas);
void text_trials(const tune::Proposal& proposal, Canvas& canvas);
void text_refusals(const tune::Proposal& proposal, Canvas& canvas);
void text_notes(const tune::Proposal& proposal, Canvas& canvas);
// Time, work lost, and what has become of the values.
void text_cost(const tune::Proposal& proposal, Canvas& canvas);

// How to set all of it without flyball.
void text_by_hand(std::span<const tune::Proposal> proposals, const TuneTextOptions& options, Canvas& canvas);

}  // namespace flyball::report
