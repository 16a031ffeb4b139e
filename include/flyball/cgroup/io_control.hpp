// SPDX-License-Identifier: Apache-2.0
// Whether weights of I/O act on a device, by which controller, and if not why; and what io.stat says a device.
//
// Two controllers know weights: BFQ, an I/O scheduler (block/bfq-cgroup.c: io.bfq.weight, 1 to 1000), and iocost
// (block/blk-iocost.c: io.weight, 1 to 10000), which acts once its io.cost.qos says enable=1 for the device. io.weight
// can be read and written all the same where neither acts. Documentation/admin-guide/cgroup-v2.rst, "IO Interface
// Files". The parsers are pure, take any text and skip what they do not understand. All functions: any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup {

// As the kernel's dev_t and fb_rq.dev: major << 20 | minor.
using DeviceNumber = std::uint32_t;
[[nodiscard]] std::string device_text(DeviceNumber device);  // "8:0"
[[nodiscard]] std::optional<DeviceNumber> parse_device(std::string_view text);

// /sys/block/D/queue/scheduler: "none mq-deadline [bfq]"; a device without a queue of its own says "none".
struct Scheduler {
    std::string active;
    std::vector<std::string> offered;
};
[[nodiscard]] Scheduler parse_scheduler(std::string_view text);

// The device's line of io.cost.qos, which the root cgroup alone has. A device without one was never set up.
struct CostQos {
    bool enabled = false, user = false;         // ctrl=user: not the kernel's defaults for this kind of device
    double min_percent = 0, max_percent = 0;    // bounds of the rate at which the device is taken to work (vrate)
    std::map<std::string, std::string> fields;  // all of them, as written
};
[[nodiscard]] std::optional<CostQos> parse_cost_qos(std::string_view text, DeviceNumber device);

// What requests cost by the linear model of io.cost.model. Index 0 reads, 1 writes; 0: not said.
struct CostModel {
    bool user = false;
    std::array<double, 2> bytes_per_s{}, sequential_per_s{}, random_per_s{};
};
[[nodiscard]] std::optional<CostModel> parse_cost_model(std::string_view text, DeviceNumber device);

// "default 100" and "8:0 200"; "100" alone. v1's blkio.bfq.weight has the same form.
struct Weight {
    std::uint64_t common = 100;
    std::optional<std::uint64_t> own;  // of this device: what is said for all does not touch it
    [[nodiscard]] std::uint64_t in_force() const { return own.value_or(common); }
};
[[nodiscard]] std::optional<Weight> parse_weight(std::string_view text, DeviceNumber device);

// One device's line of io.stat, hierarchical.
struct DeviceStat {
    std::uint64_t rbytes = 0, wbytes = 0, rios = 0, wios = 0;
    std::optional<std::uint64_t> cost_usage_us;  // iocost: time of the device, by its model
    std::optional<double> vrate_percent;         // in the root cgroup only
};
[[nodiscard]] std::map<DeviceNumber, DeviceStat> parse_io_stat_by_device(std::string_view text);

enum class WeightedBy : std::uint8_t { Nothing, Bfq, IoCost };

struct IoControl {
    DeviceNumber device = 0;
    std::string name;  // "vda"; empty: no such device any more
    WeightedBy by = WeightedBy::Nothing;
    std::string why;     // Nothing: in words
    std::string remedy;  // what an administrator may do about it
    Scheduler scheduler;
    std::optional<CostQos> qos;
    std::optional<CostModel> model;       // IoCost
    std::optional<double> vrate_percent;  // IoCost: of the model's rates, what the device is taken to do now
    std::vector<std::string> notes;       // what keeps weights from acting as they are set

    // The file of a cgroup, and its bounds. Empty: none.
    [[nodiscard]] std::string_view file() const;
    [[nodiscard]] std::uint64_t most() const;
};

// What is known of a device, judged. Pure. Texts: nullopt where there is no such file.
struct IoFiles {
    std::string name;
    bool unified = true;  // the io controller's hierarchy is cgroup v2
    std::optional<std::string> scheduler, cost_qos, cost_model, root_stat;
    std::optional<std::string> bfq_low_latency;  // /sys/block/D/queue/iosched/low_latency
    std::vector<std::string> below;              // devices that it is made of (dm, md): weights act there
};
[[nodiscard]] IoControl judge_io_control(DeviceNumber device, const IoFiles& files);

// Reads them for a whole disk or a partition, which has its disk's queue. sysfs other than "/sys" is for tests.
[[nodiscard]] IoControl io_control(const Layout& layout, DeviceNumber device, const std::string& sysfs = "/sys");

// Weights of the cgroups beside one and beside each of its ancestors, for one device: who may compete with it.
struct Rival {
    std::string path;
    std::uint64_t weight = 100;
    bool used = false;  // io.stat: it has read or written there since it was made
};
struct WeightLevel {
    std::string path;  // itself or an ancestor
    std::uint64_t weight = 100;
    std::vector<Rival> siblings;  // by path
};
// From `path` up to below the root. `file`: "io.weight" or "io.bfq.weight".
[[nodiscard]] Result<std::vector<WeightLevel>> weight_levels(const Layout& layout, std::string_view path,
                                                             std::string_view file, DeviceNumber device);

}  // namespace flyball::cgroup
