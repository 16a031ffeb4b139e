// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"
#include "output.hpp"
#include "recorder.hpp"

namespace flyball::cli {

int run_record(const RecordOptions& options)
{
    auto recorded = record(options);
    if (!recorded)
        return complain(recorded.error());
    int code = recorded->command ? recorded->command->shell_code() : 0;
    if (auto printed = print_report(recorded->snapshot, options.out, {}); !printed)
        code = complain(printed.error());
    const int saved = tell_saved(*recorded, options);
    return saved == 0 ? code : saved;
}

}  // namespace flyball::cli
