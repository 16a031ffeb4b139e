// SPDX-License-Identifier: Apache-2.0
// What the renderers of an explanation use of it.
#pragma once

#include "flyball/diagnose/words.hpp"
#include "flyball/report/explain.hpp"

namespace flyball::report {

using diagnose::cpu_ranges;
using diagnose::Encounter;
using diagnose::Explanation;
using diagnose::Finding;
using diagnose::is_io;
using diagnose::is_memory;
using diagnose::kWorthNaming;
using diagnose::Matrix;
using diagnose::Note;
using diagnose::per_mille;
using diagnose::plain_ns;
using diagnose::ratio;
using diagnose::Reason;
using diagnose::ShortNames;
using diagnose::spenders;
using diagnose::title;
using diagnose::unmeasured;

}  // namespace flyball::report
