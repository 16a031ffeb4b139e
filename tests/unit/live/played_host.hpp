// SPDX-License-Identifier: Apache-2.0
// Another machine for the live wing: it plays records at their times, by a clock that moves only when somebody waits.
#pragma once

#include "flyball/live/host.hpp"
#include "flyball/profile/recording.hpp"
#include "support/catch.hpp"
#include "unit/profile/make.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace flyball::test {

struct Script {
    struct Record {
        std::uint64_t at_ns = 0;
        std::function<void(stream::Sink&)> play;
    };
    profile::Meta meta = profile::test::v2_meta();
    std::vector<profile::KnownCgroup> known;
    std::vector<fb_task_record> tasks;
    std::vector<fb_memcg> memcgs;
    std::vector<Record> records;  // in time order
    live::Losses losses;
    std::vector<profile::FoldedEntry> folded;
    bool demand = true;      // scheduler events are to be had
    std::string fails;       // the step that gives an error; empty: none
    int fails_at = 1;        // the how manyeth call of it
    std::string said_since;  // the steps as they were taken, a word each
};

class PlayedCollector final : public live::Collector {
public:
    PlayedCollector(Script& script, const Clock& clock) : script_(script), clock_(clock)
    {
        plan_.metrics.push_back(
            {.metric = "cpu.slice", .available = script.demand, .hook = "", .note = "refused", .remedy = "-"});
    }

    const kernel::Plan& plan() const override { return plan_; }
    profile::Meta describe(bool) const override { return script_.meta; }
    std::uint64_t now_ns() const override { return clock_.monotonic_ns(); }
    Result<std::vector<profile::KnownCgroup>> known_cgroups() override { return step("known", script_.known); }
    Result<std::vector<fb_task_record>> read_tasks() override { return step("tasks", script_.tasks); }
    Result<std::vector<fb_memcg>> read_memcgs() override { return step("memcgs", script_.memcgs); }
    Result<std::vector<fb_process_memory>> read_memory() override { return std::vector<fb_process_memory>{}; }
    void set_recording(bool on) override { recording_ = on; }
    int poll_fd() const override { return -1; }
    Result<> collect(std::uint64_t) override
    {
        hand_over();
        return step("collect");
    }
    Result<live::Losses> losses() override { return step("losses", script_.losses); }
    Result<std::vector<profile::FoldedEntry>> folded() override { return step("folded", script_.folded); }
    Result<> finish() override
    {
        hand_over();
        recording_ = false;
        return step("finish");
    }

private:
    void hand_over()
    {
        Tee all = tee();
        while (next_ < script_.records.size() && script_.records[next_].at_ns <= clock_.monotonic_ns())
            script_.records[next_++].play(all);
        all.on_round(clock_.monotonic_ns());
    }
    Result<> step(const std::string& name)
    {
        script_.said_since += name + " ";
        if (name == script_.fails && ++failed_ == script_.fails_at)
            return fail(ErrorKind::Io, "cannot " + name);
        return {};
    }
    template <class T>
    Result<T> step(const std::string& name, const T& value)
    {
        auto taken = step(name);
        return taken ? Result<T>(value) : std::unexpected(std::move(taken.error()));
    }

    Script& script_;
    const Clock& clock_;
    kernel::Plan plan_;
    std::size_t next_ = 0;
    int failed_ = 0;
    bool recording_ = false;
};

class PlayedHost {
public:
    explicit PlayedHost(Script played) : script(std::move(played)), clock(profile::test::kSecond, 17)
    {
        host.layout = [] {
            cgroup::Layout layout;
            layout.hierarchy_of = profile::test::v2_meta().hierarchy;
            return Result<cgroup::Layout>(std::move(layout));
        };
        host.collector = [this](const cgroup::Layout&, const live::CollectorOptions&,
                                StopToken& stop) -> Result<std::unique_ptr<live::Collector>> {
            if (stop.requested())
                return std::unexpected(stop.interrupted());
            if (script.fails == "open")
                return fail(ErrorKind::Unavailable, "cannot open");
            return std::make_unique<PlayedCollector>(script, clock);
        };
        host.clock = &clock;
    }
    PlayedHost(const PlayedHost&) = delete;
    PlayedHost& operator=(const PlayedHost&) = delete;

    Script script;
    ManualClock clock;
    live::Host host;
};

// What a recording has, at the times of its events.
class ScriptReader final : public profile::Observer {
public:
    static Script read(const std::string& path)
    {
        ScriptReader reader;
        const auto snapshot = profile::replay(path, {.observer = &reader});
        if (!snapshot)
            FAIL(snapshot.error().what);
        return std::move(reader.script_);
    }
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        script_.meta = meta;
        script_.known.assign(known.begin(), known.end());
    }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        std::vector<fb_event> copy(events.begin(), events.end());
        at_ns_ = copy.empty() ? at_ns_ : std::max<std::uint64_t>(at_ns_, copy.back().hdr.ts_ns);
        // The header alone: its events are a flexible array, which is not to be copied.
        std::array<std::byte, FB_BATCH_HEADER> head{};
        std::memcpy(head.data(), &header, head.size());
        script_.records.push_back({at_ns_, [head, copy = std::move(copy)](stream::Sink& sink) {
                                       fb_batch batch{};
                                       std::memcpy(&batch, head.data(), head.size());
                                       sink.on_batch(batch, copy);
                                   }});
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        script_.records.push_back({at_ns_, [copy = std::vector<std::byte>(bytes.begin(), bytes.end())](
                                               stream::Sink& sink) { sink.on_control(copy); }});
    }
    void on_closing(const profile::Closing& closing) override
    {
        script_.tasks = closing.tasks_first;
        script_.losses.programs = closing.programs;
        script_.losses.recursion_misses = closing.recursion_misses;
        script_.folded = closing.folded;
    }

private:
    Script script_;
    std::uint64_t at_ns_ = 0;
};

}  // namespace flyball::test
