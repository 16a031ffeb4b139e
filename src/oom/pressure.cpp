// SPDX-License-Identifier: Apache-2.0
#include "pressure.hpp"

#include "flyball/base/units.hpp"
#include "flyball/cgroup/actuator.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/memory_state.hpp"
#include "flyball/profile/subtree.hpp"
#include "machine_memory.hpp"
#include "shell.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace flyball::oom {
namespace {

constexpr std::uint64_t kMinute = 60'000'000'000;
constexpr std::uint64_t kPiece = 256 << 10;       // of what dd writes
constexpr std::uint64_t kLastBytes = 4 << 20;     // written piece by piece, to stop at the first kill
constexpr std::uint64_t kBesideBytes = 64 << 20;  // left to the machine and to those beside the service
// Its exit status when it may not enter the cgroup.
constexpr int kKeptOut = 120;

// The kernel's count of kills in the subtree; nullopt: the cgroup is gone.
std::optional<std::uint64_t> kernel_kills(Trial& trial, const std::string& path)
{
    return trial.ground().event(path, "oom_kill");
}

bool killed_since(Trial& trial, const std::string& path, std::optional<std::uint64_t> before)
{
    return kernel_kills(trial, path) != before;
}

std::uint64_t limit_of(Trial& trial, const std::string& path)
{
    return trial.ground().number(path, "memory.max").value_or(cgroup::kUnlimited);
}

// v1's "no limit" is a number just below 2^63 (mm/page_counter.c: PAGE_COUNTER_MAX).
bool is_limit(std::uint64_t bytes)
{
    return bytes < (std::uint64_t{1} << 50);
}

// The pressure is to be on this cgroup alone.
void check_room(Trial& trial, const std::string& path, std::uint64_t wanted)
{
    if (available_bytes() < wanted + kBesideBytes)
        throw Lacking{fmt::format("{} of pressure are wanted and the machine has {} left", format_bytes(wanted),
                                  format_bytes(available_bytes()))};
    const auto swap = cgroup::read_memory_state(trial.ground().layout(), path).swap_max;
    if (swap.value_or(cgroup::kUnlimited) != 0 && free_swap_bytes() > 0)
        throw Lacking{fmt::format("{} may swap: the pressure would fill the machine's swap (memory.swap.max 0, or "
                                  "--lower-memory-max)",
                                  path)};
    for (std::string_view above = profile::parent_of(path); above.size() > 1; above = profile::parent_of(above)) {
        const std::string name(above);
        const std::uint64_t limit = limit_of(trial, name), held = held_bytes(trial, name);
        if (is_limit(limit) && limit < held + wanted + kLastBytes)
            throw Lacking{fmt::format("{} above it has {} left: its limit would be hit, and others be killed", name,
                                      format_bytes(limit > held ? limit - held : 0))};
    }
}

// So many bytes more of the shared memory, charged to the cgroup. Its exit status; nullopt: a kill was sooner, or it
// did not end in time.
std::optional<int> write_more(Trial& trial, const std::string& path, int memory, std::uint64_t bytes,
                              std::uint64_t kills_before, std::uint32_t& pid)
{
    // The shell moves itself: a fork of flyball would be the largest in there before its exec.
    Shell dd = must(Shell::start(
        fmt::format("echo 0 2>/dev/null >\"$0\" || exit {}; "
                    "exec dd if=/dev/zero bs=256K count=\"$1\" status=none 2>/dev/null",
                    kKeptOut),
        {trial.ground().procs_file(path), std::to_string(std::max<std::uint64_t>(bytes / kPiece, 1))}, memory));
    pid = dd.pid();
    // What it would write after a kill would be the end of the service's next life.
    (void)trial.until([&] { return dd.ended().has_value() || killed_since(trial, path, kills_before); }, kMinute);
    return dd.ended();
}

}  // namespace

std::uint64_t held_bytes(Trial& trial, const std::string& path)
{
    const cgroup::MemoryState state = cgroup::read_memory_state(trial.ground().layout(), path);
    const std::uint64_t reclaimable =
        state.active_file.value_or(0) + state.inactive_file.value_or(0) + state.slab_reclaimable.value_or(0);
    const std::uint64_t current = state.current.value_or(0);
    return current > reclaimable ? current - reclaimable : 0;
}

Pressed press(Trial& trial, const std::string& path)
{
    const std::uint64_t limit = limit_of(trial, path);
    if (!is_limit(limit))
        throw Lacking{fmt::format("{} has no memory.max: nothing would bound the pressure (--lower-memory-max sets one "
                                  "for a moment)",
                                  path)};
    const std::uint64_t held = held_bytes(trial, path);
    const std::uint64_t room = limit > held ? limit - held : 0;
    check_room(trial, path, room);
    const UniqueFd memory(::memfd_create("flyball-pressure", MFD_CLOEXEC));
    if (!memory.valid())
        throw Broken{errno_error(ErrorKind::Io, "memfd_create", errno)};
    const auto before = kernel_kills(trial, path);
    if (!before)
        throw Lacking{fmt::format("{} has no count of its kills", path)};
    trial.step(fmt::format("pressure: {} beside {} that are held, of {}", format_bytes(room), format_bytes(held),
                           format_bytes(limit)));
    Pressed pressed;
    const auto written = [&] {
        struct stat about{};
        return ::fstat(memory.get(), &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
    };
    for (;;) {
        // Half of what is left each time: it may have grown meanwhile.
        const std::uint64_t now = held_bytes(trial, path), left = limit > now ? limit - now : 0;
        const std::uint64_t next = left > kLastBytes ? (left - kLastBytes) / 2 : kPiece;
        const auto ended = write_more(trial, path, memory.get(), next, *before, pressed.by_pid);
        if (ended == kKeptOut)
            throw Lacking{fmt::format("no process may enter {}: it hands its memory on to cgroups below it, or is gone "
                                      "(name one of those)",
                                      path)};
        pressed.killed = killed_since(trial, path, before);
        if (pressed.killed)
            return pressed;
        if (!ended)
            pressed.why_not = "a minute of reclaim and no kill (memory.high holds it back?)";
        else if (*ended != 0)
            pressed.why_not = "out of memory, and nothing in it could be killed";
        else if (written() > room + kBesideBytes)
            pressed.why_not = fmt::format("{} were written and memory.max was not hit", format_bytes(written()));
        else
            continue;
        return pressed;
    }
}

Pressed lower_limit(Trial& trial, const std::string& path)
{
    if (!trial.ground().unified())
        throw Lacking{"cgroup v1 refuses a limit below what is in use, and kills nobody"};
    const auto before = kernel_kills(trial, path);
    const auto text = trial.ground().text(path, "memory.max");
    if (!before || !text)
        throw Lacking{fmt::format("{} has no memory.max", path)};
    const std::uint64_t held = held_bytes(trial, path);
    // One process has that much, and more than one is not to die.
    const std::uint64_t less = std::max(held / 16, std::uint64_t{1} << 20);
    if (held <= less)
        throw Lacking{fmt::format("{} holds {}: too little to take any of it away", path, format_bytes(held))};
    const std::string directory = trial.ground().directory(path);
    auto actuator = must(cgroup::Actuator::open());
    using enum cgroup::Actuator::Harm;
    if (trial.ground().has(path, "memory.swap.max"))
        must(actuator.set(directory, "memory.swap.max", "0"));
    trial.step(fmt::format("memory.max of {} lowered to {}, {} are held", path, format_bytes(held - less),
                           format_bytes(held)));
    // It returns when the kernel has reclaimed, and killed. What the service's manager removes meanwhile needs nothing
    // back.
    const auto lowered = actuator.set(directory, "memory.max", std::to_string(held - less), Meant);
    const auto report = actuator.revert();
    if (!report.complete())
        throw Broken{{ErrorKind::Io, fmt::format("a limit is not as it was: {}", fmt::join(report.failed, ", ")), ""}};
    trial.step(fmt::format("memory.max of {} put back", path));
    Pressed pressed;
    pressed.killed = killed_since(trial, path, before);
    if (!pressed.killed)
        pressed.why_not = lowered ? "memory.max was lowered and nobody was killed" : lowered.error().what;
    return pressed;
}

}  // namespace flyball::oom
