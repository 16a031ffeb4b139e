// SPDX-License-Identifier: Apache-2.0
// What verdicts, reasons and states are called, and which of two outcomes is the worse.
#include "flyball/oom/test_report.hpp"
#include "flyball/oom/verdict.hpp"

namespace flyball::oom {

std::string_view name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::Pass:
        return "pass";
    case Outcome::Fail:
        return "fail";
    case Outcome::Inconclusive:
        return "inconclusive";
    }
    return "?";
}

std::string_view name(Reason reason)
{
    switch (reason) {
    case Reason::NotChosen:
        return "not_chosen";
    case Reason::Protected:
        return "protected";
    case Reason::Init:
        return "init";
    case Reason::KernelThread:
        return "kernel_thread";
    case Reason::Exiting:
        return "exiting";
    case Reason::AlreadyDying:
        return "already_dying";
    case Reason::BornAfter:
        return "born_after";
    case Reason::MovedIn:
        return "moved_in";
    case Reason::MovedOut:
        return "moved_out";
    case Reason::Unexplained:
        return "unexplained";
    }
    return "?";
}

// Short: they are a column of a table that is 80 wide.
std::string_view words(Reason reason)
{
    switch (reason) {
    case Reason::NotChosen:
        return "another process was chosen";
    case Reason::Protected:
        return "oom_score_adj is -1000";
    case Reason::Init:
        return "the machine's init";
    case Reason::KernelThread:
        return "kernel thread";
    case Reason::Exiting:
        return "was exiting already";
    case Reason::AlreadyDying:
        return "marked by an earlier kill";
    case Reason::BornAfter:
        return "forked after the kernel's scan";
    case Reason::MovedIn:
        return "moved in after the kernel's scan";
    case Reason::MovedOut:
        return "moved out before the kill";
    case Reason::Unexplained:
        return "no reason is known";
    }
    return "?";
}

Outcome worse(Outcome a, Outcome b)
{
    if (a == Outcome::Fail || b == Outcome::Fail)
        return Outcome::Fail;
    return a == Outcome::Inconclusive ? a : b;
}

std::string_view name(Status status)
{
    switch (status) {
    case Status::Pass:
        return "pass";
    case Status::Fail:
        return "fail";
    case Status::Inconclusive:
        return "inconclusive";
    case Status::Skipped:
        return "skipped";
    }
    return "?";
}

}  // namespace flyball::oom
