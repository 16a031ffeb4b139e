// SPDX-License-Identifier: Apache-2.0
#include "stack_recording.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace flyball::live {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

// The kernel names a task by the PID of the initial namespace: in another one /proc has other processes there.
bool sees_all_processes()
{
    constexpr std::string_view kInitial = "pid:[4026531836]";  // since v3.8, and nothing else ever had it
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/ns/pid", error).native() == kInitial;
}

symbol::Places make_places()
{
    if (sees_all_processes())
        return symbol::Places();
    return symbol::Places("/nowhere", "process of another PID namespace");
}

profile::StackCollector::Limits make_limits()
{
    profile::StackCollector::Limits limits;
    if (const auto text = read_file("/proc/sys/kernel/perf_event_max_stack")) {
        if (const auto depth = parse_u64(trim(*text)); depth && *depth < limits.depth)
            limits.depth = *depth;
    }
    return limits;
}

}  // namespace

Result<StackRecording> StackRecording::open(const kernel::Plan& plan, std::uint32_t hz, bool verbose)
{
    auto sampler = probe::StackSampler::open(plan, {.hz = hz, .verbose = verbose});
    if (!sampler)
        return std::unexpected(std::move(sampler).error());
    auto reader = stream::StackReader::open(sampler->ring_fd());
    if (!reader)
        return std::unexpected(std::move(reader).error());
    return StackRecording(std::move(*sampler), std::move(*reader), hz);
}

StackRecording::StackRecording(probe::StackSampler sampler, stream::StackReader reader, std::uint32_t hz)
    : sampler_(std::move(sampler)), reader_(std::move(reader)), collector_(make_places(), make_limits()), hz_(hz)
{
    if (!sees_all_processes())
        notes_.emplace_back(
            "functions of programs are not named: flyball runs in a PID namespace of its own (run it on "
            "the host, or in a container that shares the host's PIDs)");
}

void StackRecording::begin(std::uint64_t now_ns)
{
    begin_ns_ = now_ns;
    sampler_.set_recording(true);
}

void StackRecording::end(std::uint64_t now_ns)
{
    sampler_.set_recording(false);
    end_ns_ = now_ns;
}

Result<profile::Stacks> StackRecording::finish()
{
    sampler_.detach();
    if (auto consumed = consume(); !consumed)
        return std::unexpected(std::move(consumed).error());
    const auto stats = sampler_.read_stats();
    if (!stats)
        return std::unexpected(stats.error());
    profile::Stacks stacks = std::move(collector_).finish();
    stacks.hz = hz_;
    stacks.cpus = sampler_.cpus();
    stacks.due = sampler_.cpus() * ((end_ns_ - begin_ns_) / (kNsPerSecond / hz_));
    stacks.idle = stats->idle;
    stacks.attempted = stats->attempted;
    stacks.dropped = stats->dropped;
    stacks.notes.insert(stacks.notes.begin(), notes_.begin(), notes_.end());
    if (stats->busy > 0)
        stacks.notes.push_back(
            fmt::format("{} of the dropped samples met another one of their CPU under way", stats->busy));
    if (reader_.malformed() > 0)
        stacks.notes.push_back(fmt::format("{} malformed samples were skipped", reader_.malformed()));
    return stacks;
}

std::string summary(const profile::Stacks& stacks)
{
    std::string text =
        fmt::format("{} stacks at {} a second on {} CPUs ({} ticks idle, {} late, {} dropped)", stacks.delivered,
                    stacks.hz, stacks.cpus, stacks.idle, stacks.late(), stacks.dropped);
    const auto add = [&text](std::uint64_t n, std::string_view what) {
        if (n > 0)
            text += fmt::format("; {} {}", n, what);
    };
    add(stacks.no_user_stack, "without a user stack");
    add(stacks.ended, "of processes whose memory map could not be read in time");
    add(stacks.cut, "deeper than what is kept");
    add(stacks.not_kept, "not kept, since too many were different");
    if (!stacks.balances())
        text += "; THE COUNTS DO NOT BALANCE: please report it";
    return text;
}

}  // namespace flyball::live
