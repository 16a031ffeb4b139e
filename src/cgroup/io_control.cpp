// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/io_control.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

namespace flyball::cgroup {
namespace {

constexpr std::uint64_t kMostIoWeight = 10'000;  // CGROUP_WEIGHT_MAX
constexpr std::uint64_t kMostBfqWeight = 1'000;  // BFQ_MAX_WEIGHT

// Names in a directory, sorted.
std::vector<std::string> names_in(const std::string& directory, bool directories_only)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    while (const dirent* const entry = open ? ::readdir(open.get()) : nullptr) {
        if (entry->d_name[0] != '.' && (!directories_only || entry->d_type == DT_DIR))
            names.emplace_back(entry->d_name);
    }
    std::ranges::sort(names);
    return names;
}

// The disk's directory in sysfs, canonical; empty: none.
std::string disk_directory(const std::string& sysfs, DeviceNumber device)
{
    const std::string link = sysfs + "/dev/block/" + device_text(device);
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(link.c_str(), nullptr), std::free);
    if (!real)
        return {};
    std::string directory = real.get();
    if (::access((directory + "/partition").c_str(), F_OK) == 0)
        directory.resize(directory.rfind('/'));
    return directory;
}

IoFiles read_io_files(const Layout& layout, const std::string& disk)
{
    IoFiles files;
    const Mount* const io = layout.controller("io");
    files.unified = io != nullptr && io->unified;
    files.name = disk.substr(disk.rfind('/') + 1);
    files.scheduler = text_of(disk + "/queue/scheduler");
    files.bfq_low_latency = text_of(disk + "/queue/iosched/low_latency");
    files.below = names_in(disk + "/slaves", false);
    if (files.unified) {
        files.cost_qos = text_of(io->path + "/io.cost.qos");
        files.cost_model = text_of(io->path + "/io.cost.model");
        files.root_stat = text_of(io->path + "/io.stat");
    }
    return files;
}

bool has_used(const std::string& directory, DeviceNumber device)
{
    const auto text = text_of(directory + "/io.stat");
    const auto all = text ? parse_io_stat_by_device(*text) : std::map<DeviceNumber, DeviceStat>{};
    const auto found = all.find(device);
    return found != all.end() && found->second.rios + found->second.wios > 0;
}

Result<WeightLevel> weight_level(const Mount& io, const std::string& path, std::string_view file, DeviceNumber device)
{
    const auto directory = io.directory(path);
    const auto weight_at = [&](const std::string& at) -> std::optional<std::uint64_t> {
        const auto text = text_of(at + "/" + std::string(file));
        const auto weight = text ? parse_weight(*text, device) : std::nullopt;
        return weight ? std::optional(weight->in_force()) : std::nullopt;
    };
    const auto own = directory ? weight_at(*directory) : std::nullopt;
    if (!own)
        return fail(ErrorKind::Unavailable, fmt::format("{} has no {}", path, file),
                    "its parent's cgroup.subtree_control has to name io");
    WeightLevel level{.path = path, .weight = *own, .siblings = {}};
    const std::string parent = directory->substr(0, directory->rfind('/'));
    const std::string self = directory->substr(directory->rfind('/') + 1), prefix = path.substr(0, path.rfind('/') + 1);
    for (const std::string& name : names_in(parent, true)) {
        if (const auto weight = name == self ? std::nullopt : weight_at(parent + "/" + name))
            level.siblings.push_back({prefix + name, *weight, has_used(parent + "/" + name, device)});
    }
    return level;
}

}  // namespace

std::string_view IoControl::file() const
{
    switch (by) {
    case WeightedBy::Bfq:
        return "io.bfq.weight";
    case WeightedBy::IoCost:
        return "io.weight";
    case WeightedBy::Nothing:
        break;
    }
    return {};
}

std::uint64_t IoControl::most() const
{
    return by == WeightedBy::Bfq ? kMostBfqWeight : kMostIoWeight;
}

IoControl judge_io_control(DeviceNumber device, const IoFiles& files)
{
    IoControl control;
    control.device = device;
    control.name = files.name;
    if (files.scheduler)
        control.scheduler = parse_scheduler(*files.scheduler);
    if (files.cost_qos)
        control.qos = parse_cost_qos(*files.cost_qos, device);
    const bool bfq = control.scheduler.active == "bfq", cost = control.qos && control.qos->enabled;
    if (!files.unified) {
        control.why = "the io controller is on cgroup v1 here, which has no io.weight";
        control.remedy = "boot with cgroup v2";
    } else if (!files.below.empty()) {
        control.why =
            fmt::format("{} has no queue of its own: it is made of {}", files.name, fmt::join(files.below, ", "));
        control.remedy = "look at those";
    } else if (cost) {
        control.by = WeightedBy::IoCost;
        control.model = files.cost_model ? parse_cost_model(*files.cost_model, device) : std::nullopt;
        if (files.root_stat)
            control.vrate_percent = parse_io_stat_by_device(*files.root_stat)[device].vrate_percent;
        if (bfq)
            control.notes.push_back("BFQ is the scheduler as well, with weights of its own (io.bfq.weight)");
        if (control.model && !control.model->user)
            control.notes.push_back("io.cost.model is the kernel's guess for this kind of device: the device may be "
                                    "held far below what it can do");
    } else if (bfq) {
        control.by = WeightedBy::Bfq;
        if (files.bfq_low_latency && trim(*files.bfq_low_latency) == "1")
            control.notes.push_back(
                "BFQ's low_latency is on: it raises weights of what it takes for interactive, whatever is set");
    } else {
        control.why = fmt::format("iocost is {} for {} and its scheduler is {}, not bfq",
                                  files.cost_qos ? "off" : "not in this kernel", files.name,
                                  control.scheduler.active.empty() ? "unknown" : control.scheduler.active);
        control.remedy =
            files.cost_qos
                ? fmt::format("give it a model in io.cost.model and '{} enable=1' in io.cost.qos of the root cgroup, "
                              "or choose the scheduler bfq",
                              device_text(device))
                : "choose the scheduler bfq";
    }
    return control;
}

IoControl io_control(const Layout& layout, DeviceNumber device, const std::string& sysfs)
{
    const std::string disk = disk_directory(sysfs, device);
    if (disk.empty()) {
        IoControl control;
        control.device = device;
        control.why = "there is no device " + device_text(device);
        return control;
    }
    // io.cost.qos names the whole disk.
    const auto number = text_of(disk + "/dev");
    const auto whole = number ? parse_device(trim(*number)) : std::nullopt;
    return judge_io_control(whole.value_or(device), read_io_files(layout, disk));
}

Result<std::vector<WeightLevel>> weight_levels(const Layout& layout, std::string_view path, std::string_view file,
                                               DeviceNumber device)
{
    const Mount* const io = layout.controller("io");
    if (io == nullptr)
        return fail(ErrorKind::Unavailable, "no io controller is mounted here");
    std::vector<WeightLevel> levels;
    for (std::string at(path); at.size() > 1; at.resize(at.rfind('/'))) {
        auto level = weight_level(*io, at, file, device);
        if (!level)
            return std::unexpected(std::move(level.error()));
        levels.push_back(std::move(*level));
    }
    return levels;
}

}  // namespace flyball::cgroup
