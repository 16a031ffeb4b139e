// SPDX-License-Identifier: Apache-2.0
#include "live_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::live {

// The kernel refuses a quota below the burst that is there: of both, the burst goes first, and comes back behind it.
std::vector<tune::Write> LiveLimits::first_no_burst(const std::vector<tune::Write>& writes) const
{
    std::vector<tune::Write> all = writes;
    const bool both = std::ranges::find(writes, "cpu.max", &tune::Write::file) != writes.end() &&
                      std::ranges::find(writes, "cpu.max.burst", &tune::Write::file) != writes.end();
    if (both && read("cpu.max.burst").value_or("0") != "0")
        all.insert(all.begin(), {"cpu.max.burst", "0"});
    return all;
}

LiveLimits::~LiveLimits()
{
    heart_.reset();
}

void LiveLimits::aim(std::string path)
{
    files_.emplace(layout_, std::move(path));
    for (const char* const file :
         {"cpu.max", "cpu.max.burst", "memory.high", "memory.max", "pids.max", "io.weight", "io.bfq.weight"}) {
        if (auto text = files_->read(file))
            as_found_.emplace(file, std::move(*text));
    }
}

Result<> LiveLimits::allow()
{
    auto opened = cgroup::Actuator::open();
    if (!opened)
        return std::unexpected(std::move(opened.error()));
    actuator_.emplace(std::move(*opened));
    heart_.emplace(*actuator_);
    return {};
}

Result<> LiveLimits::write(cgroup::Actuator& by, std::string_view file, std::string_view value) const
{
    auto writes = files_->writes(file, value);
    if (!writes)
        return std::unexpected(std::move(writes.error()));
    for (const LimitFiles::Write& one : *writes) {
        if (auto set = by.set(one.directory, one.file, one.value); !set)
            return set;
    }
    return {};
}

Result<> LiveLimits::set(std::string_view file, std::string_view value)
{
    if (!allowed())
        return fail(ErrorKind::Stopped, "the experiment is over");
    heard();
    // From here on the actuator watches it. The kernel changes the burst along with the quota.
    if (file.starts_with("cpu.max")) {
        as_found_.erase("cpu.max");
        as_found_.erase("cpu.max.burst");
    } else if (const auto found = as_found_.find(file); found != as_found_.end()) {
        as_found_.erase(found);
    }
    touched_ = true;
    return write(*actuator_, file, value);
}

Result<> LiveLimits::verify() const
{
    if (!allowed())
        return {};
    for (const auto& [file, before] : as_found_) {
        if (const auto now = files_->read(file); now && *now != before)
            return fail(ErrorKind::Io, fmt::format("{}: somebody else has set {} (it was {})", file, *now, before),
                        "what is measured while limits change says nothing of either");
    }
    return actuator_->verify();
}

void LiveLimits::heard()
{
    if (heart_)
        heart_->heard();
}

std::vector<std::string> LiveLimits::revert()
{
    heart_.reset();
    over_ = true;
    if (!actuator_)
        return {};
    const cgroup::RestoreReport report = actuator_->revert();
    std::vector<std::string> said;
    for (const std::string& foreign : report.foreign)
        said.push_back("left as somebody else has set it: " + foreign);
    for (const std::string& failed : report.failed)
        said.push_back("could not be put back: " + failed);
    return said;
}

Result<> LiveLimits::apply(const std::vector<tune::Write>& writes)
{
    auto actuator = cgroup::Actuator::open();
    if (!actuator)
        return std::unexpected(std::move(actuator.error()));
    {
        // Lowering memory.high takes as long as the kernel needs to reclaim.
        const Heart heart(*actuator);
        for (const tune::Write& one : writes) {
            if (auto written = write(*actuator, one.file, one.text); !written)
                return written;
        }
    }
    actuator->keep();
    for (auto& [file, text] : as_found_)
        text = files_->read(file).value_or(text);
    return {};
}

Result<std::vector<std::string>> LiveLimits::write_what_is_there(const std::vector<tune::Write>& writes, Stays stays)
{
    std::vector<std::string> left_out;
    for (const tune::Write& one : first_no_burst(writes)) {
        auto written = stays == Stays::Yes ? apply({one}) : set(one.file, one.text);
        if (!written && written.error().kind != ErrorKind::Unavailable && read(one.file))
            return std::unexpected(std::move(written.error()));
        if (!written)
            left_out.push_back(fmt::format("{} is not to be had here: {}", one.file, written.error().what));
    }
    return left_out;
}

}  // namespace flyball::live
