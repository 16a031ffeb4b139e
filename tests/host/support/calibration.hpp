// SPDX-License-Identifier: Apache-2.0
// `flyball calibrate` of a specification that a test makes.
#pragma once

#include "load.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace flyball::test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

inline Json component(const char* name, const char* resource, const std::string& command, Json limits)
{
    return {{"name", name},
            {"resource_limits", std::move(limits)},
            {"tune", Json::array({resource})},
            {"command", "exec " + workload_binary() + " " + command},
            {"scenarios", Json::array({Json{{"name", "steady"}}})}};
}

// A specification, and what a calibration by it leaves.
struct CalibrationFiles {
    Scratch home{"calibrate"};
    std::string spec = home.path() + "/known.json", out = home.path() + "/out";

    explicit CalibrationFiles(const Json& json)
    {
        fs::create_directories(home.path());
        std::ofstream(spec) << json.dump(1);
    }
    [[nodiscard]] Words words(Words more = {}) const
    {
        Words all{flyball_binary(), "calibrate"};
        all.insert(all.end(), more.begin(), more.end());
        all.push_back(spec);
        return all;
    }
    [[nodiscard]] Process start() const
    {
        Words all = words();
        all.insert(all.end(), {"-o", out, "--disturbance", "100%"});
        return Process(all);
    }
    [[nodiscard]] std::string text(const std::string& name) const { return read_text(out + "/" + name); }
    // Of all measurements there are.
    [[nodiscard]] std::map<std::string, fs::file_time_type> measured() const
    {
        std::map<std::string, fs::file_time_type> all;
        for (const char* part : {"/raw", "/processed"}) {
            std::error_code none;
            for (const auto& entry : fs::recursive_directory_iterator(out + part, none)) {
                if (entry.path().extension() == ".json" && entry.path().filename() != "optimal_values.json")
                    all[entry.path().string()] = entry.last_write_time();
            }
        }
        return all;
    }
};

}  // namespace flyball::test
