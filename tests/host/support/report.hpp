// SPDX-License-Identifier: Apache-2.0
// The only place that knows how flyball.report/1 spells things: tests ask for values.
#pragma once

#include "environment.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::test {

struct Stats {
    std::uint64_t count = 0, sum = 0, min = 0, max = 0, p50 = 0;
};

struct AuditRow {
    std::string cgroup, quantity, verdict, reason;
    std::optional<std::uint64_t> ours, kernel;
};

struct Losses {
    std::uint64_t attempted = 0, delivered = 0, folded = 0, dropped = 0, gaps = 0;
};

struct Victim {
    std::uint64_t pid = 0;
    std::string cgroup;
    std::optional<std::uint64_t> marked_ns, sigkill_ns, exit_ns;
};

struct Oom {
    std::string domain, group_cgroup;
    bool decision_seen = false;
    std::optional<bool> group;
    std::optional<std::uint64_t> limit, usage;
    std::vector<Victim> victims;
};

class Report {
public:
    explicit Report(const std::string& text)
    {
        INFO("report: " << text.substr(0, 2000));
        json_ = nlohmann::json::parse(text, nullptr, false);
        REQUIRE_FALSE(json_.is_discarded());
        REQUIRE(json_.at("schema") == "flyball.report/1");
    }

    [[nodiscard]] std::vector<std::string> paths() const
    {
        std::vector<std::string> all;
        for (const auto& entry : json_.at("cgroups"))
            all.push_back(entry.at("path"));
        return all;
    }
    [[nodiscard]] bool has(std::string_view path) const { return find(path) != nullptr; }
    // "alive", "created", "removed", "created and removed"
    [[nodiscard]] std::string life(std::string_view path) const { return at(path).at("life"); }

    // A distribution or a count; all zero when nothing happened. Skips where it cannot be measured.
    [[nodiscard]] Stats stats(std::string_view path, const std::string& metric) const
    {
        require_metric(metric);
        const nlohmann::json* entry = find(path);
        if (!entry)
            return {};
        for (const char* kind : {"metrics", "counts"}) {
            const auto& metrics = entry->at(kind);
            const auto found = metrics.find(metric);
            if (found != metrics.end() && !found->is_null())
                return stats_of(*found, unit_of(metric));
        }
        return {};
    }

    // Coverage may speak of the metric or of its family ("cpu.throttle" of "cpu.throttle.own").
    [[nodiscard]] const nlohmann::json* coverage(const std::string& metric) const
    {
        const nlohmann::json* best = nullptr;
        for (const auto& entry : json_.at("coverage")) {
            const std::string name = entry.at("metric");
            if (name == metric)
                return &entry;
            if (metric.starts_with(name + "."))
                best = &entry;
        }
        return best;
    }
    [[nodiscard]] bool measures(const std::string& metric) const
    {
        const nlohmann::json* entry = coverage(metric);
        return entry && entry->at("available").get<bool>();
    }
    void require_metric(const std::string& metric) const
    {
        const nlohmann::json* entry = coverage(metric);
        INFO("metric " << metric);
        REQUIRE(entry != nullptr);  // unavailable is said, never left out
        if (!measures(metric))
            FB_SKIP(metric + " is not measured here: " + entry->at("note").get<std::string>());
    }

    // Throttler -> ns.
    [[nodiscard]] std::map<std::string, std::uint64_t> held_by(std::string_view path) const
    {
        std::map<std::string, std::uint64_t> holders;
        for (const auto& holder : at(path).at("throttling").at("held_by")) {
            holders[text(holder, "cgroup", "?")] = holder.at("held_ns");
        }
        return holders;
    }

    [[nodiscard]] std::vector<AuditRow> audit() const
    {
        std::vector<AuditRow> rows;
        for (const auto& row : json_.at("audit").at("rows")) {
            rows.push_back({text(row, "cgroup"), row.at("quantity"), row.at("verdict"), text(row, "reason"),
                            maybe(row, "ours"), maybe(row, "kernel")});
        }
        return rows;
    }
    [[nodiscard]] std::optional<AuditRow> audit(std::string_view path, std::string_view quantity) const
    {
        for (const AuditRow& row : audit()) {
            if (row.cgroup == path && row.quantity == quantity)
                return row;
        }
        return std::nullopt;
    }

    [[nodiscard]] Losses losses() const
    {
        const auto& loss = json_.at("losses");
        return {loss.at("attempted"), loss.at("delivered"), loss.at("folded"), loss.at("dropped"),
                loss.at("sequence_gaps")};
    }

    // BPF programs that the kernel did not run because they were running already, and how often: for messages.
    [[nodiscard]] std::string misses() const
    {
        std::string all = "programs not run:";
        for (const auto& [program, count] : json_.at("losses").at("recursion_misses").items()) {
            if (count != 0)
                all += " " + program + " " + count.dump();
        }
        return all;
    }

    // How often the kernel skipped the programs whose names begin like this.
    [[nodiscard]] std::uint64_t missed(const std::string& prefix) const
    {
        std::uint64_t sum = 0;
        for (const auto& [program, count] : json_.at("losses").at("recursion_misses").items()) {
            if (program.starts_with(prefix))
                sum += count.get<std::uint64_t>();
        }
        return sum;
    }

    [[nodiscard]] std::vector<Oom> ooms() const
    {
        std::vector<Oom> all;
        for (const auto& entry : json_.at("oom"))
            all.push_back(oom_of(entry));
        return all;
    }

    [[nodiscard]] const nlohmann::json& json() const { return json_; }

private:
    static std::optional<std::uint64_t> maybe(const nlohmann::json& from, const char* key)
    {
        const auto found = from.find(key);
        if (found == from.end() || !found->is_number())
            return std::nullopt;
        return found->get<std::uint64_t>();
    }
    static std::string text(const nlohmann::json& from, const char* key, const char* otherwise = "")
    {
        const auto found = from.find(key);
        return found == from.end() || !found->is_string() ? otherwise : found->get<std::string>();
    }
    // "ns": keys end in "_ns"; of plain counts they have no suffix.
    [[nodiscard]] std::string unit_of(const std::string& metric) const
    {
        const std::string unit = json_.at("metrics").at(metric).at("unit");
        return unit == "count" ? "" : "_" + unit;
    }
    static Stats stats_of(const nlohmann::json& entry, const std::string& unit)
    {
        const auto value = [&](const char* key) { return maybe(entry, (key + unit).c_str()).value_or(0); };
        return {maybe(entry, "count").value_or(0), value("sum"), value("min"), value("max"), value("p50")};
    }
    static Oom oom_of(const nlohmann::json& entry)
    {
        Oom oom{.domain = text(entry, "domain"),
                .group_cgroup = text(entry, "group_cgroup"),
                .decision_seen = entry.at("decision_seen"),
                .group = std::nullopt,
                .limit = maybe(entry, "limit_bytes"),
                .usage = maybe(entry, "usage_bytes"),
                .victims = {}};
        if (entry.at("group_policy").is_boolean())
            oom.group = entry.at("group_policy").get<bool>();
        for (const auto& victim : entry.at("victims")) {
            oom.victims.push_back({victim.at("pid"), text(victim, "cgroup"), maybe(victim, "marked_ns"),
                                   maybe(victim, "sigkill_ns"), maybe(victim, "exit_ns")});
        }
        return oom;
    }

    [[nodiscard]] const nlohmann::json* find(std::string_view path) const
    {
        for (const auto& entry : json_.at("cgroups")) {
            if (entry.at("path") == path)
                return &entry;
        }
        return nullptr;
    }
    [[nodiscard]] const nlohmann::json& at(std::string_view path) const
    {
        const nlohmann::json* entry = find(path);
        INFO("cgroup " << path);
        REQUIRE(entry != nullptr);
        return *entry;
    }
    nlohmann::json json_;
};

}  // namespace flyball::test
