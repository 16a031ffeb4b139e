// SPDX-License-Identifier: Apache-2.0
// Texts of the io controller's files as kernels of the lab wrote them, and what they mean for weights.
#include "fixture.hpp"
#include "flyball/cgroup/io_control.hpp"
#include "support/catch.hpp"

#include <filesystem>

using namespace flyball;
using namespace flyball::cgroup;

namespace {

constexpr DeviceNumber device(unsigned major, unsigned minor)
{
    return major << 20 | minor;
}

// 6.12: root io.cost.qos and io.cost.model with two devices, the first one set up by hand.
constexpr const char* kQos =
    "253:0 enable=1 ctrl=user rpct=0.00 rlat=25000 wpct=0.00 wlat=25000 min=100.00 max=100.00\n"
    "254:0 enable=0 ctrl=auto rpct=0.00 rlat=250000 wpct=0.00 wlat=250000 min=1.00 max=10000.00\n";
constexpr const char* kModel =
    "253:0 ctrl=user model=linear rbps=73400320 rseqiops=280 rrandiops=280 wbps=73400320 wseqiops=280 wrandiops=280\n"
    "254:0 ctrl=auto model=linear rbps=174019176 rseqiops=41708 rrandiops=370 wbps=178075866 wseqiops=42705 "
    "wrandiops=378\n";

IoFiles files(const char* scheduler)
{
    IoFiles all;
    all.name = "nullb0";
    all.scheduler = scheduler;
    all.cost_qos = kQos;
    all.cost_model = kModel;
    return all;
}

}  // namespace

TEST_CASE("io control: device numbers")
{
    CHECK(parse_device("253:0") == device(253, 0));
    CHECK(parse_device("8:17") == device(8, 17));
    CHECK(device_text(device(259, 3)) == "259:3");
    for (const char* bad : {"", "8", ":", "8:", ":1", "8:1:2", "a:b", "4096:0", "8:1048576", "-1:0"})
        CHECK_FALSE(parse_device(bad));
}

TEST_CASE("io control: the scheduler in force")
{
    CHECK(parse_scheduler("none mq-deadline [bfq]\n").active == "bfq");
    CHECK(parse_scheduler("[none] bfq \n").active == "none");
    CHECK(parse_scheduler("none\n").active == "none");  // a device without a queue
    CHECK(parse_scheduler("mq-deadline [bfq] none\n").offered ==
          std::vector<std::string>{"mq-deadline", "bfq", "none"});
    CHECK(parse_scheduler("").active.empty());
    CHECK(parse_scheduler("a b").active.empty());
}

TEST_CASE("io control: io.cost.qos and io.cost.model, the line of one device")
{
    const auto qos = parse_cost_qos(kQos, device(253, 0));
    REQUIRE(qos);
    CHECK(qos->enabled);
    CHECK(qos->user);
    CHECK(qos->min_percent == 100);
    CHECK(qos->fields.at("rlat") == "25000");
    CHECK_FALSE(parse_cost_qos(kQos, device(254, 0))->enabled);
    CHECK_FALSE(parse_cost_qos(kQos, device(8, 0)));  // never set up: not off, absent
    CHECK_FALSE(parse_cost_qos("", device(253, 0)));
    const auto model = parse_cost_model(kModel, device(254, 0));
    REQUIRE(model);
    CHECK_FALSE(model->user);
    CHECK(model->random_per_s == std::array<double, 2>{370, 378});
    CHECK(model->sequential_per_s[0] == 41708);
    CHECK(model->bytes_per_s[1] == 178075866);
    CHECK_FALSE(parse_cost_model("253:0 ctrl=user model=other rbps=1", device(253, 0)));
}

TEST_CASE("io control: a weight for all devices and one of its own")
{
    CHECK(parse_weight("default 300\n253:0 200\n", device(253, 0))->in_force() == 200);
    CHECK(parse_weight("default 300\n253:0 200\n", device(254, 0))->in_force() == 300);
    CHECK(parse_weight("100\n", device(8, 0))->common == 100);
    CHECK_FALSE(parse_weight("", device(8, 0)));
    CHECK_FALSE(parse_weight("253:0 200\n", device(253, 0)));
    CHECK_FALSE(parse_weight("default many\n", device(253, 0)));
}

TEST_CASE("io control: io.stat by device")
{
    const auto all = parse_io_stat_by_device(
        "253:0 rbytes=24342528 wbytes=8192 rios=5943 wios=2 dbytes=0 dios=0 cost.vrate=100.00 cost.usage=21189079\n"
        "254:0 \n"
        "8:0 8:16 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
    REQUIRE(all.size() == 4);
    const DeviceStat& cost = all.at(device(253, 0));
    CHECK(cost.rbytes == 24342528);
    CHECK(cost.wios == 2);
    CHECK(cost.cost_usage_us == 21189079);
    CHECK(cost.vrate_percent == 100.0);
    CHECK_FALSE(all.at(device(254, 0)).cost_usage_us);
    CHECK(all.at(device(8, 0)).rios == 0);
    CHECK(all.at(device(8, 16)).rios == 1);
    CHECK(parse_io_stat_by_device("nonsense a=1\n").empty());
}

TEST_CASE("io control: which controller makes weights act")
{
    SECTION("iocost, when it is enabled for the device")
    {
        const IoControl control = judge_io_control(device(253, 0), files("[none] bfq\n"));
        CHECK(control.by == WeightedBy::IoCost);
        CHECK(control.file() == "io.weight");
        CHECK(control.most() == 10'000);
        CHECK(control.model->random_per_s[0] == 280);
        CHECK(control.notes.empty());
    }
    SECTION("not when it is off, with the reason")
    {
        const IoControl control = judge_io_control(device(254, 0), files("[none] bfq\n"));
        CHECK(control.by == WeightedBy::Nothing);
        CHECK(control.file().empty());
        CHECK(control.why == "iocost is off for nullb0 and its scheduler is none, not bfq");
        CHECK_THAT(control.remedy, test::ContainsSubstring("'254:0 enable=1'"));
    }
    SECTION("BFQ, with bounds of its own, and what disturbs it")
    {
        IoFiles bfq = files("none [bfq]\n");
        bfq.bfq_low_latency = "1\n";
        const IoControl control = judge_io_control(device(254, 0), bfq);
        CHECK(control.by == WeightedBy::Bfq);
        CHECK(control.file() == "io.bfq.weight");
        CHECK(control.most() == 1'000);
        REQUIRE(control.notes.size() == 1);
        CHECK_THAT(control.notes.front(), test::ContainsSubstring("low_latency"));
        bfq.bfq_low_latency = "0\n";
        CHECK(judge_io_control(device(254, 0), bfq).notes.empty());
    }
    SECTION("a guessed model is told")
    {
        IoFiles guessed = files("[none]\n");
        guessed.cost_qos = "254:0 enable=1 ctrl=auto min=1.00 max=10000.00\n";
        guessed.root_stat = "254:0 rbytes=1 wbytes=0 rios=1 wios=0 cost.vrate=3.60 cost.usage=1\n";
        const IoControl control = judge_io_control(device(254, 0), guessed);
        CHECK(control.by == WeightedBy::IoCost);
        CHECK(control.vrate_percent == 3.6);
        REQUIRE(control.notes.size() == 1);
        CHECK_THAT(control.notes.front(), test::ContainsSubstring("guess"));
    }
    SECTION("never on v1, nor on what is made of other devices")
    {
        IoFiles other = files("none [bfq]\n");
        other.unified = false;
        CHECK(judge_io_control(device(253, 0), other).by == WeightedBy::Nothing);
        IoFiles stacked = files("none\n");
        stacked.below = {"sda", "sdb"};
        const IoControl control = judge_io_control(device(253, 0), stacked);
        CHECK(control.by == WeightedBy::Nothing);
        CHECK_THAT(control.why, test::ContainsSubstring("sda, sdb"));
    }
    SECTION("a kernel without iocost")
    {
        IoFiles without = files("[mq-deadline] none\n");
        without.cost_qos.reset();
        CHECK(judge_io_control(device(253, 0), without).why ==
              "iocost is not in this kernel for nullb0 and its scheduler is mq-deadline, not bfq");
    }
}

TEST_CASE("io control: a partition has its disk's queue; siblings' weights on the way up")
{
    namespace fs = std::filesystem;
    const test::FakeRoot top;
    const fs::path root(top.path());
    const auto put = [&](const std::string& path, const std::string& text) { top.file("/" + path, text); };
    put("sys/devices/virtio1/block/vda/dev", "254:0\n");
    put("sys/devices/virtio1/block/vda/queue/scheduler", "mq-deadline [bfq] none\n");
    put("sys/devices/virtio1/block/vda/queue/iosched/low_latency", "0\n");
    put("sys/devices/virtio1/block/vda/vda1/partition", "1\n");
    fs::create_directories(root / "sys/dev/block");
    fs::create_symlink("../../devices/virtio1/block/vda", root / "sys/dev/block/254:0");
    fs::create_symlink("../../devices/virtio1/block/vda/vda1", root / "sys/dev/block/254:1");
    Layout layout;
    Mount mount;
    mount.unified = true;
    mount.controllers = {"io"};
    mount.path = (root / "cgroup").string();
    layout.mounts = {mount};
    layout.hierarchy_of = {{"io", 0}};
    const IoControl control = io_control(layout, device(254, 1), (root / "sys").string());
    CHECK(control.device == device(254, 0));
    CHECK(control.name == "vda");
    CHECK(control.by == WeightedBy::Bfq);
    CHECK_THAT(io_control(layout, device(8, 0), (root / "sys").string()).why, test::ContainsSubstring("no device 8:0"));

    put("cgroup/a/io.bfq.weight", "default 50\n");
    put("cgroup/b/io.bfq.weight", "default 100\n");
    put("cgroup/b/io.stat", "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
    put("cgroup/a/x/io.bfq.weight", "default 200\n254:0 400\n");
    put("cgroup/a/y/io.bfq.weight", "default 300\n");
    put("cgroup/a/y/io.stat", "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
    const auto levels = weight_levels(layout, "/a/x", "io.bfq.weight", device(254, 0));
    REQUIRE(levels);
    REQUIRE(levels->size() == 2);
    CHECK((*levels)[0].path == "/a/x");
    CHECK((*levels)[0].weight == 400);
    REQUIRE((*levels)[0].siblings.size() == 1);
    CHECK((*levels)[0].siblings[0].path == "/a/y");
    CHECK((*levels)[0].siblings[0].weight == 300);
    CHECK_FALSE((*levels)[0].siblings[0].used);  // another device
    CHECK((*levels)[1].weight == 50);
    CHECK((*levels)[1].siblings[0].used);
    CHECK_FALSE(weight_levels(layout, "/c", "io.bfq.weight", device(254, 0)));
}
