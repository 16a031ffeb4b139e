// SPDX-License-Identifier: Apache-2.0
// From records to verdicts, one by one, live or from a recording.
//
//   feed     assembles episodes; one is complete when its victims are gone, and it has been quiet
//   advance  live: asks the surroundings about those that are complete, and tells the answers as records, to whoever
//            records and to itself; judges those whose answers have come
//
// What is judged is in the records alone: a recording gives the verdicts that were given live.
// Memory is bounded by what is under way and by the cgroups with kills. Not thread-safe.
#pragma once

#include "flyball/oom/surroundings.hpp"
#include "flyball/oom/verdict.hpp"
#include "flyball/profile/oom_feed.hpp"
#include "flyball/profile/recording.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace flyball::oom {

// Takes a record of user space; it must come back by on_control().
using Tell = std::function<void(std::span<const std::byte>)>;

// One record as bytes.
template <class Record>
[[nodiscard]] std::span<const std::byte> bytes_of(const Record& record)
{
    return std::as_bytes(std::span(&record, 1));
}

class Watcher final : public stream::Sink {
public:
    // Of a recording: nothing can be asked.
    Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known);
    // Live. The surroundings must outlive it.
    Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings& surroundings,
            Tell tell);
    ~Watcher() override;
    Watcher(Watcher&&) noexcept;
    Watcher& operator=(Watcher&&) noexcept;

    // Live: tells what the memcgs have counted already. Before the first event; kills from here on are accounted for.
    void begin(std::uint64_t now_ns);

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Verdicts that are due. Records up to now_ns must have been handed over.
    [[nodiscard]] std::vector<Judged> advance(std::uint64_t now_ns);
    // Live: the events end here, and the counters are read for the last time.
    void end(std::uint64_t now_ns);
    // The run is over, all records were handed over: the rest, complete or not.
    [[nodiscard]] std::vector<Judged> finish(std::uint64_t now_ns);

    // Nothing is under way.
    [[nodiscard]] bool idle() const;
    [[nodiscard]] std::vector<profile::OtherKill> take_other_kills();
    [[nodiscard]] profile::OomFeed& feed();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::oom
