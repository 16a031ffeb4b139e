// SPDX-License-Identifier: Apache-2.0
// The texts of the io controller's files.
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/io_control.hpp"

#include <fmt/format.h>

#include <charconv>
#include <functional>

namespace flyball::cgroup {
namespace {

constexpr std::uint32_t kMinorBits = 20, kMostMajor = 4095, kMostMinor = (1U << kMinorBits) - 1;

std::optional<double> parse_number(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

using EachField = std::function<void(std::string_view key, std::string_view value)>;

// "8:0 a=1 b=2": calls `begin` for each device met (older kernels put two on a line) and `field` for what follows it.
void for_each_field(std::string_view text, const std::function<void(DeviceNumber)>& begin, const EachField& field)
{
    for_each_line(text, [&](std::string_view line) {
        bool known = false;
        for (const std::string_view word : split_blanks(line)) {
            const auto equals = word.find('=');
            if (equals != std::string_view::npos) {
                if (known)
                    field(word.substr(0, equals), word.substr(equals + 1));
            } else if (const auto device = parse_device(word)) {
                known = true;
                begin(*device);
            }
        }
    });
}

// The fields of one device's line; nullopt: it has none.
std::optional<std::map<std::string, std::string>> fields_of(std::string_view text, DeviceNumber device)
{
    std::optional<std::map<std::string, std::string>> fields;
    bool here = false;
    for_each_field(
        text,
        [&](DeviceNumber met) {
            here = met == device;
            if (here)
                fields.emplace();
        },
        [&](std::string_view key, std::string_view value) {
            if (here)
                fields->emplace(key, value);
        });
    return fields;
}

double number_of(const std::map<std::string, std::string>& fields, const std::string& key)
{
    const auto found = fields.find(key);
    return found == fields.end() ? 0 : parse_number(found->second).value_or(0);
}

bool is(const std::map<std::string, std::string>& fields, const std::string& key, std::string_view value)
{
    const auto found = fields.find(key);
    return found != fields.end() && found->second == value;
}

}  // namespace

std::string device_text(DeviceNumber device)
{
    return fmt::format("{}:{}", device >> kMinorBits, device & kMostMinor);
}

std::optional<DeviceNumber> parse_device(std::string_view text)
{
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto major = parse_u64(text.substr(0, colon)), minor = parse_u64(text.substr(colon + 1));
    if (!major || !minor || *major > kMostMajor || *minor > kMostMinor)
        return std::nullopt;
    return static_cast<DeviceNumber>(*major << kMinorBits | *minor);
}

Scheduler parse_scheduler(std::string_view text)
{
    Scheduler scheduler;
    for (std::string_view word : split_blanks(trim(text))) {
        if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
            word = word.substr(1, word.size() - 2);
            scheduler.active = word;
        }
        scheduler.offered.emplace_back(word);
    }
    if (scheduler.active.empty() && scheduler.offered.size() == 1)
        scheduler.active = scheduler.offered.front();
    return scheduler;
}

std::optional<CostQos> parse_cost_qos(std::string_view text, DeviceNumber device)
{
    auto fields = fields_of(text, device);
    if (!fields)
        return std::nullopt;
    CostQos qos;
    qos.enabled = is(*fields, "enable", "1");
    qos.user = is(*fields, "ctrl", "user");
    qos.min_percent = number_of(*fields, "min");
    qos.max_percent = number_of(*fields, "max");
    qos.fields = std::move(*fields);
    return qos;
}

std::optional<CostModel> parse_cost_model(std::string_view text, DeviceNumber device)
{
    const auto fields = fields_of(text, device);
    if (!fields || !is(*fields, "model", "linear"))
        return std::nullopt;
    CostModel model;
    model.user = is(*fields, "ctrl", "user");
    model.bytes_per_s = {number_of(*fields, "rbps"), number_of(*fields, "wbps")};
    model.sequential_per_s = {number_of(*fields, "rseqiops"), number_of(*fields, "wseqiops")};
    model.random_per_s = {number_of(*fields, "rrandiops"), number_of(*fields, "wrandiops")};
    return model;
}

std::optional<Weight> parse_weight(std::string_view text, DeviceNumber device)
{
    std::optional<Weight> weight;
    std::optional<std::uint64_t> own;
    for_each_line(text, [&](std::string_view line) {
        const auto words = split_blanks(line);
        if (words.empty() || words.size() > 2)
            return;
        const auto number = parse_u64(words.back());
        if (!number)
            return;
        if (words.size() == 1 || words.front() == "default")
            weight = Weight{*number, std::nullopt};
        else if (parse_device(words.front()) == device)
            own = number;
    });
    if (weight)
        weight->own = own;
    return weight;
}

std::map<DeviceNumber, DeviceStat> parse_io_stat_by_device(std::string_view text)
{
    std::map<DeviceNumber, DeviceStat> all;
    DeviceStat* stat = nullptr;
    for_each_field(
        text, [&](DeviceNumber device) { stat = &all[device]; },
        [&](std::string_view key, std::string_view value) {
            if (key == "cost.vrate") {
                stat->vrate_percent = parse_number(value);
                return;
            }
            const auto number = parse_u64(value);
            if (!number)
                return;
            if (key == "rbytes")
                stat->rbytes = *number;
            else if (key == "wbytes")
                stat->wbytes = *number;
            else if (key == "rios")
                stat->rios = *number;
            else if (key == "wios")
                stat->wios = *number;
            else if (key == "cost.usage")
                stat->cost_usage_us = number;
        });
    return all;
}

}  // namespace flyball::cgroup
