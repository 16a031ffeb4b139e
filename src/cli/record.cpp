// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/recorder.hpp"
#include "output.hpp"
#include "requests.hpp"

#include <unistd.h>

namespace flyball::cli {

int run_record(const RecordOptions& options, StopToken& stop)
{
    const auto request = parse_record(options);
    if (!request)
        return complain(request.error());
    live::Progress progress(options.quiet, STDERR_FILENO);
    const auto caretaker = live::Caretaker::start(progress, live::Caretaker::of(request->command));
    if (!caretaker)
        return complain(caretaker.error());
    auto recorded = live::record(*request, progress, stop);
    if (!recorded)
        return complain(recorded.error());
    int code = recorded->command ? recorded->command->shell_code() : 0;
    if (auto printed = print_report(recorded->snapshot, options.out, {}, stop); !printed)
        code = complain(printed.error());
    const int saved = tell_saved(*recorded, options);
    return saved == 0 ? code : saved;
}

}  // namespace flyball::cli
