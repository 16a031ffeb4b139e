// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/spent.hpp"

#include "flyball/base/version.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace flyball::calibrate {
namespace {

constexpr std::string_view kSpentSchema = "flyball.calibrate-spent/1";
constexpr const char* kSpentFile = "configs/spent.json";

}  // namespace

Result<std::optional<Spent>> spent_so_far(Store& store)
{
    const auto text = store.get(kSpentFile);
    if (!text)
        return std::unexpected(text.error());
    if (!*text)
        return std::nullopt;
    const auto json = nlohmann::json::parse(**text, nullptr, false);
    if (!json.is_object() || json.value("schema", "") != kSpentSchema)
        return std::nullopt;
    return Spent{.start_wall_ns = json.value("start_wall_ns", std::uint64_t{0}),
                 .took_ns = json.value("took_ns", std::uint64_t{0})};
}

Result<> keep(Store& store, const Spent& spent)
{
    const nlohmann::json json{{"schema", kSpentSchema},
                              {"flyball_version", kVersion},
                              {"start_wall_ns", spent.start_wall_ns},
                              {"took_ns", spent.took_ns}};
    return store.put(kSpentFile, json.dump(1) + "\n");
}

}  // namespace flyball::calibrate
