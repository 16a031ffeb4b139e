// SPDX-License-Identifier: Apache-2.0
// What others do to a cgroup while it is measured: an answer that they cannot have changed is given, and one that they
// may have is not, and says who they were.
#include "flyball/tune/cpu.hpp"
#include "flyball/tune/disturbance.hpp"
#include "shared_cpu.hpp"
#include "simulated_subject.hpp"
#include "support/catch.hpp"

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kMs;
using flyball::test::SharedCpu;

namespace {

constexpr std::uint64_t kUsNs = 1000;

// A service on a CPU that others use too.
class Shared final : public test::SimulatedSubject {
public:
    SharedCpu cpu;

    explicit Shared(bool load_is_known = false)
        : SimulatedSubject(1, {{"cpu.max", "max 100000"}, {"cpu.max.burst", "0"}}), cpu(load_is_known)
    {
        experiments = false;
    }
    [[nodiscard]] unsigned cpus() const override { return 1; }

protected:
    void advance(std::uint64_t length_ns, Window& window) override
    {
        SimulatedSubject::advance(length_ns, window);
        window.trace = cpu.run(length_ns);
        const auto share = [](std::uint64_t part, std::uint64_t whole) {
            return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
        };
        const DemandTrace& trace = window.trace;
        const std::uint64_t taken_ns = std::min(trace.displaced_ns, trace.others_ns);
        window.disturbance.displaced = share(taken_ns, trace.run_ns + trace.wait_ns);
        window.disturbance.displaced_of_span = share(taken_ns, length_ns);
        window.disturbance.spare = trace.spare;
        window.disturbance.by.clear();
        for (const DisplacedBy& one : trace.displaced_by)
            window.disturbance.by.push_back(
                {one.cgroup_id == SharedCpu::kClient ? "/client.slice" : "/build.slice", one.ns});
    }
};

// 800 requests a second of 50 us each; the client that wakes it keeps the CPU for another 20 us.
void requests(SharedCpu& cpu)
{
    cpu.client = {.work_ns = 40 * kUsNs, .every_ns = 1250 * kUsNs, .after_ns = 0};
    cpu.service = {.work_ns = 50 * kUsNs, .every_ns = 1250 * kUsNs, .after_ns = 20 * kUsNs};
}

void bursts(SharedCpu& cpu)
{
    cpu.service = {.work_ns = 20 * kMs, .every_ns = 170 * kMs, .after_ns = 0};
}

Proposal tuned(Shared& subject)
{
    auto proposal = tune_cpu(subject, {.profile_ns = 20'000 * kMs, .precision = 1});
    REQUIRE(proposal);
    return std::move(*proposal);
}

double evidence(const Proposal& proposal, std::string_view name)
{
    const auto found = std::ranges::find(proposal.evidence, name, &Evidence::name);
    REQUIRE(found != proposal.evidence.end());
    return found->value;
}

}  // namespace

TEST_CASE("disturbance: what may be wrong is the smaller share, of the time or of what was wanted")
{
    struct Row {
        const char* what;
        Disturbance disturbance;
        double error;
    };
    const Row rows[] = {
        {"nothing", {}, 0},
        {"a fifth of jobs that are short", {.displaced = 0.2, .displaced_of_span = 0.01}, 0.01},
        {"a tenth of four CPUs", {.displaced = 0.1, .displaced_of_span = 0.4}, 0.1},
        {"half of all", {.displaced = 0.5, .displaced_of_span = 0.5}, 0.5},
        {"a hypervisor", {.steal = 0.3, .displaced = 0.1, .displaced_of_span = 0.1}, 0.3},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        CHECK(possible_error(row.disturbance) == row.error);
    }
}

TEST_CASE("disturbance: neighbours are named, the worst first, and the small ones are not")
{
    CHECK(who_displaced({}).empty());
    const Disturbance busy{.displaced = 0.5,
                           .displaced_of_span = 0.25,
                           .by = {{"/build.slice", 61}, {"kernel threads", 36}, {"/other", 3}}};
    CHECK(who_displaced(busy) == "/build.slice took 61.0% of the wait, kernel threads 36.0%");
    CHECK(too_busy(busy) == "the machine is too busy: /build.slice took 61.0% of the wait, kernel threads 36.0%; it "
                            "waited for CPUs that others had for 25.0% of the time");
    CHECK(too_busy({.steal = 0.4}) == "the machine is too busy: the hypervisor took 40.0% of its CPUs");

    const Disturbance both = joined(busy, 1, {.displaced = 0.1, .by = {{"/other", 100}}}, 3);
    CHECK(both.displaced == flyball::test::Approx(0.2));
    REQUIRE(both.by.size() == 3);
    CHECK(both.by[0].who == "/other");
    CHECK(both.by[0].ns == 103);
}

TEST_CASE("disturbance: a service that waits for the client that woke it has its answer")
{
    for (const bool load_is_known : {true, false}) {
        Shared subject(load_is_known);
        requests(subject.cpu);
        const Proposal proposal = tuned(subject);
        INFO(load_is_known << " " << proposal.summary);
        REQUIRE(proposal.answer == Answer::Limit);
        // 4 ms a period are needed in the long run.
        CHECK(proposal.values[0].estimate >= 4.0e6);
        CHECK(proposal.values[0].estimate <= 4.6e6);
        // A share of a small time: before, that was a refusal.
        CHECK(evidence(proposal, "waited_for_cpus") ==
              flyball::test::Approx(load_is_known ? 0 : 20.0 / 70).margin(0.01));
        CHECK(evidence(proposal, "quota_undisturbed") ==
              flyball::test::Approx(evidence(proposal, "quota_as_seen")).epsilon(0.01));
        const bool named = std::ranges::any_of(
            proposal.notes, [](const std::string& note) { return note.find("/client.slice") != std::string::npos; });
        CHECK(named != load_is_known);
    }
}

TEST_CASE("disturbance: beside a neighbour the answer is the one without it, or there is none and it is named")
{
    struct Row {
        const char* what;
        void (*does)(SharedCpu&);
        std::uint64_t answered_beside;  // so many per cent and less
    };
    for (const Row& row : {Row{"requests", requests, 60}, Row{"bursts", bursts, 30}}) {
        Shared alone(true);
        row.does(alone.cpu);
        const Proposal quiet = tuned(alone);
        REQUIRE(quiet.answer == Answer::Limit);
        for (const std::uint64_t percent : {30U, 60U, 90U}) {
            for (const std::uint64_t every_ms : {10U, 97U}) {
                Shared subject(true);
                row.does(subject.cpu);
                subject.cpu.neighbour = {.work_ns = percent * every_ms * kMs / 100, .every_ns = every_ms * kMs};
                const Proposal proposal = tuned(subject);
                INFO(row.what << " beside " << percent << " % each " << every_ms << " ms: " << proposal.summary
                              << ", alone: " << quiet.summary);
                if (percent <= row.answered_beside)
                    CHECK(proposal.answer == Answer::Limit);
                if (proposal.answer == Answer::Limit) {
                    CHECK(proposal.values[0].estimate >= 0.9 * quiet.values[0].estimate);
                    CHECK(proposal.values[0].estimate <= 1.1 * quiet.values[0].estimate);
                    const double seen = evidence(proposal, "quota_as_seen"),
                                 without = evidence(proposal, "quota_undisturbed");
                    CHECK(proposal.values[0].estimate == std::max(seen, without));
                    CHECK(proposal.values[0].interval->high == proposal.values[0].estimate);
                    CHECK(proposal.values[0].interval->low <= std::min(seen, without));
                } else {
                    CHECK(proposal.answer == Answer::Refused);
                    CHECK(proposal.summary.find("too busy") != std::string::npos);
                    CHECK(proposal.summary.find("/build.slice took") != std::string::npos);
                }
            }
        }
    }
}

TEST_CASE("disturbance: a job that only neighbours make endless is no endless one")
{
    Shared slowed(true);
    slowed.cpu.service = {.work_ns = 150 * kMs, .every_ns = 2500 * kMs, .after_ns = 0};
    slowed.cpu.neighbour = {.work_ns = 970 * kMs, .every_ns = 1000 * kMs};
    slowed.cpu.turn_ns = 60 * kMs;
    slowed.cpu.neighbour_turn_ns = 900 * kMs;
    const Proposal busy = tuned(slowed);
    INFO(busy.summary);
    CHECK(busy.answer == Answer::Refused);
    CHECK(busy.summary.find("/build.slice took") != std::string::npos);

    // And one that is endless by itself needs no quiet machine to be called so.
    Shared endless(true);
    endless.cpu.service = {.work_ns = 20'000 * kMs, .every_ns = 20'000 * kMs};
    endless.cpu.neighbour = {.work_ns = 970 * kMs, .every_ns = 1000 * kMs};
    const Proposal no_limit = tuned(endless);
    INFO(no_limit.summary);
    CHECK(no_limit.answer == Answer::NoLimit);
}
