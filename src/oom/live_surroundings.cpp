// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/clock.hpp"
#include "flyball/base/fd.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/process_stat.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/oom/surroundings.hpp"
#include "memory_history.hpp"
#include "memory_kinds.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace flyball::oom {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

// A file that is gone or cannot be read is an empty text: its process or cgroup is gone.
std::string text_at(int directory, const std::string& name)
{
    return read_file_at(directory, name).value_or("");
}

std::uint64_t inode(int directory)
{
    struct stat status{};
    return ::fstat(directory, &status) == 0 ? status.st_ino : 0;
}

std::int32_t parse_adj(std::string_view text)
{
    text = trim(text);
    std::int32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::optional<fb_oom_member> left(std::uint64_t pid, std::uint64_t cgroup_id)
{
    const auto stat = process_stat(static_cast<pid_t>(pid));
    if (!stat || stat->state == 'Z' || stat->state == 'X')
        return std::nullopt;
    constexpr std::uint64_t kKernelThread = 0x200000;  // PF_KTHREAD
    fb_oom_member member{};
    member.hdr.type = FB_EV_OOM_MEMBER;
    member.hdr.size = sizeof member;
    member.hdr.cgroup_id = cgroup_id;
    member.kind = FB_OM_LEFT;
    member.tid = member.tgid = static_cast<std::uint32_t>(pid);
    member.oom_score_adj = parse_adj(text_of("/proc/" + std::to_string(pid) + "/oom_score_adj").value_or(""));
    member.flags = (stat->flags & kKernelThread ? FB_OM_KTHREAD : 0) | (pid == 1 ? FB_OM_INIT : 0);
    member.rss_bytes = member.anon_bytes = member.file_bytes = member.shmem_bytes = member.swap_bytes = ~0ULL;
    std::memcpy(member.comm, stat->comm.data(), std::min(stat->comm.size(), sizeof member.comm - 1));
    return member;
}

void collect(int directory, std::vector<fb_oom_member>& all)
{
    const std::uint64_t id = inode(directory);
    for_each_line(text_at(directory, "cgroup.procs"), [&](std::string_view line) {
        const auto pid = parse_u64(trim(line));
        if (const auto member = pid ? left(*pid, id) : std::nullopt)
            all.push_back(*member);
    });
    const std::unique_ptr<DIR, CloseDirectory> list(
        ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    while (const dirent* const entry = list ? ::readdir(list.get()) : nullptr) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        const UniqueFd below(::openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
        if (below.valid())
            collect(below.get(), all);
    }
}

class Live final : public Surroundings {
public:
    Live(const cgroup::Layout& layout, Readings readings) : layout_(layout), readings_(std::move(readings)) {}

    std::optional<std::vector<fb_memcg>> counted() override { return readings_.memcgs(); }
    std::uint64_t sample(std::uint64_t now_ns) override
    {
        constexpr std::uint64_t kSecond = 1'000'000'000, kShare = 500;
        const std::uint64_t began_ns = monotonic_ns();
        if (auto all = readings_.processes())
            history_.add(now_ns, std::move(*all));
        return now_ns + std::max(kSecond, (monotonic_ns() - began_ns) * kShare);
    }
    std::vector<fb_oom_grew> grown(const GrowthAsked& asked) override { return history_.grown(asked); }

    std::optional<std::vector<fb_oom_member>> living(std::uint64_t id, const std::string& path) override
    {
        std::vector<fb_oom_member> all;
        const UniqueFd directory = open(path);
        if (!directory.valid())
            return errno == ENOENT || errno == ENODEV ? std::optional(all) : std::nullopt;
        if (inode(directory.get()) == id)
            collect(directory.get(), all);
        return all;
    }

    std::optional<std::uint64_t> oom_group(std::uint64_t id, const std::string& path, const std::string& top) override
    {
        if (memory() == nullptr || !memory()->unified || !open(id, path).valid())
            return std::nullopt;
        bool known = false;
        // mem_cgroup_get_oom_group() takes the uppermost one up to the limit that was hit. Where that is not known, the
        // root, which has no such file, is not it.
        for (std::size_t end = 1; end != std::string::npos;) {
            end = path.find('/', end + 1);
            if (std::min(end, path.size()) < top.size())
                continue;
            const UniqueFd ancestor = open(path.substr(0, end));
            const std::string text = ancestor.valid() ? text_at(ancestor.get(), "memory.oom.group") : "";
            known |= !text.empty();
            if (trim(text) == "1")
                return inode(ancestor.get());
        }
        return known ? std::optional<std::uint64_t>(0) : std::nullopt;
    }

    std::optional<fb_oom_report> memory(std::uint64_t id, const std::string& path) override
    {
        const UniqueFd directory = open(id, path);
        if (!directory.valid())
            return std::nullopt;
        fb_oom_report report = empty_report();
        report.flags = FB_OR_AFTER;
        report.hdr.cgroup_id = id;
        const auto number = [&](const std::string& file, __u64& into) {
            if (const auto value = parse_u64(trim(text_at(directory.get(), file))))
                into = *value;
        };
        if (memory()->unified) {
            number("memory.current", report.usage_bytes);
            number("memory.max", report.limit_bytes);
            number("memory.swap.current", report.swap_bytes);
            number("memory.swap.max", report.swap_limit_bytes);
        } else {
            number("memory.usage_in_bytes", report.usage_bytes);
            number("memory.limit_in_bytes", report.limit_bytes);
            number("memory.kmem.usage_in_bytes", report.kinds[FB_MK_KERNEL]);
        }
        for_each_line(text_at(directory.get(), "memory.stat"),
                      [&](std::string_view line) { (void)apply_stat_line(line, report); });
        return report;
    }

private:
    [[nodiscard]] const cgroup::Mount* memory() const { return layout_.controller("memory"); }
    // Not valid: errno says why; of what is not below our mount it is never ENOENT, since nobody here can tell.
    [[nodiscard]] UniqueFd open(const std::string& path) const
    {
        const auto directory = memory() == nullptr ? std::nullopt : memory()->directory(path);
        if (!directory) {
            errno = EXDEV;
            return {};
        }
        return UniqueFd(::open(directory->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    // That very cgroup's directory; not valid: it is gone, whatever stands at its path now.
    [[nodiscard]] UniqueFd open(std::uint64_t id, const std::string& path) const
    {
        UniqueFd directory = open(path);
        return directory.valid() && inode(directory.get()) == id ? std::move(directory) : UniqueFd();
    }

    const cgroup::Layout& layout_;
    Readings readings_;
    MemoryHistory history_;
};

}  // namespace

std::unique_ptr<Surroundings> live_surroundings(const cgroup::Layout& layout, Readings readings)
{
    return std::make_unique<Live>(layout, std::move(readings));
}

}  // namespace flyball::oom
