// SPDX-License-Identifier: Apache-2.0
// Names, units and help of the metrics in a report. The table itself is one room lower, where the
// audit names metrics too.
#pragma once

#include "flyball/audit/metrics.hpp"

namespace flyball::report {

using audit::count_metrics;
using audit::coverage_name;
using audit::find_metric;
using audit::histogram_metrics;
using audit::Metric;
using audit::metrics;
using audit::program_name;
using audit::Unit;
using audit::unit_name;

}  // namespace flyball::report
