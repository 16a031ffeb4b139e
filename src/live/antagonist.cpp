// SPDX-License-Identifier: Apache-2.0
#include "antagonist.hpp"

#include "flyball/base/fd.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/io_control.hpp"
#include "flyball/process/birth.hpp"
#include "scratch_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace flyball::live {
namespace {

constexpr std::string_view kPrefix = "flyball-antagonist-";
constexpr unsigned kBlock = 4096;
constexpr int kRemovals = 200;
constexpr useconds_t kRemovalPauseUs = 10'000;

// ---- in the child: system calls only
// ---------------------------------------------------------------------------------------

constexpr std::size_t kStack = 64 << 10;

struct Readers {
    int fd = -1;
    std::uint64_t blocks = 0, block_bytes = 0;
    unsigned count = 0;
};

struct Reader {
    const Readers* all = nullptr;
    char* memory = nullptr;
    std::uint64_t seed = 0;
};

int read_on(void* argument)
{
    const Reader& reader = *static_cast<const Reader*>(argument);
    const Readers& all = *reader.all;
    for (std::uint64_t x = reader.seed;;) {
        // xorshift64 (Marsaglia 2003): no block is likely to be read twice in a row by two of them.
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        // Not pread(): the threads share the C library's state of one.
        if (::syscall(SYS_pread64, all.fd, reader.memory, all.block_bytes, x % all.blocks * all.block_bytes) < 0 &&
            errno != EINTR)
            ::_exit(3);
    }
}

// Each SIGCONT is a sign of life.
void live_on(int)
{
    (void)::alarm(kAntagonistLifeS);
}

// Threads of one process, and not processes: a fork copies all page tables of flyball.
[[noreturn]] void read_in_threads(const Readers& all)
{
    (void)::prctl(PR_SET_NAME, "fb-antagonist");
    (void)::signal(SIGALRM, SIG_DFL);
    (void)::signal(SIGCONT, live_on);
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)::alarm(kAntagonistLifeS);
    const std::size_t each = kStack + all.block_bytes + kBlock, bytes = each * all.count;
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        ::_exit(2);
    constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    for (unsigned i = 0; i < all.count; ++i) {
        // A page for itself, the buffer, and the stack above.
        char* const place = static_cast<char*>(memory) + i * each;
        auto* const reader = new (place) Reader{&all, place + kBlock, 0x9e3779b97f4a7c15ULL * (i + 1)};
        if (i + 1 == all.count)
            (void)read_on(reader);
        if (::clone(read_on, place + each, kThread, reader) < 0)
            ::_exit(4);
    }
    ::_exit(5);
}

// ---- in the parent
// ---------------------------------------------------------------------------------------------------------

// Empty cgroups of antagonists whose flyball was killed.
void sweep(const std::string& parent)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(parent.c_str()), ::closedir);
    while (const dirent* const entry = open ? ::readdir(open.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        const auto pid = name.starts_with(kPrefix) ? parse_u64(name.substr(kPrefix.size())) : std::nullopt;
        if (pid && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH)
            (void)::rmdir((parent + "/" + std::string(name)).c_str());
    }
}

Result<> check(const AntagonistOptions& options)
{
    if (options.readers < 1 || options.readers > kMostReaders)
        return fail(ErrorKind::Usage,
                    fmt::format("an antagonist with {} readers: from 1 to {}", options.readers, kMostReaders));
    if (options.block_bytes == 0 || options.block_bytes % kBlock != 0)
        return fail(ErrorKind::Usage,
                    fmt::format("an antagonist that reads {} bytes: a multiple of {}", options.block_bytes, kBlock));
    if (options.file_bytes < kLeastScratch || options.file_bytes > kMostScratch)
        return fail(ErrorKind::Usage, fmt::format("a scratch file of {} bytes: from {} to {}", options.file_bytes,
                                                  kLeastScratch, kMostScratch));
    return {};
}

}  // namespace

Result<DiskAntagonist> DiskAntagonist::make(const cgroup::Layout& layout, const std::string& beside,
                                            const AntagonistOptions& options)
{
    if (auto valid = check(options); !valid)
        return std::unexpected(std::move(valid.error()));
    const cgroup::Mount* const io = layout.controller("io");
    const auto subject = io != nullptr && io->unified ? io->directory(beside) : std::nullopt;
    if (!subject || beside == "/")
        return fail(ErrorKind::Unavailable, fmt::format("no antagonist can be put beside {}", beside),
                    "it needs cgroup v2 with the io controller");
    const std::string parent = subject->substr(0, subject->rfind('/'));
    sweep(parent);
    DiskAntagonist antagonist(layout, fmt::format("{}/{}{}", parent, kPrefix, ::getpid()), options);
    if (!options.file.empty() && ::access(options.file.c_str(), F_OK) != 0) {
        if (auto made = make_scratch_file(options.file, options.file_bytes); !made)
            return std::unexpected(std::move(made.error()));
        antagonist.scratch_ = true;
    }
    return antagonist;
}

DiskAntagonist::DiskAntagonist(cgroup::Layout layout, std::string directory, AntagonistOptions options)
    : layout_(std::move(layout)), directory_(std::move(directory)), options_(std::move(options))
{
}

DiskAntagonist::DiskAntagonist(DiskAntagonist&& other) noexcept
    : layout_(std::move(other.layout_)),
      directory_(std::exchange(other.directory_, {})),
      options_(std::move(other.options_)),
      scratch_(std::exchange(other.scratch_, false)),
      readers_(std::exchange(other.readers_, -1))
{
}

DiskAntagonist::~DiskAntagonist()
{
    if (!directory_.empty())
        end();
    if (scratch_)
        (void)::unlink(options_.file.c_str());
}

std::string DiskAntagonist::describe() const
{
    return fmt::format("{} direct readers of {} B{}", options_.readers, options_.block_bytes,
                       options_.file.empty() ? " on the device itself" : " of " + options_.file);
}

Result<std::string> DiskAntagonist::target(cgroup::DeviceNumber device) const
{
    const cgroup::IoControl control = cgroup::io_control(layout_, device);
    if (options_.file.empty()) {
        if (control.name.empty())
            return fail(ErrorKind::Unavailable, control.why);
        std::string name = control.name;
        std::ranges::replace(name, '!', '/');  // sysfs's way to write cciss/c0d0
        return "/dev/" + name;
    }
    struct stat status{};
    if (::stat(options_.file.c_str(), &status) != 0)
        return std::unexpected(errno_error(ErrorKind::Usage, options_.file, errno));
    constexpr unsigned kMinorBits = 20;
    const auto where = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
    const auto number = static_cast<cgroup::DeviceNumber>(::major(where) << kMinorBits | ::minor(where));
    if (cgroup::io_control(layout_, number).device != control.device)
        return fail(ErrorKind::Usage,
                    fmt::format("{} is on {}, the subject's I/O goes to {}", options_.file, cgroup::device_text(number),
                                cgroup::device_text(device)),
                    "name a file on that device");
    return options_.file;
}

Result<> DiskAntagonist::start(cgroup::DeviceNumber device, std::string_view file, std::uint64_t weight)
{
    if (readers_ > 0 && ::waitpid(readers_, nullptr, WNOHANG) != 0)
        readers_ = -1;  // its time was over
    if (readers_ < 0) {
        auto path = target(device);
        if (!path)
            return std::unexpected(std::move(path.error()));
        if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST)
            return std::unexpected(
                errno_error(ErrorKind::Unavailable, "creating the antagonist's cgroup " + directory_, errno));
        if (auto forked = fork_readers(*path); !forked)
            return forked;
    }
    auto weighted = write_file_once(directory_ + "/" + std::string(file), std::to_string(weight));
    if (weighted)
        (void)::kill(readers_, SIGCONT);
    return weighted;
}

Result<> DiskAntagonist::fork_readers(const std::string& path)
{
    auto target = open_fd(path, O_RDONLY | O_DIRECT);
    if (!target)
        return std::unexpected(std::move(target.error()));
    auto procs = open_fd(directory_ + "/cgroup.procs", O_WRONLY);
    if (!procs)
        return std::unexpected(std::move(procs.error()));
    const off_t size = ::lseek(target->get(), 0, SEEK_END);
    if (size < static_cast<off_t>(options_.block_bytes))
        return fail(ErrorKind::Usage, fmt::format("{}: too small for an antagonist to read", path));
    const Readers all{.fd = target->get(),
                      .blocks = static_cast<std::uint64_t>(size) / options_.block_bytes,
                      .block_bytes = options_.block_bytes,
                      .count = options_.readers};
    const std::array places{process::Place::Procs{.fd = procs->get()}};
    auto born = process::start({.place = {.procs = places}}, "the antagonist", [&all](int errnum) {
        if (errnum != 0)
            return 1;
        read_in_threads(all);
    });
    if (!born)
        return std::unexpected(std::move(born.error()));
    readers_ = born->pid;
    return {};
}

// What is under way is still done.
void DiskAntagonist::stop()
{
    if (readers_ > 0)
        (void)::kill(readers_, SIGSTOP);
}

void DiskAntagonist::end()
{
    if (readers_ > 0) {
        (void)::kill(readers_, SIGKILL);
        (void)::waitpid(readers_, nullptr, 0);
        readers_ = -1;
    }
    // EBUSY while the kernel is still at it.
    for (int i = 0; i < kRemovals && ::rmdir(directory_.c_str()) != 0 && errno == EBUSY; ++i)
        (void)::usleep(kRemovalPauseUs);
}

}  // namespace flyball::live
