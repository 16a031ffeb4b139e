// SPDX-License-Identifier: Apache-2.0
#include "flyball/probe/stack_sampler.hpp"

#include "bpf_log.hpp"
#include "flyball/abi/config.h"
#include "flyball/base/fd.hpp"
#include "open_options.hpp"
#include "stacks.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::probe {

namespace {

// A sample is some 700 bytes; the reader comes 20 times a second, or when half of the ring is full.
constexpr std::uint64_t kRingBytesPerCpu = 256 * 1024;
constexpr std::uint64_t kMostRingBytes = 64ULL << 20;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

struct StacksDeleter {
    void operator()(stacks_bpf* skeleton) const { stacks_bpf__destroy(skeleton); }
};

constexpr const char* kDoctor = "run `flyball doctor`: cpu.stacks says what is lacking; or leave --stacks away";

// A fixed period, not a frequency: the kernel would vary the period to meet it, and a sample would stand for
// something else each time.
UniqueFd open_clock(int cpu, std::uint32_t hz)
{
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.sample_period = kNsPerSecond / hz;
    return UniqueFd(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

}  // namespace

struct StackSampler::State {
    std::unique_ptr<stacks_bpf, StacksDeleter> skeleton;
    std::vector<UniqueFd> clocks;  // a program goes with its clock: one descriptor a CPU is enough
    std::uint32_t possible_cpus = 0;
    std::uint32_t cpus = 0;  // that have a clock, also when it has stopped

    Result<> load(const kernel::Plan& plan, BpfLog& log);
    Result<> attach(std::uint32_t hz);
};

Result<> StackSampler::State::load(const kernel::Plan& plan, BpfLog& log)
{
    const auto types = TypeFile::make(plan.facts);
    if (!types)
        return std::unexpected(types.error());
    const auto opening = types->options();
    skeleton.reset(stacks_bpf__open_opts(&opening));
    if (!skeleton)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "--stacks: opening its BPF object", errno));
    if (auto filled = types->fill(plan.facts, *skeleton->obj); !filled)
        return filled;
    const std::uint64_t ring = std::bit_ceil(std::min(kRingBytesPerCpu * possible_cpus, kMostRingBytes));
    skeleton->rodata->settings.flags = plan.config_flags;
    skeleton->rodata->settings.wakeup_bytes = ring / 2;
    bpf_map__set_max_entries(skeleton->maps.samples, static_cast<__u32>(ring));
    const int error = stacks_bpf__load(skeleton.get());
    if (error == 0)
        return {};
    if (!log.reason().empty())
        return fail(ErrorKind::Unavailable, "--stacks: the kernel refused its BPF program: " + log.reason(), kDoctor);
    return std::unexpected(errno_error(ErrorKind::Unavailable, "--stacks: loading its BPF object", -error, kDoctor));
}

Result<> StackSampler::State::attach(std::uint32_t hz)
{
    const auto refused = [](std::string_view what, std::uint32_t cpu, int error) {
        return std::unexpected(
            errno_error(ErrorKind::Unavailable, fmt::format("--stacks: {} of CPU {}", what, cpu), error, kDoctor));
    };
    const int program = bpf_program__fd(skeleton->progs.on_clock);
    for (std::uint32_t cpu = 0; cpu < possible_cpus; ++cpu) {
        UniqueFd clock = open_clock(static_cast<int>(cpu), hz);
        if (!clock.valid() && errno == ENODEV)
            continue;  // offline
        if (!clock.valid())
            return refused("perf_event_open for the clock", cpu, errno);
        if (::ioctl(clock.get(), PERF_EVENT_IOC_SET_BPF, program) != 0)
            return refused("a program at the clock", cpu, errno);
        clocks.push_back(std::move(clock));
        ++cpus;
    }
    if (cpus == 0)
        return fail(ErrorKind::Unavailable, "--stacks: no CPU has a clock", kDoctor);
    return {};
}

Result<StackSampler> StackSampler::open(const kernel::Plan& plan, const StackSamplerOptions& options)
{
    const kernel::MetricPlan* metric = plan.metric("cpu.stacks");
    if (metric != nullptr && !metric->available)
        return fail(ErrorKind::Unavailable, "--stacks: " + metric->note, metric->remedy);
    auto state = std::make_unique<State>();
    const int possible = libbpf_num_possible_cpus();
    if (possible <= 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "counting CPUs", -possible));
    state->possible_cpus = static_cast<std::uint32_t>(possible);
    BpfLog log(options.verbose);
    if (auto loaded = state->load(plan, log); !loaded)
        return std::unexpected(std::move(loaded).error());
    if (auto attached = state->attach(options.hz); !attached)
        return std::unexpected(std::move(attached).error());
    return StackSampler(std::move(state));
}

StackSampler::StackSampler(std::unique_ptr<State> state) : state_(std::move(state)) {}
StackSampler::~StackSampler() = default;
StackSampler::StackSampler(StackSampler&&) noexcept = default;
StackSampler& StackSampler::operator=(StackSampler&&) noexcept = default;

void StackSampler::set_recording(bool on)
{
    __atomic_store_n(&state_->skeleton->bss->recording, on ? 1U : 0U, __ATOMIC_SEQ_CST);
}

void StackSampler::detach()
{
    state_->clocks.clear();
}

std::uint32_t StackSampler::cpus() const
{
    return state_->cpus;
}

Result<fb_stack_stats> StackSampler::read_stats() const
{
    std::vector<fb_stack_stats> of_cpu(state_->possible_cpus);
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.stats), &key, of_cpu.data()) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "reading the counts of samples", errno));
    fb_stack_stats sum{};
    for (const fb_stack_stats& one : of_cpu) {
        sum.idle += one.idle;
        sum.attempted += one.attempted;
        sum.dropped += one.dropped;
        sum.busy += one.busy;
    }
    return sum;
}

int StackSampler::ring_fd() const
{
    return bpf_map__fd(state_->skeleton->maps.samples);
}

}  // namespace flyball::probe
