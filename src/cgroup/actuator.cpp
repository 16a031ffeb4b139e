// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/actuator.hpp"

#include "flyball/process/watchdog.hpp"
#include "journal.hpp"
#include "limit_file.hpp"
#include "restore.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace flyball::cgroup {

using detail::JournalEntry;

struct Actuator::State {
    explicit State(detail::Journal j) : journal(std::move(j)) {}

    [[nodiscard]] const JournalEntry* last(const std::string& directory, std::string_view file) const
    {
        const auto found = std::find_if(entries.rbegin(), entries.rend(), [&](const JournalEntry& entry) {
            return entry.directory == directory && entry.file == file && !entry.companion;
        });
        return found == entries.rend() ? nullptr : &*found;
    }
    Result<> record(JournalEntry entry)
    {
        if (auto r = journal.append(entry); !r)
            return r;
        entries.push_back(std::move(entry));
        return {};
    }
    Result<> record_companion(const std::string& directory, std::uint64_t inode, std::string_view file);

    detail::Journal journal;
    std::optional<process::Watchdog> watchdog;
    std::vector<JournalEntry> entries;
    bool ended = false;
};

Result<> Actuator::State::record_companion(const std::string& directory, std::uint64_t inode, std::string_view file)
{
    const std::string_view along = detail::companion(file);
    if (along.empty())
        return {};
    const auto now = detail::read_limit(directory, along);
    const bool known = std::ranges::any_of(
        entries, [&](const JournalEntry& entry) { return entry.directory == directory && entry.file == along; });
    if (!now || known)
        return {};  // this kernel has none, or its first value is in the journal
    return record({directory, inode, std::string(along), *now, {}, true});
}

namespace {

std::unexpected<Error> foreign(const JournalEntry& ours, const std::string& found)
{
    return fail(
        ErrorKind::Io,
        fmt::format("{}/{}: somebody else has set {} (ours was {})", ours.directory, ours.file, found, ours.after),
        "two controllers of one limit undo each other's work");
}

}  // namespace

Actuator::Actuator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Actuator::Actuator(Actuator&&) noexcept = default;
Actuator& Actuator::operator=(Actuator&& other) noexcept
{
    if (this != &other) {
        if (state_)
            (void)revert();
        state_ = std::move(other.state_);
    }
    return *this;
}
Actuator::~Actuator()
{
    if (state_)
        (void)revert();
}

Result<Actuator> Actuator::open(const ActuatorOptions& options)
{
    auto journal = detail::Journal::create(options.journal_directory);
    if (!journal)
        return std::unexpected(std::move(journal.error()));
    auto state = std::make_unique<State>(std::move(*journal));
    if (options.watchdog) {
        auto watchdog =
            process::Watchdog::start(options.lease, [journal = state->journal.path()] { detail::undo(journal); });
        if (!watchdog) {
            (void)::unlink(state->journal.path().c_str());
            return std::unexpected(std::move(watchdog.error()));
        }
        state->watchdog.emplace(std::move(*watchdog));
    }
    return Actuator(std::move(state));
}

Result<> Actuator::beat()
{
    if (state_->ended)
        return fail(ErrorKind::Io, "the limits were put back already");
    if (state_->watchdog && !state_->watchdog->beat())
        return fail(ErrorKind::Io, "the watchdog has put the limits back: no sign of life reached it in time",
                    "the machine stood still, or the watchdog was killed; start again");
    return {};
}

Result<> Actuator::set(const std::string& directory, std::string_view file, std::string_view value, Harm harm)
{
    if (auto r = detail::check_value(file, value); !r)
        return r;
    if (auto r = harm == Harm::Meant ? Result<>{} : detail::check_harmless(directory, file, value); !r)
        return r;
    if (auto r = beat(); !r)
        return r;
    const std::uint64_t inode = detail::inode_of(directory);
    auto before = detail::read_limit(directory, file);
    if (!before)
        return std::unexpected(std::move(before.error()));
    if (const JournalEntry* last = state_->last(directory, file);
        last != nullptr && last->inode == inode && !detail::same_value(file, *before, last->after))
        return foreign(*last, *before);
    if (auto r = state_->record_companion(directory, inode, file); !r)
        return r;
    if (auto r = state_->record({directory, inode, std::string(file), *before, std::string(value), false}); !r)
        return r;
    if (auto r = detail::write_limit(directory, file, value); !r)
        return r;
    const auto after = detail::read_limit(directory, file);
    if (!after || !detail::same_value(file, *after, value))
        return fail(ErrorKind::Io,
                    fmt::format("{}/{}: the kernel made {} of {}", directory, file, after.value_or("nothing"), value));
    return {};
}

Result<> Actuator::verify() const
{
    for (const JournalEntry& entry : state_->entries) {
        if (entry.companion || state_->last(entry.directory, entry.file) != &entry)
            continue;
        const auto now = detail::read_limit(entry.directory, entry.file);
        if (!now)
            return std::unexpected(now.error());
        if (!detail::same_value(entry.file, *now, entry.after))
            return foreign(entry, *now);
    }
    return {};
}

void Actuator::keep()
{
    if (state_->ended)
        return;
    state_->ended = true;
    // Before the watchdog goes: whoever finds no journal has nothing to put back.
    (void)::unlink(state_->journal.path().c_str());
    if (state_->watchdog)
        state_->watchdog->dismiss();
}

RestoreReport Actuator::revert()
{
    if (state_->ended)
        return {};
    state_->ended = true;
    RestoreReport report = detail::restore(state_->entries);
    // An incomplete one stays for the next start to try.
    if (report.complete())
        (void)::unlink(state_->journal.path().c_str());
    if (state_->watchdog)
        state_->watchdog->dismiss();
    return report;
}

RestoreReport recover(const std::string& journal_directory)
{
    RestoreReport report;
    for (const std::string& path : detail::journals_in(journal_directory)) {
        const auto journal = detail::read_journal(path);
        if (!journal) {
            report.failed.push_back(journal.error().what);
            continue;
        }
        if (journal->owner_lives())
            continue;
        RestoreReport one = detail::restore(journal->entries);
        if (one.complete())
            (void)::unlink(path.c_str());
        detail::add(report, std::move(one));
    }
    return report;
}

}  // namespace flyball::cgroup
