// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/facts.hpp"

#include "btf.hpp"
#include "fields.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/kernel/programs.hpp"
#include "trials.hpp"

#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace flyball::kernel {

namespace {

constexpr const char* kBtfPath = "/sys/kernel/btf/vmlinux";

// nullopt: not there or not readable. PSI that is off has its files on some kernels, but no content.
std::optional<std::string> read_text(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
        return std::nullopt;
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (file.bad() || text.empty())
        return std::nullopt;
    return text;
}

std::optional<int> read_number(const std::string& path)
{
    const auto text = read_text(path);
    int value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

Result<Capabilities> read_capabilities(const std::string& root)
{
    const std::string path = root + "/proc/self/status";
    const auto text = read_text(path);
    constexpr std::string_view kKey = "CapEff:";
    const auto at = text ? text->find(kKey) : std::string::npos;
    if (at == std::string::npos)
        return fail(ErrorKind::Io, path + " has no CapEff line", "mount /proc");
    const auto digits = text->find_first_not_of(" \t", at + kKey.size());
    std::uint64_t mask = 0;
    if (digits != std::string::npos)
        std::from_chars(text->data() + digits, text->data() + text->size(), mask, 16);
    const auto has = [mask](int bit) { return (mask >> bit & 1U) != 0; };
    return Capabilities{.bpf = has(CAP_BPF),
                        .perfmon = has(CAP_PERFMON),
                        .sys_admin = has(CAP_SYS_ADMIN),
                        .sys_resource = has(CAP_SYS_RESOURCE)};
}

// "none [integrity] confidentiality" -> "integrity"
std::string read_lockdown(const std::string& root)
{
    const std::string text = read_text(root + "/sys/kernel/security/lockdown").value_or("");
    const auto open = text.find('[');
    const auto close = text.find(']');
    return open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1) : std::string{};
}

// No hierarchy at all is a fact too.
void find_controllers(Facts& facts, const std::string& root)
{
    const auto layout = cgroup::detect(root.empty() ? "/" : root);
    if (!layout)
        return;
    const auto find = [&layout](std::string_view name) {
        const cgroup::Mount* mount = layout->controller(name);
        return Controller{.present = mount != nullptr, .unified = mount != nullptr && mount->unified};
    };
    facts.cpu = find("cpu");
    facts.memory = find("memory");
    facts.io = find("io");
    facts.pids = find("pids");
}

// Where a program would attach. Whether the kernel takes it, only loading it tells (probe::Session): of each kind one
// stand-in is tried here, so that what is refused by kind need not be refused program by program. It is not attached:
// on the way out the kernel waits for all tasks to pass a point, some 100 ms each, and a session that is refused there
// leaves those programs out as well.
Hook find_hook(const Program& program, const KernelBtf& btf)
{
    const auto id = btf.attach_id(program);
    if (!id)
        return {};  // what is missing is the plan's to say
    std::string why = btf.argument_mismatch(program);
    return {.exists = true, .btf_id = *id, .loads = why.empty(), .why = std::move(why)};
}

bool attaches(ProgramKind kind)
{
    return kind != ProgramKind::Iter && kind != ProgramKind::RawTp;
}

void try_hooks(Facts& facts, const KernelBtf& btf)
{
    std::map<ProgramKind, const Program*> stand_ins;  // the first that is there
    for (const Program& program : programs()) {
        if (program.kind == ProgramKind::RawTp) {
            facts.hooks.emplace(program.name, Hook{.exists = true, .loads = facts.bpf.ok, .why = facts.bpf.why});
            continue;
        }
        const Hook& hook = facts.hooks.emplace(program.name, find_hook(program, btf)).first->second;
        if (!hook.loads || !attaches(program.kind))
            continue;
        const Program*& stand_in = stand_ins[program.kind];
        if (stand_in == nullptr)
            stand_in = &program;
    }
    const std::pair<ProgramKind, Trial Facts::*> kinds[] = {{ProgramKind::TpBtf, &Facts::tp_btf},
                                                            {ProgramKind::Fentry, &Facts::fentry},
                                                            {ProgramKind::Fexit, &Facts::fexit}};
    for (const auto& [kind, trial] : kinds) {
        if (const Program* stand_in = stand_ins[kind]; stand_in != nullptr)
            facts.*trial = trials::load(*stand_in, facts.hooks.find(stand_in->name)->second.btf_id).trial;
    }
    // What is refused by kind does not load.
    for (const Program& program : programs()) {
        Hook& hook = facts.hooks.find(program.name)->second;
        for (const auto& [kind, trial] : kinds) {
            if (kind == program.kind && hook.loads && !(facts.*trial).ok) {
                hook.loads = false;
                hook.why = (facts.*trial).why;
            }
        }
    }
}

// The verifier's rule about global functions is looked up, since trying it takes types of our own.
Trial try_preempt_off(const KernelBtf& btf, const Facts& facts)
{
    for (const CalledFunction& function : kCalledFunctions)
        if (function.call != FB_CALL_RDONLY_CAST && !facts.calls.contains(function.call))
            return {.ok = false, .why = "this kernel has no " + std::string(function.name) + "()"};
    if (!btf.has_field(kMightSleep))
        return {.ok = false, .why = "this kernel's verifier allows no call of a global function meanwhile"};
    return trials::preempt_off({.disable = facts.calls.at(FB_CALL_PREEMPT_DISABLE),
                                .enable = facts.calls.at(FB_CALL_PREEMPT_ENABLE),
                                .irq_save = facts.calls.at(FB_CALL_IRQ_SAVE),
                                .irq_restore = facts.calls.at(FB_CALL_IRQ_RESTORE)});
}

Trial try_rdonly_cast(const Facts& facts)
{
    const auto function = facts.calls.find(FB_CALL_RDONLY_CAST);
    if (function == facts.calls.end())
        return {.ok = false, .why = "this kernel has no bpf_rdonly_cast()"};
    // The verifier would refuse a cast to none, where it is reached.
    for (std::size_t i = 0; i < kReadTypes.size(); ++i)
        if (facts.type_ids[i] == 0)
            return {.ok = false, .why = "this kernel has no " + std::string(kReadTypes[i])};
    return trials::rdonly_cast(function->second, facts.type_ids[FB_T_TASK]);
}

void try_all(Facts& facts, const std::string& root)
{
    const auto plain = trials::load_plain();
    facts.bpf = plain.trial;
    if (plain.fd.valid()) {
        facts.test_run = trials::test_run(plain.fd.get());
        facts.ring_buffer = trials::ring_buffer(facts.page_size);
        facts.task_storage = trials::task_storage();
        facts.map_in_map = trials::map_in_map(facts.page_size);
        facts.cpu_clock = trials::cpu_clock();
    } else {
        // nothing else can work, and libbpf would complain on stderr
        facts.test_run = facts.ring_buffer = facts.task_storage = facts.map_in_map = facts.cpu_clock = plain.trial;
    }

    auto types = Types::read(root + kBtfPath);
    if (!types)
        return;
    facts.btf = true;
    facts.types = std::make_shared<const Types>(std::move(*types));
    const KernelBtf btf(*facts.types);
    for (const CalledFunction& function : kCalledFunctions)
        if (const auto id = btf.function_id(function.name))
            facts.calls.emplace(function.call, *id);
    for (const std::string_view type : kReadTypes)
        facts.type_ids.push_back(btf.struct_id(type).value_or(0));
    for (const std::string_view field : field_names())
        if (btf.has_field(field))
            facts.fields.emplace(field);
    facts.preempt_off = try_preempt_off(btf, facts);
    facts.rdonly_cast = try_rdonly_cast(facts);
    try_hooks(facts, btf);
}

}  // namespace

Result<Facts> gather(const std::string& root)
{
    Facts facts;
    utsname name{};
    if (::uname(&name) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "uname", errno));
    facts.release = name.release;
    facts.arch = name.machine;
    facts.euid = ::geteuid();
    auto caps = read_capabilities(root);
    if (!caps)
        return std::unexpected(std::move(caps).error());
    facts.caps = *caps;
    facts.lockdown = read_lockdown(root);
    facts.unprivileged_bpf = read_number(root + "/proc/sys/kernel/unprivileged_bpf_disabled").value_or(-1);
    facts.psi = read_text(root + "/proc/pressure/memory").has_value();
    facts.schedstats = read_number(root + "/proc/sys/kernel/sched_schedstats").value_or(0) == 1;
    facts.bpf_stats = read_number(root + "/proc/sys/kernel/bpf_stats_enabled").value_or(0) == 1;
    facts.page_size = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
    if (const int cpus = libbpf_num_possible_cpus(); cpus > 0)
        facts.possible_cpus = static_cast<std::uint32_t>(cpus);
    find_controllers(facts, root);
    try_all(facts, root);
    return facts;
}

}  // namespace flyball::kernel
