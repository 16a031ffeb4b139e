// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/doctor.hpp"

#include "flyball/cli/verbs.hpp"
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/probe/confirm.hpp"
#include "flyball/report/doctor.hpp"
#include "output.hpp"

namespace flyball::cli {

int run_doctor(const DoctorOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto facts = kernel::gather();
    if (!facts)
        return complain(facts.error());
    const kernel::Plan plan = probe::confirm(kernel::decide(*facts));
    if (const auto printed =
            print(options.json ? report::render_doctor_json(plan) : report::render_doctor_text(plan), stop);
        !printed)
        return complain(printed.error());
    return plan.nothing ? exit_code(ErrorKind::Unavailable) : 0;
}

}  // namespace flyball::cli
