// SPDX-License-Identifier: Apache-2.0
// Weights for a subject on a simulated disk: what is proposed is then measured there, apart from what the tuner saw.
#include "flyball/tune/io.hpp"
#include "simulated_disk.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <memory>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kSecond;
using test::DiskOptions;
using test::SimulatedDisk;

namespace {

cgroup::IoControl cost_control(const DiskOptions& disk)
{
    cgroup::IoControl control;
    control.device = SimulatedDisk::kDevice;
    control.name = "sim0";
    control.by = cgroup::WeightedBy::IoCost;
    const double rate = disk.servers / disk.service_ns * 1e9;
    cgroup::CostModel model;
    model.user = true;
    model.bytes_per_s = {rate * 4096 * 64, rate * 4096 * 64};
    model.sequential_per_s = model.random_per_s = {rate, rate};
    control.model = model;
    return control;
}

IoOptions options_for(const cgroup::IoControl& control, Antagonist* antagonist,
                      std::vector<cgroup::Rival> siblings = {})
{
    IoOptions options;
    options.profile_ns = 40 * kSecond;
    options.block_ns = 4 * kSecond;
    options.control = [control](cgroup::DeviceNumber) { return control; };
    options.levels = [siblings](std::string_view, cgroup::DeviceNumber) -> Result<std::vector<cgroup::WeightLevel>> {
        return std::vector<cgroup::WeightLevel>{{.path = "/ours", .weight = 100, .siblings = siblings}};
    };
    options.antagonist = antagonist;
    return options;
}

struct Ratios {
    double throughput = 0, latency = 0;
};

// Measured on a fresh disk, at length.
Ratios measured(DiskOptions options, std::uint64_t weight, std::uint64_t rival)
{
    options.seed += 1000;
    SimulatedDisk disk(options);
    disk.set_weight(weight);
    (void)disk.observe(2);
    const auto alone = disk.observe(60);
    REQUIRE(disk.start(SimulatedDisk::kDevice, "io.weight", rival));
    (void)disk.observe(2);
    const auto beside = disk.observe(60);
    return {beside.rate / alone.rate, beside.p99_ns / alone.p99_ns};
}

}  // namespace

TEST_CASE("io weight: the least one for a share, by hand")
{
    const std::vector<cgroup::WeightLevel> levels{
        {"/a/b", 100, {{"/a/c", 200, true}, {"/a/d", 100, true}, {"/a/idle", 5000, false}}},
        {"/a", 100, {{"/x", 100, true}, {"/idle", 900, false}}}};
    const Competition rivals = competition(levels, 100);
    CHECK(rivals.rivals == 300);
    CHECK(rivals.ancestors_share == 0.5);
    CHECK_FALSE(rivals.assumed);
    CHECK(share_of(100, rivals) == Approx(0.125));
    CHECK(least_weight(0.125, rivals, 10'000) == 100U);
    CHECK(least_weight(0.126, rivals, 10'000) == 102U);  // 0.252 / 0.748 * 300 = 101.07
    CHECK_FALSE(least_weight(0.5, rivals, 10'000));      // all that /a has
    CHECK_FALSE(least_weight(0.49, rivals, 10'000));     // 14700
    CHECK(least_weight(0, rivals, 10'000) == 1U);

    const Competition nobody = competition({{"/a", 100, {}}}, 100);
    CHECK(nobody.assumed);
    CHECK(nobody.rivals == 100);
    CHECK(least_weight(0.25, competition({{"/a", 100, {{"/b", 300, true}}}}, 100), 10'000) == 100U);

    // The least: one less does not give it.
    for (double share = 0.01; share < 0.95; share += 0.013) {
        const auto weight = least_weight(share, nobody, 10'000);
        REQUIRE(weight);
        CHECK(share_of(static_cast<double>(*weight), nobody) >= share - 1e-9);
        if (*weight > 1)
            CHECK(share_of(static_cast<double>(*weight - 1), nobody) < share);
    }
}

TEST_CASE("io tuner: what it proposes keeps throughput and latency, over seeds, where that is possible")
{
    int limits = 0;
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
        const DiskOptions setting{.servers = 32, .load = 0.3, .seed = seed};
        SimulatedDisk disk(setting);
        const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
        REQUIRE(found);
        INFO("seed " << seed << ": " << name(found->answer) << ", " << found->summary);
        CHECK_FALSE(disk.antagonist_on);
        CHECK(disk.weight() == 100);  // as it was found
        if (found->answer != Answer::Limit) {
            CHECK(found->answer == Answer::Inconclusive);
            continue;
        }
        ++limits;
        REQUIRE(found->values.size() == 1);
        const Value& value = found->values.front();
        CHECK(value.file == "io.weight");
        CHECK(value.before == "default 100");
        REQUIRE(value.interval);
        CHECK(value.interval->contains(value.estimate));
        // A mean of 30 %, more in some windows, and 20 % headroom.
        CHECK(value.estimate > 0.36 / 0.64 * 100);
        CHECK(value.estimate < 0.7 / 0.3 * 100);
        const Ratios ratios = measured(setting, static_cast<std::uint64_t>(value.estimate), 100);
        CHECK(ratios.throughput >= 0.8);
        CHECK(ratios.latency <= 1.1);
        CHECK(found->trials.back().verdict == Verdict::Accepted);
        CHECK(found->trials.back().throughput->contains(ratios.throughput));
    }
    CHECK(limits >= 5);
}

TEST_CASE("io tuner: a weight that is too small is seen to be so, and is not the answer")
{
    const DiskOptions setting{.servers = 32, .load = 0.5, .seed = 3};
    SimulatedDisk disk(setting);
    disk.set_weight(10);
    const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
    REQUIRE(found);
    REQUIRE(found->trials.size() >= 2);
    CHECK(found->trials.front().setting == "io.weight 10 against 100");
    CHECK(found->trials.front().verdict == Verdict::Rejected);
    // What is that bad is seen at once, and not tried any longer.
    CHECK(found->trials.front().pairs == 2);
    CHECK_THAT(found->trials.front().note, test::ContainsSubstring("stopped early"));
    CHECK(disk.weight() == 10);
    CHECK(disk.spent_s > 0);
    CHECK(measured(setting, 10, 100).throughput < 0.4);
}

TEST_CASE("io tuner: where no weight can keep the latency it says so")
{
    // One request at a time: whoever comes meets one of the antagonist's in service.
    const DiskOptions setting{.servers = 1, .service_ns = 2e5, .load = 0.3, .seed = 5};
    CHECK(measured(setting, 10'000, 100).latency > 1.1);
    SimulatedDisk disk(setting);
    const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
    REQUIRE(found);
    INFO(found->summary);
    CHECK(found->answer == Answer::Refused);
    CHECK_THAT(found->summary, test::ContainsSubstring("no weight keeps it"));
    CHECK(found->values.empty());
    CHECK(found->trials.back().setting == "io.weight 10000 against 100");
    CHECK(found->refused.size() >= 2);
}

TEST_CASE(
    "io tuner: one that fills the device gets the share at which a closed loop's latency is at the bound, or more")
{
    const DiskOptions setting{.servers = 16, .tasks = 64, .seed = 2};
    SimulatedDisk disk(setting);
    const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
    REQUIRE(found);
    INFO(found->summary);
    REQUIRE(!found->trials.empty());
    // 1 / 1.1 of the device, against 100: 1000.
    CHECK(std::ranges::any_of(found->trials,
                              [](const Trial& trial) { return trial.setting == "io.weight 1000 against 100"; }));
    CHECK(std::ranges::any_of(found->notes,
                              [](const std::string& note) { return note.starts_with("it fills the device"); }));
    if (found->answer == Answer::Limit)
        CHECK(measured(setting, static_cast<std::uint64_t>(found->values.front().estimate), 100).throughput > 0.8);
}

TEST_CASE("io tuner: without contention a weight changes nothing, and it says that")
{
    const DiskOptions setting{.servers = 16, .load = 0.3, .antagonist_depth = 1, .seed = 4};
    SimulatedDisk disk(setting);
    const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
    REQUIRE(found);
    INFO(found->summary);
    CHECK(found->answer == Answer::NoLimit);
    CHECK_THAT(found->summary, test::ContainsSubstring("changes nothing"));
    CHECK(found->values.empty());
}

TEST_CASE("io tuner: a controller that ignores weights is found out")
{
    const DiskOptions setting{.servers = 4, .load = 0.5, .antagonist_depth = 64, .seed = 4};
    DiskOptions ignoring = setting;
    ignoring.weighted = false;
    SimulatedDisk disk(ignoring);
    const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
    REQUIRE(found);
    INFO(found->summary);
    CHECK(found->answer == Answer::Refused);
    CHECK_THAT(found->summary, test::ContainsSubstring("change nothing"));
}

TEST_CASE("io tuner: siblings that use the device are who it is weighed and tried against")
{
    const DiskOptions setting{.servers = 32, .load = 0.2, .seed = 6};
    SimulatedDisk disk(setting);
    auto options =
        options_for(cost_control(setting), nullptr, {{"/b", 300, true}, {"/c", 500, true}, {"/idle", 9000, false}});
    const auto found = tune_io(disk, options);
    REQUIRE(found);
    CHECK(found->answer == Answer::Limit);
    CHECK(found->values.front().estimate > 0.24 / 0.76 * 800);
    CHECK(found->values.front().estimate < 0.45 / 0.55 * 800);
    CHECK(disk.writes == 0);  // watching changes nothing
    CHECK_FALSE(found->experimented);
    CHECK(std::ranges::any_of(found->notes, [](const std::string& note) { return note.starts_with("not tried out"); }));
}

TEST_CASE("io tuner: no answer where there is none")
{
    DiskOptions setting{.servers = 16, .load = 0.3, .seed = 7};
    cgroup::IoControl control = cost_control(setting);
    IoOptions options = options_for(control, nullptr);
    SECTION("no controller acts")
    {
        control.by = cgroup::WeightedBy::Nothing;
        control.why = "iocost is off for sim0 and its scheduler is none, not bfq";
        options.control = [control](cgroup::DeviceNumber) { return control; };
        SimulatedDisk disk(setting);
        const auto found = tune_io(disk, options);
        CHECK(found->answer == Answer::Refused);
        CHECK(found->summary ==
              "io.weight has no effect here: iocost is off for sim0 and its scheduler is none, not bfq");
        CHECK(found->values.empty());
    }
    SECTION("a line of its own for the device")
    {
        SimulatedDisk disk(setting);
        disk.own_line = "253:0 200\n";
        const auto found = tune_io(disk, options);
        CHECK(found->answer == Answer::Refused);
        CHECK_THAT(found->summary, test::ContainsSubstring("weight 200"));
    }
    SECTION("too short")
    {
        options.profile_ns = 20 * kSecond;
        SimulatedDisk disk(setting);
        const auto found = tune_io(disk, options);
        CHECK(found->answer == Answer::Inconclusive);
        CHECK_THAT(found->summary, test::ContainsSubstring("200 windows") && test::ContainsSubstring("368"));
    }
    SECTION("hardly any use")
    {
        setting.load = 0.0001;
        SimulatedDisk disk(setting);
        const auto found = tune_io(disk, options);
        CHECK(found->answer == Answer::NoLimit);
    }
    SECTION("none at all")
    {
        setting.load = 0;
        SimulatedDisk disk(setting);
        const auto found = tune_io(disk, options);
        CHECK(found->answer == Answer::NoLimit);
        CHECK_THAT(found->summary, test::ContainsSubstring("no request"));
    }
    SECTION("others are at it")
    {
        setting.others_load = 0.5;
        SimulatedDisk disk(setting);
        CHECK(tune_io(disk, options)->answer == Answer::Inconclusive);
    }
}

TEST_CASE("io tuner: it ends in time, without a verdict")
{
    const DiskOptions setting{.servers = 32, .load = 0.3, .seed = 1};
    SimulatedDisk disk(setting);
    IoOptions options = options_for(cost_control(setting), &disk);
    options.longest_ns = 120 * kSecond;
    const auto found = tune_io(disk, options);
    REQUIRE(found);
    CHECK(found->answer == Answer::Inconclusive);
    CHECK(found->summary.find("time was up") != std::string::npos);
    CHECK(disk.now_s() <= 121);
    CHECK(disk.weight() == 100);
    CHECK_FALSE(disk.antagonist_on);
}

TEST_CASE("io tuner: what stops it leaves nothing behind")
{
    const DiskOptions setting{.servers = 16, .load = 0.5, .seed = 8};
    SimulatedDisk disk(setting);
    disk.set_weight(7);
    SECTION("the budget")
    {
        disk.budget_s = 4;
        const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
        REQUIRE(found);
        CHECK(found->answer == Answer::Aborted);
        CHECK(found->values.empty());
    }
    SECTION("a guard, while it is only watched")
    {
        disk.stop_after_ns = 25 * kSecond;
        const auto found = tune_io(disk, options_for(cost_control(setting), &disk));
        REQUIRE(found);
        CHECK(found->answer == Answer::Aborted);
    }
    CHECK_FALSE(disk.antagonist_on);
    CHECK(disk.weight() == 7);
}
