// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/driver.hpp"

#include "tally.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

namespace flyball::load {
namespace {

// How often it is looked whether an objective is lost, and told how far we are.
constexpr std::uint64_t kLookNs = 50'000'000;
// For what was killed to be gone.
constexpr std::uint64_t kKillPatienceNs = 10'000'000'000;

struct Underway {
    std::uint64_t intended_ns = 0, started_ns = 0;
    bool killed = false;
};

// Times are from the beginning of the run.
class Driver {
public:
    Driver(Launcher& launcher, Schedule schedule, const DriverOptions& options)
        : launcher_(launcher),
          schedule_(std::move(schedule)),
          options_(options),
          tally_(schedule_, options_),
          begin_ns_(launcher.now_ns()),
          next_(schedule_.next())
    {
    }

    Result<Level> run();

private:
    [[nodiscard]] std::uint64_t now() const { return launcher_.now_ns() - begin_ns_; }
    void take_due(std::uint64_t at);
    void shed(std::uint64_t at);
    void start_waiting();
    void kill_late(std::uint64_t at);
    void look(std::uint64_t at);
    void account(const Ended& ended);
    void abandon(std::uint64_t at);
    [[nodiscard]] std::uint64_t wake_up() const;
    [[nodiscard]] bool finished() const { return !next_ && waiting_.empty() && running_.empty(); }

    Launcher& launcher_;
    Schedule schedule_;
    const DriverOptions& options_;
    Tally tally_;
    std::uint64_t begin_ns_;
    std::optional<Arrival> next_;
    std::deque<Arrival> waiting_;                // their instant has come, and no place was free
    std::map<std::uint64_t, Underway> running_;  // by number: in the order in which they were intended
    std::uint64_t place_free_ns_ = 0;            // since when one is, if one is
    std::uint64_t last_look_ns_ = 0;
};

void Driver::take_due(std::uint64_t at)
{
    for (; next_ && next_->at_ns <= at; next_ = schedule_.next())
        waiting_.push_back(*next_);
}

void Driver::shed(std::uint64_t at)
{
    for (; !waiting_.empty() && at - waiting_.front().at_ns >= options_.timeout_ns; waiting_.pop_front())
        tally_.count(
            {.kind = Outcome::Kind::Shed, .intended_ns = waiting_.front().at_ns, .started_ns = {}, .ended_ns = at});
}

void Driver::start_waiting()
{
    for (; !waiting_.empty() && running_.size() < options_.in_flight; waiting_.pop_front()) {
        const Arrival& arrival = waiting_.front();
        const std::uint64_t at = now();
        const auto started = launcher_.start({.number = arrival.number, .rate = arrival.rate});
        if (!started) {
            if (tally_.level().first_error.empty())
                tally_.level().first_error = started.error().what;
            tally_.count(
                {.kind = Outcome::Kind::Failed, .intended_ns = arrival.at_ns, .started_ns = {}, .ended_ns = at});
            continue;
        }
        if (arrival.at_ns >= options_.warmup_ns)
            tally_.level().own_delay_ns.add(at - std::min(at, std::max(arrival.at_ns, place_free_ns_)));
        running_[arrival.number] = {.intended_ns = arrival.at_ns, .started_ns = at};
    }
}

// Requests are started in the order in which they were intended, so that the first ones are the latest.
void Driver::kill_late(std::uint64_t at)
{
    for (auto it = running_.begin(); it != running_.end();) {
        auto& [number, request] = *it;
        if (at - request.intended_ns < options_.timeout_ns)
            return;
        if (!std::exchange(request.killed, true))
            launcher_.kill(number);
        // In an uninterruptible sleep: it keeps its process, but no longer its place.
        const bool stuck = at - request.intended_ns >= options_.timeout_ns + kKillPatienceNs;
        if (stuck)
            tally_.count({.kind = Outcome::Kind::TimedOut,
                          .intended_ns = request.intended_ns,
                          .started_ns = request.started_ns,
                          .ended_ns = at});
        it = stuck ? running_.erase(it) : std::next(it);
    }
}

void Driver::account(const Ended& ended)
{
    const auto found = running_.find(ended.number);
    if (found == running_.end())
        return;
    const Underway& request = found->second;
    const std::uint64_t at = std::max(ended.at_ns - begin_ns_, request.started_ns);
    if (running_.size() == options_.in_flight)
        place_free_ns_ = at;
    const auto kind = request.killed ? Outcome::Kind::TimedOut : ended.ok ? Outcome::Kind::Ok : Outcome::Kind::Failed;
    tally_.count({.kind = kind, .intended_ns = request.intended_ns, .started_ns = request.started_ns, .ended_ns = at});
    running_.erase(found);
}

void Driver::look(std::uint64_t at)
{
    if (at - last_look_ns_ < kLookNs)
        return;
    last_look_ns_ = at;
    if (options_.progress)
        options_.progress({.elapsed_ns = at,
                           .length_ns = schedule_.length_ns(),
                           .counts = tally_.counts(),
                           .running = running_.size(),
                           .waiting = waiting_.size()});
    if (options_.give_up.empty())
        return;
    std::vector<std::uint64_t> ages;
    for (const auto& [number, request] : running_)
        if (request.intended_ns >= options_.warmup_ns)
            ages.push_back(at - request.intended_ns);
    for (const Arrival& arrival : waiting_)
        if (arrival.at_ns >= options_.warmup_ns)
            ages.push_back(at - arrival.at_ns);
    tally_.level().ended_early = tally_.lost(ages);
}

std::uint64_t Driver::wake_up() const
{
    std::uint64_t at = last_look_ns_ + kLookNs;
    if (next_)
        at = std::min(at, next_->at_ns);
    if (!waiting_.empty())
        at = std::min(at, waiting_.front().at_ns + options_.timeout_ns);
    for (const auto& [number, request] : running_) {
        if (request.killed)
            continue;
        at = std::min(at, request.intended_ns + options_.timeout_ns);
        break;
    }
    return at;
}

void Driver::abandon(std::uint64_t at)
{
    for (const auto& [number, request] : running_)
        tally_.count({.kind = Outcome::Kind::Abandoned,
                      .intended_ns = request.intended_ns,
                      .started_ns = request.started_ns,
                      .ended_ns = at});
    for (const Arrival& arrival : waiting_)
        tally_.count(
            {.kind = Outcome::Kind::Abandoned, .intended_ns = arrival.at_ns, .started_ns = {}, .ended_ns = at});
}

Result<Level> Driver::run()
{
    std::vector<Ended> ended;
    while (!finished() && tally_.level().ended_early.empty()) {
        const std::uint64_t at = now();
        take_due(at);
        shed(at);
        start_waiting();
        kill_late(at);
        look(at);
        ended.clear();
        if (auto waited = launcher_.wait(begin_ns_ + wake_up(), ended); !waited)
            return std::unexpected(std::move(waited.error()));
        for (const Ended& one : ended)
            account(one);
        if (launcher_.stopped()) {
            tally_.level().interrupted = true;
            break;
        }
    }
    const std::uint64_t at = now();
    abandon(at);
    Level level = std::move(tally_).finish(
        tally_.level().interrupted || !tally_.level().ended_early.empty() ? at : schedule_.length_ns());
    if (level.first_error.empty() && level.total.counts.failed > 0)
        level.first_error = launcher_.first_words();
    return level;
}

}  // namespace

Result<Level> run_requests(Launcher& launcher, Schedule schedule, const DriverOptions& options)
{
    return Driver(launcher, std::move(schedule), options).run();
}

}  // namespace flyball::load
