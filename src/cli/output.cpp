// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include "flyball/audit/audit.hpp"
#include "flyball/base/patient_write.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/report/model.hpp"
#include "say.hpp"

#include <unistd.h>

#include <utility>

namespace flyball::cli {

Result<> print_report(const profile::Snapshot& snapshot, const OutputOptions& options,
                      const std::vector<std::string>& cgroups, StopToken& stop)
{
    if (options.format == Format::None)
        return {};
    const auto rows = audit::audit(snapshot);
    report::Options wanted;
    wanted.cgroups = cgroups;
    wanted.all = options.all;
    const auto model = report::build(snapshot, rows, wanted);
    std::string text;
    if (options.format == Format::Json) {
        text = report::render_json(model);
        if (text.empty() || text.back() != '\n')
            text.push_back('\n');
    } else {
        const bool color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
        text = report::render_text(model, {.width = 80, .color = color});
    }
    return print(text, stop);
}

Result<> print(std::string_view text, StopToken& stop)
{
    auto put = write_patiently(STDOUT_FILENO, text, {.stop = &stop});
    return put ? Result<>{} : std::unexpected(std::move(put.error()).context("standard output"));
}

int tell_saved(const live::Recorded& recorded, const RecordOptions& options)
{
    if (recorded.file_error)
        return complain(*recorded.file_error);
    if (!options.output.empty() && !options.quiet && options.output != "-")
        say("saved {} ({})", options.output, format_bytes(recorded.file_bytes));
    return 0;
}

}  // namespace flyball::cli
