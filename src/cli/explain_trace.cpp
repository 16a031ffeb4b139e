// SPDX-License-Identifier: Apache-2.0
#include "explain_trace.hpp"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <iterator>

namespace flyball::cli {

namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10U;

}  // namespace

void TraceObserver::on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
{
    if (duration_ns_ != 0)
        patience_.until_ns = meta.start_ns + duration_ns_;
    writer_.emplace(meta, known, [this](std::string_view text) { write(text); });
    writer_->name_tasks(tasks_);
    in_order_.emplace(*writer_);
}

void TraceObserver::on_tasks(std::span<const fb_task_record> tasks)
{
    writer_->name_tasks(tasks);
}

void TraceObserver::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    in_order_->on_batch(header, events);
}

void TraceObserver::on_control(std::span<const std::byte> bytes)
{
    in_order_->on_control(bytes);
}

void TraceObserver::on_round(std::uint64_t until_ns)
{
    in_order_->on_round(until_ns);
}

void TraceObserver::on_closing(const profile::Closing& closing)
{
    end_ns_ = closing.end_ns;
}

Result<> TraceObserver::finish()
{
    in_order_->finish();
    writer_->finish(end_ns_);
    flush();
    return error_ ? std::unexpected(std::move(*error_)) : Result<>{};
}

// The run goes on where the output does not: a recording may be kept beside it.
void TraceObserver::write(std::string_view text)
{
    buffer_ += text;
    if (buffer_.size() >= kBuffer)
        flush();
}

void TraceObserver::flush()
{
    if (!error_) {
        if (auto put = write_patiently(STDOUT_FILENO, buffer_, patience_); !put)
            error_ = std::move(put.error()).context("the trace");
    }
    buffer_.clear();
}

void TaskCollector::on_batch(const fb_batch&, std::span<const fb_event> events)
{
    for (const fb_event& event : events) {
        if (event.hdr.type != FB_EV_TASK)
            continue;
        const auto task = std::bit_cast<fb_task>(event);
        if (task.kind == FB_TASK_FORK)
            births_[task.tid].insert(task.hdr.ts_ns);
        else if (task.kind == FB_TASK_EXIT)
            exits_.push_back(task);
    }
}

void TaskCollector::on_closing(const profile::Closing& closing)
{
    tasks_ = closing.tasks_first;
    tasks_.insert(tasks_.end(), closing.tasks_last.begin(), closing.tasks_last.end());
}

std::vector<fb_task_record> TaskCollector::take()
{
    for (const fb_task& exit : exits_) {
        fb_task_record task{};
        task.tid = exit.tid;
        std::memcpy(task.comm, exit.comm, sizeof exit.comm);  // its first bytes
        // Born before the window where no fork was seen.
        const std::set<std::uint64_t>& births = births_[exit.tid];
        if (const auto after = births.upper_bound(exit.hdr.ts_ns); after != births.begin())
            task.start_ns = *std::prev(after);
        tasks_.push_back(task);
    }
    return std::move(tasks_);
}

}  // namespace flyball::cli
