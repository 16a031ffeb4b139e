// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "parts.hpp"
#include "text/report_parts.hpp"

#include <algorithm>

namespace flyball::report {
namespace {

// What the keys under "metrics" and "counts" mean, so that the file explains itself.
Json json_metric_table()
{
    Json table = Json::object();
    for (const Metric& metric : metrics()) {
        table[std::string(metric.name)] = {{"unit", unit_name(metric.unit)},
                                           {"kind", metric.id < FB_M_HIST_MAX ? "histogram" : "count"},
                                           {"title", metric.title},
                                           {"help", metric.help}};
    }
    return table;
}

Json json_lifecycle(const ReportModel& model)
{
    return {{"seen", model.life.seen},
            {"idle", model.idle},
            {"created", model.life.created},
            {"removed", model.life.removed},
            {"short_lived", model.life.short_lived_total},
            {"short_lived_paths", json_strings(model.life.short_lived)}};
}

// As dump(1), but a bucket is one line and not five: arrays of plain values stay together.
void write(const Json& value, std::size_t depth, std::string& out)
{
    const auto plain = [](const Json& item) { return !item.is_structured(); };
    const bool flat = value.is_array() && std::all_of(value.begin(), value.end(), plain);
    if (!value.is_structured() || value.empty() || flat) {
        // Names are harmless by now; `replace` keeps a byte that slipped through from throwing.
        out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
        return;
    }
    const bool object = value.is_object();
    out += object ? '{' : '[';
    const char* separator = "\n";
    for (const auto& [key, item] : value.items()) {
        out += separator;
        out.append(depth + 1, ' ');
        if (object)
            out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
        write(item, depth + 1, out);
        separator = ",\n";
    }
    out += '\n';
    out.append(depth, ' ');
    out += object ? '}' : ']';
}

}  // namespace

Json json_strings(const std::vector<std::string>& texts)
{
    Json array = Json::array();
    for (const std::string& text : texts)
        array.push_back(harmless(text));
    return array;
}

Json json_known(std::uint64_t value)
{
    return value == kUnknown ? Json(nullptr) : Json(value);
}

Json json_known_number(const std::optional<double>& value)
{
    return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json json_path(const std::string& path)
{
    return path.empty() || path == "?" ? Json(nullptr) : Json(harmless(path));
}

Json json_recording(const profile::Meta& meta, std::uint64_t window_ns, bool incomplete)
{
    Json hierarchy = Json::object();
    for (const auto& [controller, id] : meta.hierarchy)
        hierarchy[controller] = id;
    return {{"flyball_version", meta.flyball_version},
            {"abi", meta.abi},
            {"host", harmless(meta.host)},
            {"kernel", harmless(meta.kernel)},
            {"arch", harmless(meta.arch)},
            {"cpus", meta.cpus},
            {"clock", meta.clock},
            {"start_ns", meta.start_ns},
            {"end_ns", meta.end_ns},
            {"window_ns", window_ns},
            {"start_wall_ns", meta.start_wall_ns},
            {"start_utc", utc(meta.start_wall_ns)},
            {"command", harmless(meta.command)},
            {"command_cgroup", meta.command_cgroup.empty() ? Json(nullptr) : Json(harmless(meta.command_cgroup))},
            {"filters", json_strings(meta.filters)},
            {"hierarchy", std::move(hierarchy)},
            {"incomplete", incomplete}};
}

std::string written(const Json& root)
{
    std::string text;
    write(root, 0, text);
    return text + "\n";
}

std::string render_json(const ReportModel& model)
{
    Json root = {{"schema", kJsonSchema}, {"recording", json_recording(model.meta, model.window_ns, model.incomplete)}};
    root["warnings"] = Json::array();
    for (const Warning& warning : model.warnings) {
        root["warnings"].push_back({{"id", warning.id}, {"text", harmless(warning.text)}});
    }
    root["cgroups"] = Json::array();
    for (const CgroupReport& cgroup : model.cgroups)
        root["cgroups"].push_back(json_cgroup(cgroup));
    root["oom"] = Json::array();
    for (const OomReport& oom : model.ooms)
        root["oom"].push_back(json_oom(oom, model.meta.start_ns));
    root["sigkills_not_oom"] = model.sigkills_not_oom;
    root["lifecycle"] = json_lifecycle(model);
    root["coverage"] = json_coverage(model.meta);
    root["audit"] = json_audit(model);
    root["losses"] = json_losses(model);
    root["metrics"] = json_metric_table();
    return written(root);
}

}  // namespace flyball::report
