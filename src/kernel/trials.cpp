// SPDX-License-Identifier: Apache-2.0
#include "trials.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string>

namespace flyball::kernel::trials {

namespace {

// r0 = 0; exit
constexpr std::array<bpf_insn, 2> kReturnZero{
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

// call a function of the kernel
constexpr bpf_insn call(std::uint32_t id)
{
    return {.code = BPF_JMP | BPF_CALL,
            .dst_reg = 0,
            .src_reg = BPF_PSEUDO_KFUNC_CALL,
            .off = 0,
            .imm = static_cast<__s32>(id)};
}

// r1 = r10; r1 += -8: the first argument is a slot on the stack
constexpr bpf_insn kStackTop{
    .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10, .off = 0, .imm = 0};
constexpr bpf_insn kFirstSlot{
    .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .src_reg = 0, .off = 0, .imm = -8};

constexpr const char* kName = "flyball_trial";
constexpr const char* kLicense = "GPL";  // fentry and most helpers are for GPL programs only

Trial refused(int error, std::string_view log = {})
{
    std::string why = std::strerror(error);
    // The verifier's last line says more than the number, except for a plain refusal.
    const auto from = log.find_first_not_of('\n');
    if (error != EPERM && from != std::string_view::npos)
        why += ": " + std::string(log.substr(from, log.find('\n', from) - from));
    return {.ok = false, .why = std::move(why)};
}

Trial outcome(const UniqueFd& fd, int error)
{
    return fd.valid() ? Trial{.ok = true, .why = {}} : refused(error);
}

// Loads a raw_tp program that calls functions of the kernel.
Trial verify(std::span<const bpf_insn> program)
{
    std::array<char, 4096> log{};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .log_size = log.size(), .log_buf = log.data());
    const UniqueFd fd(
        bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, kName, kLicense, program.data(), program.size(), &options));
    const int error = errno;
    return fd.valid() ? Trial{.ok = true, .why = {}} : refused(error, log.data());
}

struct BtfFree {
    void operator()(btf* b) const { btf__free(b); }
};

}  // namespace

Loaded load(const Program& program, std::uint32_t attach_id)
{
    if (program.kind == ProgramKind::RawTp)
        return load_plain();
    std::array<char, 4096> log{};
    LIBBPF_OPTS(bpf_prog_load_opts, options,
                .expected_attach_type = static_cast<bpf_attach_type>(attach_type(program.kind)),
                .attach_btf_id = attach_id, .log_size = log.size(), .log_buf = log.data());
    UniqueFd fd(
        bpf_prog_load(BPF_PROG_TYPE_TRACING, kName, kLicense, kReturnZero.data(), kReturnZero.size(), &options));
    const int error = errno;
    Trial trial = fd.valid() ? Trial{.ok = true, .why = {}} : refused(error, log.data());
    return {.fd = std::move(fd), .trial = std::move(trial)};
}

Loaded load_plain()
{
    UniqueFd fd(
        bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, kName, kLicense, kReturnZero.data(), kReturnZero.size(), nullptr));
    Trial trial = outcome(fd, errno);
    return {.fd = std::move(fd), .trial = std::move(trial)};
}

Trial preempt_off(const PreemptCalls& calls)
{
    const std::array<bpf_insn, 10> program{
        call(calls.disable), kStackTop,      kFirstSlot, call(calls.irq_save),
        call(calls.enable),  kStackTop,      kFirstSlot, call(calls.irq_restore),
        kReturnZero[0],      kReturnZero[1],
    };
    return verify(program);
}

Trial rdonly_cast(std::uint32_t function, std::uint32_t type)
{
    const bpf_insn to{.code = BPF_ALU64 | BPF_MOV | BPF_K,
                      .dst_reg = BPF_REG_2,
                      .src_reg = 0,
                      .off = 0,
                      .imm = static_cast<__s32>(type)};
    const std::array<bpf_insn, 6> program{kStackTop, kFirstSlot, to, call(function), kReturnZero[0], kReturnZero[1]};
    return verify(program);
}

Trial test_run(int program_fd)
{
    // On a named CPU, as batches are flushed; this one is certainly online.
    LIBBPF_OPTS(bpf_test_run_opts, options, .flags = BPF_F_TEST_RUN_ON_CPU,
                .cpu = static_cast<__u32>(std::max(0, sched_getcpu())));
    const int error = bpf_prog_test_run_opts(program_fd, &options);
    return error == 0 ? Trial{.ok = true, .why = {}} : refused(-error);
}

Trial cpu_clock()
{
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.sample_period = 1'000'000'000;
    attributes.disabled = 1;
    const UniqueFd event(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, -1, std::max(0, sched_getcpu()), -1, PERF_FLAG_FD_CLOEXEC)));
    if (!event.valid())
        return {.ok = false, .why = std::string("perf_event_open: ") + std::strerror(errno)};
    const UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, kName, kLicense, kReturnZero.data(), kReturnZero.size(), nullptr));
    if (!program.valid())
        return {.ok = false, .why = std::string("a program for perf events: ") + std::strerror(errno)};
    if (::ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program.get()) != 0)
        return {.ok = false, .why = std::string("a program at a perf event: ") + std::strerror(errno)};
    return {.ok = true, .why = {}};
}

Trial ring_buffer(std::uint32_t page_size)
{
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_RINGBUF, kName, 0, 0, page_size, nullptr));
    return outcome(map, errno);
}

Trial task_storage()
{
    // Local storage wants BTF of its key and value.
    const std::unique_ptr<btf, BtfFree> types(btf__new_empty());
    if (!types)
        return refused(errno);
    const int integer = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
    if (integer < 0)
        return refused(-integer);
    if (const int error = btf__load_into_kernel(types.get()); error < 0)
        return refused(-error);
    const auto id = static_cast<__u32>(integer);
    LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = static_cast<__u32>(btf__fd(types.get())), .btf_key_type_id = id,
                .btf_value_type_id = id, .map_flags = BPF_F_NO_PREALLOC);
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, kName, 4, 4, 0, &options));
    return outcome(map, errno);
}

Trial map_in_map(std::uint32_t page_size)
{
    const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_RINGBUF, kName, 0, 0, page_size, nullptr));
    if (!inner.valid())
        return refused(errno);
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<__u32>(inner.get()));
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, kName, 4, 4, 1, &options));
    return outcome(map, errno);
}

}  // namespace flyball::kernel::trials
