// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "flyball/base/units.hpp"
#include "flyball/cli/verbs.hpp"
#include "output.hpp"
#include "recorder.hpp"

namespace flyball::cli {

int run_record(const RecordOptions& options) {
    auto recorded = record(options);
    if (!recorded) return complain(recorded.error());
    int code = recorded->command ? recorded->command->shell_code() : 0;
    if (auto printed = print_report(recorded->snapshot, options.out, {}); !printed) code = complain(printed.error());
    if (recorded->file_error) {
        complain(*recorded->file_error);
        return 1;
    }
    if (!options.output.empty() && !options.quiet && options.output != "-")
        fmt::print(stderr, "flyball: saved {} ({})\n", options.output, format_bytes(recorded->file_bytes));
    return code;
}

}  // namespace flyball::cli
