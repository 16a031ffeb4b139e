// SPDX-License-Identifier: Apache-2.0
// Asking the kernel by doing: each trial makes the smallest thing of its kind and closes it at once.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/programs.hpp"

#include <cstdint>
#include <optional>

namespace flyball::kernel::trials {

struct Loaded {
    UniqueFd fd;  // invalid: refused
    Trial trial;
};

// A program of two instructions (return 0) of our program's kind.
[[nodiscard]] Loaded load(const Program& program, std::uint32_t attach_id);

// A raw_tp program, which needs no BTF: does bpf() take anything from us?
[[nodiscard]] Loaded load_plain();

// BTF ids of the kernel functions that keep a program from being preempted.
struct PreemptCalls {
    std::uint32_t disable, enable, irq_save, irq_restore;
};

// A program that calls them in our programs' order.
[[nodiscard]] Trial preempt_off(const PreemptCalls& calls);

// A program that casts with that kernel function to that type; both are BTF ids.
[[nodiscard]] Trial rdonly_cast(std::uint32_t function, std::uint32_t type);

[[nodiscard]] Trial test_run(int program_fd);
// A perf event that counts the CPU's clock, with a program of two instructions, never enabled.
[[nodiscard]] Trial cpu_clock();
[[nodiscard]] Trial ring_buffer(std::uint32_t page_size);
[[nodiscard]] Trial task_storage();
[[nodiscard]] Trial map_in_map(std::uint32_t page_size);

}  // namespace flyball::kernel::trials
