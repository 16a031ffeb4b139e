// SPDX-License-Identifier: Apache-2.0
#include "restore.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "limit_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace flyball::cgroup::detail {
namespace {

// One file with its value before our first write to it, and all that we have written.
struct Changed {
    std::string directory, file, before;
    std::uint64_t inode = 0;
    std::vector<std::string> ours;
    bool companion = true;  // the kernel's doing alone
};

std::vector<Changed> by_file(const std::vector<JournalEntry>& entries)
{
    std::vector<Changed> all;
    for (const JournalEntry& entry : entries) {
        auto found = std::ranges::find_if(all, [&](const Changed& changed) {
            return changed.directory == entry.directory && changed.file == entry.file && changed.inode == entry.inode;
        });
        if (found == all.end()) {
            all.push_back({.directory = entry.directory,
                           .file = entry.file,
                           .before = entry.before,
                           .inode = entry.inode,
                           .ours = {}});
            found = std::prev(all.end());
        }
        if (!entry.companion) {
            found->companion = false;
            found->ours.push_back(entry.after);
        }
    }
    // The last change first; within one cgroup in the order that the kernel accepts.
    std::ranges::reverse(all);
    std::ranges::stable_sort(all, {}, [](const Changed& changed) { return restore_order(changed.file); });
    return all;
}

enum class Step { Done, Unchanged, Gone, Foreign, Failed };

Step put_back(const Changed& changed, std::string& why)
{
    if (inode_of(changed.directory) != changed.inode)
        return Step::Gone;
    const auto now = read_limit(changed.directory, changed.file);
    if (!now) {
        why = now.error().what;
        return inode_of(changed.directory) == changed.inode ? Step::Failed : Step::Gone;
    }
    if (same_value(changed.file, *now, changed.before))
        return Step::Unchanged;
    const bool ours = changed.companion || std::ranges::any_of(changed.ours, [&](const std::string& value) {
                          return same_value(changed.file, *now, value);
                      });
    if (!ours) {
        why = fmt::format("{} (ours was {})", *now, changed.ours.back());
        return Step::Foreign;
    }
    // A burst that is larger than the quota to come would make the kernel refuse that quota.
    const std::string_view burst = companion(changed.file);
    if (!burst.empty() && read_limit(changed.directory, burst))
        (void)write_limit(changed.directory, burst, "0");
    if (auto written = write_limit(changed.directory, changed.file, changed.before); !written) {
        why = written.error().what;
        return Step::Failed;
    }
    const auto after = read_limit(changed.directory, changed.file);
    if (!after || !same_value(changed.file, *after, changed.before)) {
        why = fmt::format("is {} instead of {}", after.value_or("?"), changed.before);
        return Step::Failed;
    }
    return Step::Done;
}

}  // namespace

Result<std::string> read_limit(const std::string& directory, std::string_view file)
{
    auto text = read_file(directory + "/" + std::string(file));
    // Of io.weight the first line is the default, which is what is written.
    return text ? Result<std::string>(std::string(trim(text->substr(0, text->find('\n'))))) : text;
}

Result<> write_limit(const std::string& directory, std::string_view file, std::string_view value)
{
    const std::string path = directory + "/" + std::string(file);
    // With its newline in one write: a SIGKILL comes before it or after it.
    return write_file_once(path, std::string(value) + "\n");
}

std::uint64_t inode_of(const std::string& directory)
{
    struct stat status{};
    return ::stat(directory.c_str(), &status) == 0 ? status.st_ino : 0;
}

RestoreReport restore(const std::vector<JournalEntry>& entries)
{
    RestoreReport report;
    std::vector<Changed> left = by_file(entries);
    // What one file refuses it may take when the others have their values.
    constexpr int kPasses = 3;
    for (int pass = 1; !left.empty() && pass <= kPasses; ++pass) {
        std::vector<Changed> again;
        for (Changed& changed : left) {
            std::string why;
            const std::string name = changed.directory + "/" + changed.file;
            switch (put_back(changed, why)) {
            case Step::Done:
                ++report.restored;
                break;
            case Step::Unchanged:
                ++report.unchanged;
                break;
            case Step::Gone:
                ++report.gone;
                break;
            case Step::Foreign:
                report.foreign.push_back(name + ": " + why);
                break;
            case Step::Failed:
                if (pass == kPasses)
                    report.failed.push_back(name + ": " + why);
                again.push_back(std::move(changed));
                break;
            }
        }
        left = std::move(again);
    }
    return report;
}

void undo(const std::string& journal)
{
    const auto file = read_journal(journal);
    if (file && restore(file->entries).complete())
        (void)::unlink(journal.c_str());
}

void add(RestoreReport& to, RestoreReport from)
{
    to.restored += from.restored;
    to.unchanged += from.unchanged;
    to.gone += from.gone;
    std::ranges::move(from.foreign, std::back_inserter(to.foreign));
    std::ranges::move(from.failed, std::back_inserter(to.failed));
}

}  // namespace flyball::cgroup::detail
