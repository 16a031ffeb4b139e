// SPDX-License-Identifier: Apache-2.0
// From records to verdicts, one by one, live or from a recording.
//
//   feed     assembles episodes; one is complete when its victims are gone, and it has been quiet
//   advance  asks the surroundings about those that are complete, judges those that were asked about before:
//            what the kernel counted meanwhile has its records by then
//
// Memory is bounded by what is under way and by the cgroups with kills. Not thread-safe.
#pragma once

#include "flyball/oom/surroundings.hpp"
#include "flyball/oom/verdict.hpp"
#include "flyball/profile/oom_feed.hpp"
#include "flyball/profile/recording.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flyball::oom {

class Watcher final : public stream::Sink {
public:
    // Reads the counters of the known cgroups: kills from here on are accounted for. The surroundings must
    // outlive it.
    Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings& surroundings);
    ~Watcher() override;
    Watcher(Watcher&&) noexcept;
    Watcher& operator=(Watcher&&) noexcept;

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Something that may be missing, found at now_ns: verdicts of what was under way since the last such
    // call (with or without a loss) are inconclusive. Empty: all is well up to now.
    void on_loss_check(std::uint64_t now_ns, const std::vector<std::string>& losses);

    // Verdicts that are due. Records up to now_ns must have been handed over.
    [[nodiscard]] std::vector<Judged> advance(std::uint64_t now_ns);
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
