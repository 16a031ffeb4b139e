// SPDX-License-Identifier: Apache-2.0
#include "program_loader.hpp"

#include "bpf_log.hpp"
#include "flyball/kernel/programs.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace flyball::probe {

namespace {

using kernel::ProgramKind;

// Who loads, on this thread: handlers live as long as the process.
thread_local ProgramLoader* loading = nullptr;

constexpr std::array kSections{"tp_btf+", "fentry+", "fexit+", "iter+", "raw_tp"};

// r0 = 0; exit
constexpr std::array<bpf_insn, 2> kNothing{
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

constexpr bpf_attach_type kNeverAttached{};

// libbpf's own bound. Kernels before v6.4 keep the begin of a log that is longer, not its end.
constexpr std::size_t kLogBytes = (std::size_t{1} << 24) - 1;

}  // namespace

// Registers the handlers, once for the process: the last one that goes leaves libbpf before 1.3 with a pointer to freed
// memory ("libbpf: Fix realloc API handling in zero-sized edge cases"). errno, 0: done.
int ProgramLoader::register_handlers()
{
    static const int kError = [] {
        LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = &ProgramLoader::take);
        for (const char* section : kSections) {
            // Whatever a program is, what libbpf is left with is a raw tracepoint's, which every kernel takes.
            const int handler =
                libbpf_register_prog_handler(section, BPF_PROG_TYPE_RAW_TRACEPOINT, kNeverAttached, &options);
            if (handler <= 0)
                return handler < 0 ? -handler : EINVAL;
        }
        return 0;
    }();
    return kError;
}

ProgramLoader::ProgramLoader(const kernel::Facts& facts, StopToken* stop)
    : facts_(facts), stop_(stop), registration_error_(register_handlers()), previous_(std::exchange(loading, this))
{
}

ProgramLoader::~ProgramLoader()
{
    loading = previous_;
}

Result<ProgramLoader::Programs> ProgramLoader::load(bpf_object_skeleton& skeleton)
{
    loaded_.clear();
    refused_.clear();
    if (registration_error_ != 0)
        return std::unexpected(errno_error(ErrorKind::Internal, "registering with libbpf", registration_error_));
    if (const int error = bpf_object__load_skeleton(&skeleton); error != 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "loading the BPF object", -error,
                                           "run `flyball doctor`, or as root with CAP_BPF and CAP_PERFMON"));
    bpf_program* program = nullptr;
    bpf_object__for_each_program (program, *skeleton.obj)
        bpf_program__unload(program);
    return std::exchange(loaded_, {});
}

int ProgramLoader::take(bpf_program* program, bpf_prog_load_opts* options, long /*cookie*/)
{
    if (loading == nullptr)
        return -EINVAL;  // an object that is loaded past us
    loading->load_one(program, *options);
    // These describe the instructions that were there.
    options->func_info_cnt = 0;
    options->line_info_cnt = 0;
    return bpf_program__set_insns(program, const_cast<bpf_insn*>(kNothing.data()), kNothing.size());
}

// The program's instructions, with calls of the kernel's functions. Of those that are not there none is reached: the
// verifier, which knows the settings, takes them out.
std::vector<bpf_insn> ProgramLoader::with_calls(const bpf_program& program) const
{
    const std::span<const bpf_insn> prepared(bpf_program__insns(&program), bpf_program__insn_cnt(&program));
    std::vector<bpf_insn> instructions(prepared.begin(), prepared.end());
    for (bpf_insn& instruction : instructions) {
        if (instruction.code != (BPF_JMP | BPF_CALL) || instruction.src_reg != 0)
            continue;
        const auto call = facts_.calls.find(static_cast<std::uint32_t>(instruction.imm));
        if (call == facts_.calls.end())
            continue;
        instruction.src_reg = BPF_PSEUDO_KFUNC_CALL;
        instruction.imm = static_cast<__s32>(call->second);
    }
    return instructions;
}

void ProgramLoader::load_one(const bpf_program* program, const bpf_prog_load_opts& prepared)
{
    if (stop_ != nullptr && stop_->requested())
        return;
    const std::string name = bpf_program__name(program);
    const kernel::Program* known = kernel::find_program(name);
    if (known == nullptr) {
        refused_.push_back({name, "it is not in the table of programs"});
        return;
    }
    bpf_prog_load_opts options = prepared;
    options.sz = std::min(options.sz, sizeof options);  // a newer libbpf's has more at its end
    options.expected_attach_type = static_cast<bpf_attach_type>(kernel::attach_type(known->kind));
    if (const auto hook = facts_.hooks.find(name); hook != facts_.hooks.end())
        options.attach_btf_id = hook->second.btf_id;
    const std::vector<bpf_insn> instructions = with_calls(*program);
    const bpf_prog_type type = known->kind == ProgramKind::RawTp ? BPF_PROG_TYPE_RAW_TRACEPOINT : BPF_PROG_TYPE_TRACING;
    const auto load = [&] {
        return UniqueFd(bpf_prog_load(type, name.c_str(), "GPL", instructions.data(), instructions.size(), &options));
    };
    options.log_level = 0;
    options.log_buf = nullptr;
    options.log_size = 0;
    UniqueFd fd = load();
    if (fd.valid()) {
        loaded_.emplace(name, std::move(fd));
        return;
    }
    std::string reason = std::strerror(errno);
    // Once more, for the reason: a log makes the verifier slow.
    const auto log = std::make_unique_for_overwrite<char[]>(kLogBytes);
    log[0] = '\0';
    options.log_level = 1;
    options.log_buf = log.get();
    options.log_size = kLogBytes;
    fd = load();
    if (fd.valid()) {
        loaded_.emplace(name, std::move(fd));
        return;
    }
    if (const std::string said = last_verdict(log.get()); !said.empty())
        reason += ": " + said;
    refused_.push_back({name, std::move(reason)});
}

UniqueFd attach_program(const kernel::Program& program, int fd, int cgroup)
{
    if (program.kind == ProgramKind::Iter && program.target == "cgroup") {
        bpf_iter_link_info info{};
        info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
        info.cgroup.cgroup_fd = static_cast<__u32>(cgroup);
        LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &info, .iter_info_len = sizeof info);
        return UniqueFd(bpf_link_create(fd, 0, BPF_TRACE_ITER, &options));
    }
    if (program.kind == ProgramKind::Iter)
        return UniqueFd(bpf_link_create(fd, 0, BPF_TRACE_ITER, nullptr));
    return UniqueFd(bpf_raw_tracepoint_open(nullptr, fd));
}

}  // namespace flyball::probe
