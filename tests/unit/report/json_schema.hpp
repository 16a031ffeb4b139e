// SPDX-License-Identifier: Apache-2.0
// Enough of JSON Schema for the subset that our schemas use: type, required, properties, items,
// additionalProperties, enum, const, $ref.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace flyball::test {

using Json = nlohmann::json;

// docs/NAME
inline Json load_schema(const std::string& name)
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/" + name);
    return Json::parse(file);
}

inline std::string type_of(const Json& value)
{
    if (value.is_number_integer())
        return "integer";
    if (value.is_number())
        return "number";
    return value.type_name();
}

inline bool has_type(const Json& value, const Json& wanted)
{
    if (wanted.is_array()) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const Json& one) { return has_type(value, one); });
    }
    return wanted == type_of(value) || (wanted == "number" && value.is_number());
}

struct Checker {
    Json root;
    std::vector<std::string> faults;

    void check(const Json& value, Json rule, const std::string& at)
    {
        if (rule.contains("$ref"))
            rule = root.at(Json::json_pointer(rule["$ref"].get<std::string>().substr(1)));
        if (rule.contains("const") && value != rule["const"])
            faults.push_back(at + ": const");
        if (rule.contains("enum") && std::find(rule["enum"].begin(), rule["enum"].end(), value) == rule["enum"].end()) {
            faults.push_back(at + ": not one of the enum");
        }
        if (rule.contains("type") && !has_type(value, rule["type"]))
            faults.push_back(at + ": is " + type_of(value));
        if (value.is_array() && rule.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i)
                check(value[i], rule["items"], at + "/" + std::to_string(i));
        }
        if (value.is_object())
            check_object(value, rule, at);
    }

    void check_object(const Json& value, const Json& rule, const std::string& at)
    {
        for (const auto& key : rule.value("required", Json::array())) {
            if (!value.contains(key.get<std::string>()))
                faults.push_back(at + ": lacks " + key.get<std::string>());
        }
        const Json known = rule.value("properties", Json::object());
        const Json rest = rule.value("additionalProperties", Json(true));
        for (const auto& [key, item] : value.items()) {
            if (known.contains(key)) {
                check(item, known[key], at + "/" + key);
            } else if (rest.is_object()) {
                check(item, rest, at + "/" + key);
            } else if (rest == false) {
                faults.push_back(at + ": " + key + " is not in the schema");
            }
        }
    }
};

}  // namespace flyball::test
