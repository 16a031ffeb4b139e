// SPDX-License-Identifier: Apache-2.0
// From a run to a trace on standard output, while it goes on.
#pragma once

#include "flyball/base/patient_write.hpp"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/report/trace.hpp"
#include "flyball/stream/in_order.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cli {

class TraceObserver final : public profile::Observer {
public:
    // duration_ns: after which nobody waits for a reader; 0: no end of its own.
    TraceObserver(StopToken& stop, std::uint64_t duration_ns) : duration_ns_(duration_ns), patience_{.stop = &stop} {}

    // Before the run: as far as names are known by then.
    void name_tasks(std::vector<fb_task_record> tasks) { tasks_ = std::move(tasks); }

    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override;
    void on_tasks(std::span<const fb_task_record> tasks) override;
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;
    void on_round(std::uint64_t until_ns) override;
    void on_closing(const profile::Closing& closing) override;

    // After the run, once. Errors as those of write_patiently().
    [[nodiscard]] Result<> finish();

private:
    void write(std::string_view text);
    void flush();

    std::uint64_t duration_ns_;
    Patience patience_;
    std::string buffer_;
    std::vector<fb_task_record> tasks_;
    std::optional<report::TraceWriter> writer_;
    std::optional<stream::InOrder> in_order_;
    std::uint64_t end_ns_ = 0;
    std::optional<Error> error_;  // of the first write that failed
};

// Only the names of a recording's tasks: those that live at either end stand at its end, others tell theirs
// when they exit.
class TaskCollector final : public profile::Observer {
public:
    void on_begin(const profile::Meta&, std::span<const profile::KnownCgroup>) override {}
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte>) override {}
    void on_closing(const profile::Closing& closing) override;
    [[nodiscard]] std::vector<fb_task_record> take();

private:
    std::vector<fb_task_record> tasks_;
    std::vector<fb_task> exits_;
    std::map<std::uint32_t, std::set<std::uint64_t>> births_;  // by tid
};

}  // namespace flyball::cli
