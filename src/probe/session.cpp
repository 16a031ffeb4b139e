// SPDX-License-Identifier: Apache-2.0
#include "flyball/probe/session.hpp"

#include "bpf_log.hpp"
#include "flyball.skel.h"
#include "flyball/base/fd.hpp"
#include "flyball/kernel/programs.hpp"
#include "open_options.hpp"
#include "program_loader.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>

namespace flyball::probe {

namespace {

struct SkeletonDeleter {
    void operator()(flyball_bpf* skeleton) const { flyball_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<flyball_bpf, SkeletonDeleter>;

// Programs that user space runs itself: loaded, never attached.
constexpr const char* kFlush = "flush_cpu";
constexpr const char* kSelftest = "emit_selftest";
constexpr std::string_view kReadTasks = "read_tasks", kReadMemcgs = "read_memcgs", kReadMemory = "read_memory";

std::uint64_t ring_size(std::uint64_t wanted)
{
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return std::bit_ceil(std::max(wanted, page));
}

// Everything that one iterator shows. more: it shows no more than a part, and there is another; nullptr: that is an
// error.
template <class Record>
Result<std::vector<Record>> read_records(const UniqueFd& link, const char* what, bool* more = nullptr)
{
    const UniqueFd iter(bpf_iter_create(link.get()));
    if (!iter.valid())
        return std::unexpected(errno_error(ErrorKind::Unavailable, what, errno));
    std::vector<Record> records;
    std::vector<std::byte> bytes(512 * sizeof(Record));
    std::size_t filled = 0;
    for (;;) {
        const ssize_t n = ::read(iter.get(), bytes.data() + filled, bytes.size() - filled);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0 && errno == EOPNOTSUPP && more != nullptr) {
            *more = true;
            return records;
        }
        if (n < 0)
            return std::unexpected(errno_error(ErrorKind::Io, what, errno));
        if (n == 0)
            return records;
        filled += static_cast<std::size_t>(n);
        const std::size_t whole = filled / sizeof(Record);
        const std::size_t old = records.size();
        records.resize(old + whole);
        std::memcpy(records.data() + old, bytes.data(), whole * sizeof(Record));
        filled -= whole * sizeof(Record);
        std::memmove(bytes.data(), bytes.data() + whole * sizeof(Record), filled);
    }
}

// The state of one thread, where the iterator does not show it. Fails silently: what has no state is
// counted as untracked. pidfds of threads exist since v6.9 (PIDFD_THREAD, the value of O_EXCL).
void make_state(const bpf_map* states, std::uint32_t tid)
{
    const UniqueFd thread(static_cast<int>(::syscall(SYS_pidfd_open, tid, O_EXCL)));
    if (!thread.valid())
        return;
    const int key = thread.get();
    const std::vector<std::byte> zero(bpf_map__value_size(states));
    (void)bpf_map_update_elem(bpf_map__fd(states), &key, zero.data(), BPF_NOEXIST);
}

// Numbers among the entries of a directory of /proc.
std::vector<std::uint32_t> numbers_in(const std::string& directory)
{
    std::vector<std::uint32_t> numbers;
    std::error_code gone;  // a process that ends in between
    for (std::filesystem::directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone)) {
        const std::string name = at->path().filename().string();
        std::uint32_t number = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc{})
            numbers.push_back(number);
    }
    return numbers;
}

// Threads that /proc shows and the iterator did not (seen on a 6.18: those of some processes). Empty
// outside the initial PID namespace, where /proc's numbers are not the kernel's.
std::vector<std::uint32_t> unseen_threads(const std::vector<fb_task_record>& records)
{
    std::set<std::uint32_t> seen;
    for (const fb_task_record& r : records)
        seen.insert(r.tid);
    std::vector<std::uint32_t> unseen;
    if (!seen.contains(static_cast<std::uint32_t>(::getpid())))
        return unseen;
    for (const std::uint32_t process : numbers_in("/proc")) {
        for (const std::uint32_t thread : numbers_in(fmt::format("/proc/{}/task", process))) {
            if (!seen.contains(thread))
                unseen.push_back(thread);
        }
    }
    return unseen;
}

}  // namespace

struct Session::State {
    kernel::Plan plan;
    SessionOptions options;
    Skeleton skeleton;
    ProgramLoader::Programs programs;
    ProgramLoader::Programs links;   // by program, less the iterators'
    UniqueFd tasks, memcgs, memory;  // the iterators'
    std::vector<UniqueFd> rings;
    std::uint32_t cpus = 0;
    std::vector<Refusal> refused;
    std::uint32_t loads = 0;

    Result<> load();
    void configure(const std::set<std::string>& wanted);
    Result<> make_rings();
    std::vector<Refusal> attach();
    bool leave_out(const std::vector<Refusal>& more);
    [[nodiscard]] std::vector<std::string> wanted() const;
    [[nodiscard]] int program_fd(std::string_view name) const;
};

std::vector<std::string> Session::State::wanted() const
{
    std::vector<std::string> names = plan.programs;
    names.emplace_back(kFlush);
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

void Session::State::configure(const std::set<std::string>& names)
{
    bpf_program* program = nullptr;
    bpf_object__for_each_program (program, skeleton->obj) {
        bpf_program__set_autoload(program, names.contains(bpf_program__name(program)));
    }
    skeleton->rodata->settings.abi = FB_ABI_VERSION;
    skeleton->rodata->settings.flags = plan.config_flags;
    skeleton->rodata->settings.nr_cpus = cpus;
    auto& types = skeleton->rodata->settings.types;
    for (std::size_t i = 0; i < std::min(plan.facts.type_ids.size(), std::size(types)); ++i)
        types[i] = plan.facts.type_ids[i];
    skeleton->rodata->settings.self_tgid = static_cast<__u32>(::getpid());
    skeleton->rodata->settings.page_shift =
        static_cast<__u32>(std::countr_zero(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))));
    // Wake the reader when a ring is half full; below that its own tick serves.
    skeleton->rodata->settings.wakeup_bytes = ring_size(options.ring_bytes) / 2;
    bpf_map__set_max_entries(skeleton->maps.batches, cpus);
    bpf_map__set_max_entries(skeleton->maps.rings, cpus);
}

Result<> Session::State::make_rings()
{
    rings.clear();
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        UniqueFd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "stream_ring", 0, 0,
                                     static_cast<__u32>(ring_size(options.ring_bytes)), nullptr));
        if (!ring.valid())
            return std::unexpected(errno_error(ErrorKind::Unavailable,
                                               fmt::format("creating the event ring of CPU {}", cpu), errno,
                                               "lower --ring-size"));
        const int fd = ring.get();
        if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.rings), &cpu, &fd, BPF_ANY) != 0)
            return std::unexpected(errno_error(ErrorKind::Unavailable, "installing an event ring", errno));
        rings.push_back(std::move(ring));
    }
    return {};
}

int Session::State::program_fd(std::string_view name) const
{
    const auto found = programs.find(name);
    return found == programs.end() ? -1 : found->second.get();
}

// Opens the object anew and loads what the plan wants of it; refused: what is missing.
Result<> Session::State::load()
{
    tasks.reset();
    memcgs.reset();
    memory.reset();
    links.clear();
    programs.clear();
    skeleton.reset();
    const auto names = wanted();
    const BpfLog log(options.verbose);
    ProgramLoader loader(plan.facts, options.stop);
    const auto types = TypeFile::make(plan.facts);
    if (!types)
        return std::unexpected(types.error());
    const auto opening = types->options();
    skeleton.reset(flyball_bpf__open_opts(&opening));
    if (!skeleton)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "opening the BPF object", errno));
    if (auto filled = types->fill(plan.facts, *skeleton->obj); !filled)
        return filled;
    configure({names.begin(), names.end()});
    auto loaded = loader.load(*skeleton->skeleton);
    if (options.stop != nullptr && options.stop->requested())
        return std::unexpected(options.stop->interrupted());
    if (!loaded)
        return std::unexpected(std::move(loaded.error()));
    ++loads;
    programs = std::move(*loaded);
    refused = loader.refused();
    return make_rings();
}

std::vector<Refusal> Session::State::attach()
{
    std::vector<Refusal> failed;
    UniqueFd root;
    if (!options.memory_root.empty())
        root.reset(::open(options.memory_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const auto& [name, fd] : programs) {
        const kernel::Program* program = kernel::find_program(name);
        if (program->kind == kernel::ProgramKind::RawTp)
            continue;
        UniqueFd link = attach_program(*program, fd.get(), root.valid() ? root.get() : 0);
        if (!link.valid())
            failed.push_back({name, fmt::format("attach: {}", std::strerror(errno))});
        else if (name == kReadTasks)
            tasks = std::move(link);
        else if (name == kReadMemcgs)
            memcgs = std::move(link);
        else if (name == kReadMemory)
            memory = std::move(link);
        else
            links.emplace(name, std::move(link));
    }
    return failed;
}

// Takes refused programs out of the plan. Whether what is loaded can stay: it is configured as the new plan wants, and
// has all that this one loads.
bool Session::State::leave_out(const std::vector<Refusal>& more)
{
    const std::uint32_t configured = plan.config_flags;
    for (const Refusal& refusal : more)
        plan = kernel::without(plan, refusal.program, refusal.reason);
    const auto names = wanted();
    const auto unwanted = [&](const auto& program) { return !std::ranges::binary_search(names, program.first); };
    std::erase_if(links, unwanted);
    std::erase_if(programs, unwanted);
    return plan.config_flags == configured && programs.size() == names.size();
}

Result<Session> Session::open(kernel::Plan plan, const SessionOptions& options)
{
    auto state = std::make_unique<State>();
    state->plan = std::move(plan);
    state->options = options;
    const int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "counting CPUs", -cpus));
    state->cpus = static_cast<std::uint32_t>(cpus);

    std::vector<Refusal> refused;
    // Each round but the last takes a program out; there are not more rounds than programs.
    for (std::size_t left = kernel::programs().size() + 1; left > 0 && !state->plan.nothing; --left) {
        if (auto loaded = state->load(); !loaded)
            return std::unexpected(std::move(loaded.error()));
        refused.insert(refused.end(), state->refused.begin(), state->refused.end());
        if (!state->refused.empty() && (!state->leave_out(state->refused) || state->plan.nothing))
            continue;
        const std::vector<Refusal> failed = state->attach();
        refused.insert(refused.end(), failed.begin(), failed.end());
        if (failed.empty() || (state->leave_out(failed) && !state->plan.nothing)) {
            state->refused = std::move(refused);
            return Session(std::move(state));
        }
    }
    if (state->plan.nothing)
        return fail(ErrorKind::Unavailable, state->plan.why_nothing, state->plan.remedy);
    return fail(ErrorKind::Unavailable, "nothing can be observed on this kernel", "run `flyball doctor`: it says why");
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const kernel::Plan& Session::plan() const
{
    return state_->plan;
}

std::uint32_t Session::loads() const
{
    return state_->loads;
}

const std::vector<Refusal>& Session::refused() const
{
    return state_->refused;
}

void Session::set_recording(bool on)
{
    // Programs on other CPUs see it with their next event.
    __atomic_store_n(&state_->skeleton->bss->recording, on ? 1U : 0U, __ATOMIC_SEQ_CST);
}

void Session::detach()
{
    state_->links.clear();
}

Result<std::vector<fb_task_record>> Session::read_tasks() const
{
    if (!state_->tasks.valid())
        return fail(ErrorKind::Unavailable, "this kernel has no task iterator");
    auto records = read_records<fb_task_record>(state_->tasks, "reading the tasks");
    if (!records)
        return records;
    for (const std::uint32_t tid : unseen_threads(*records))
        make_state(state_->skeleton->maps.task_states, tid);
    return records;
}

Result<std::vector<fb_memcg>> Session::read_memcgs() const
{
    if (!state_->memcgs.valid())
        return fail(ErrorKind::Unavailable, "this kernel has no iterator over cgroups");
    std::vector<fb_memcg> all;
    for (bool more = true; more;) {
        more = false;
        state_->skeleton->bss->memcgs_skip = static_cast<__u32>(all.size());
        state_->skeleton->bss->memcgs_met = 0;
        auto part = read_records<fb_memcg>(state_->memcgs, "reading the memory cgroups", &more);
        if (!part)
            return part;
        more = more && !part->empty();
        all.insert(all.end(), part->begin(), part->end());
    }
    return all;
}

Result<std::vector<fb_process_memory>> Session::read_memory() const
{
    if (!state_->memory.valid())
        return fail(ErrorKind::Unavailable, "this kernel has no task iterator");
    return read_records<fb_process_memory>(state_->memory, "reading the processes' memory");
}

Result<std::vector<ProgramStats>> Session::read_stats() const
{
    std::vector<ProgramStats> rows;
    std::vector<fb_stats> by_cpu(state_->cpus);
    const int fd = bpf_map__fd(state_->skeleton->maps.stats);
    for (std::uint32_t prog = 1; prog < FB_P_MAX; ++prog) {
        if (bpf_map_lookup_elem(fd, &prog, by_cpu.data()) != 0)
            return std::unexpected(errno_error(ErrorKind::Io, "reading the loss counters", errno));
        for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu)
            rows.push_back({prog, cpu, by_cpu[cpu]});
    }
    return rows;
}

Result<std::vector<FoldedBucket>> Session::read_folded() const
{
    std::vector<FoldedBucket> folded;
    const auto walk = [&folded](int fd, bool totals) -> Result<> {
        fb_fold_key key{};
        const fb_fold_key* previous = nullptr;
        fb_fold_key next{};
        while (bpf_map_get_next_key(fd, previous, &next) == 0) {
            key = next;
            previous = &key;
            FoldedBucket entry{.key = key};
            void* into = totals ? static_cast<void*>(&entry.value) : static_cast<void*>(&entry.value.count);
            if (bpf_map_lookup_elem(fd, &key, into) != 0)
                return std::unexpected(errno_error(ErrorKind::Io, "reading the folded histograms", errno));
            folded.push_back(entry);
        }
        return {};
    };
    if (auto ok = walk(bpf_map__fd(state_->skeleton->maps.fold_totals), true); !ok)
        return std::unexpected(ok.error());
    if (auto ok = walk(bpf_map__fd(state_->skeleton->maps.fold_buckets), false); !ok)
        return std::unexpected(ok.error());
    return folded;
}

std::map<std::string, std::uint64_t> Session::read_recursion_misses() const
{
    std::map<std::string, std::uint64_t> misses;
    for (const auto& [name, fd] : state_->programs) {
        bpf_prog_info info{};
        __u32 length = sizeof(info);
        if (bpf_obj_get_info_by_fd(fd.get(), &info, &length) == 0 && info.recursion_misses != 0)
            misses[name] = info.recursion_misses;
    }
    return misses;
}

Result<> Session::emit_selftest(std::uint32_t cpu, std::uint64_t first, std::uint64_t step, std::uint64_t cgroup_id,
                                std::uint64_t count)
{
    const int program = state_->program_fd(kSelftest);
    if (program < 0)
        return fail(ErrorKind::Internal, "the session was opened without selftest");
    __u64 args[4] = {first, step, cgroup_id, count};
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = args, .ctx_size_in = sizeof(args), .flags = BPF_F_TEST_RUN_ON_CPU,
                .cpu = cpu);
    const int error = bpf_prog_test_run_opts(program, &run);
    if (error != 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "running the self-test program", -error));
    return {};
}

std::vector<int> Session::ring_fds() const
{
    std::vector<int> fds;
    for (const UniqueFd& ring : state_->rings)
        fds.push_back(ring.get());
    return fds;
}
int Session::control_fd() const
{
    return bpf_map__fd(state_->skeleton->maps.control);
}
int Session::batches_fd() const
{
    return bpf_map__fd(state_->skeleton->maps.batches);
}
int Session::flush_prog_fd() const
{
    return state_->program_fd(kFlush);
}

}  // namespace flyball::probe
