// SPDX-License-Identifier: Apache-2.0
// A subject whose memory.high is being tried out: looks at each window, and takes a limit back that holds everything
// up. Private to the room; not thread-safe.
#pragma once

#include "flyball/tune/subject.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace flyball::tune {

class MemoryGuard final : public Subject {
public:
    // most_full: share of a stretch of 250 ms and more in which all stalled on memory.
    MemoryGuard(Subject& subject, std::string original_high, double most_full);

    [[nodiscard]] const std::string& cgroup() const override { return subject_.cgroup(); }
    [[nodiscard]] unsigned cpus() const override { return subject_.cpus(); }
    [[nodiscard]] std::uint64_t memory_bytes() const override { return subject_.memory_bytes(); }
    [[nodiscard]] Result<Reading> read() override { return subject_.read(); }
    // After a new limit its first second is looked at in pieces. Stopped, also: tripped() says why.
    [[nodiscard]] Result<Window> run(std::uint64_t length_ns) override;
    [[nodiscard]] bool may_experiment() const override { return subject_.may_experiment(); }
    [[nodiscard]] std::optional<std::string> limit(std::string_view file) override { return subject_.limit(file); }
    [[nodiscard]] Result<> set(std::string_view file, std::string_view value) override;
    [[nodiscard]] Result<std::uint64_t> reclaim(std::uint64_t bytes) override { return subject_.reclaim(bytes); }
    [[nodiscard]] Result<> keep_up() override { return subject_.keep_up(); }
    void say(std::string_view what) override { subject_.say(what); }
    [[nodiscard]] Result<> spend(double lost_s) override { return subject_.spend(lost_s); }

    // This limit is too tight, and nothing worse has happened: others may be tried. Forgets it.
    [[nodiscard]] std::optional<std::string> tripped();

private:
    Result<Window> piece(std::uint64_t length_ns);

    Subject& subject_;
    std::string original_;
    double most_full_;
    bool tight_ = false, fresh_ = false;
    std::optional<std::string> tripped_;
};

// How often memory.events has counted this between the two; 0 where there is no such count.
[[nodiscard]] std::uint64_t events_between(const Reading& before, const Reading& after, const std::string& name);
// Share of the time between them by memory.pressure, `some` or `full`; nullopt: no PSI here.
[[nodiscard]] std::optional<double> stalled_between(const Reading& before, const Reading& after,
                                                    const std::string& kind);

}  // namespace flyball::tune
