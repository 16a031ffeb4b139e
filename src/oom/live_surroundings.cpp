// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/file.hpp"
#include "flyball/base/process_stat.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/oom/surroundings.hpp"

#include <charconv>
#include <filesystem>
#include <utility>

namespace flyball::oom {
namespace {

// A file that is gone or cannot be read is an empty text: its process or cgroup is gone.
std::int32_t parse_adj(std::string_view text)
{
    text = trim(text);
    std::int32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class Live final : public Surroundings {
public:
    explicit Live(const cgroup::Layout& layout) : layout_(layout) {}

    std::optional<MemoryEvents> memory_events(const std::string& path) override
    {
        const auto directory = directory_of(path);
        if (!directory)
            return std::nullopt;
        MemoryEvents events;
        if (memory()->unified) {
            events.hierarchical = cgroup::parse_flat_keyed(text_of(*directory + "/memory.events").value_or(""));
            events.local = cgroup::parse_flat_keyed(text_of(*directory + "/memory.events.local").value_or(""));
        } else {
            // memory.oom_control has oom_kill since v4.13 (fe6bdfc8e1e1).
            events.local = cgroup::parse_flat_keyed(text_of(*directory + "/memory.oom_control").value_or(""));
            events.v1 = true;
        }
        if (events.hierarchical.empty() && events.local.empty())
            return std::nullopt;
        return events;
    }

    std::vector<Living> living(const std::string& path) override
    {
        std::vector<Living> all;
        if (const auto directory = directory_of(path))
            collect(*directory, path, all);
        return all;
    }

    std::optional<std::string> oom_group(const std::string& path) override
    {
        if (memory() == nullptr || !memory()->unified)
            return std::nullopt;
        bool known = false;
        // mem_cgroup_get_oom_group() takes the uppermost one below the limit that was hit. Which that was is not
        // known here: the root, which has no such file, is not it.
        for (std::size_t end = 1; end != std::string::npos;) {
            end = path.find('/', end + 1);
            const std::string ancestor = path.substr(0, end);
            const std::string text = text_of(directory_of(ancestor).value_or("") + "/memory.oom.group").value_or("");
            known |= !text.empty();
            if (trim(text) == "1")
                return ancestor;
        }
        return known ? std::optional<std::string>("") : std::nullopt;
    }

private:
    [[nodiscard]] const cgroup::Mount* memory() const { return layout_.controller("memory"); }
    [[nodiscard]] std::optional<std::string> directory_of(const std::string& path) const
    {
        return memory() == nullptr ? std::nullopt : memory()->directory(path);
    }

    static void collect(const std::string& directory, const std::string& path, std::vector<Living>& all)
    {
        for_each_line(text_of(directory + "/cgroup.procs").value_or(""), [&](std::string_view line) {
            const auto pid = parse_u64(trim(line));
            const auto stat = pid ? process_stat(static_cast<pid_t>(*pid)) : std::nullopt;
            if (!stat || stat->state == 'Z' || stat->state == 'X')
                return;
            constexpr std::uint64_t kKernelThread = 0x200000;  // PF_KTHREAD
            all.push_back(
                {.tgid = static_cast<std::uint32_t>(*pid),
                 .comm = stat->comm,
                 .cgroup = path,
                 .oom_score_adj = parse_adj(text_of("/proc/" + std::to_string(*pid) + "/oom_score_adj").value_or("")),
                 .born_ns = {},
                 .moved_in_ns = {},
                 .kernel_thread = (stat->flags & kKernelThread) != 0});
        });
        std::error_code gone;
        for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) {
            if (entry.is_directory(gone))
                collect(entry.path(), (path == "/" ? "" : path) + "/" + entry.path().filename().string(), all);
        }
    }

    const cgroup::Layout& layout_;
};

class None final : public Surroundings {
public:
    std::optional<MemoryEvents> memory_events(const std::string&) override { return std::nullopt; }
    std::vector<Living> living(const std::string&) override { return {}; }
    std::optional<std::string> oom_group(const std::string&) override { return std::nullopt; }
};

}  // namespace

std::unique_ptr<Surroundings> live_surroundings(const cgroup::Layout& layout)
{
    return std::make_unique<Live>(layout);
}

std::unique_ptr<Surroundings> no_surroundings()
{
    return std::make_unique<None>();
}

}  // namespace flyball::oom
