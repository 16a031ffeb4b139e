// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/base/file.hpp"
#include "flyball/calibrate/spec.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flyball::test {

inline std::string source_file(const std::string& name)
{
    auto text = read_file(std::string(FLYBALL_SOURCE_DIR) + "/" + name);
    REQUIRE(text);
    return *text;
}

inline std::string full_spec()
{
    return source_file("tests/golden/calibrate-full.json");
}

inline std::string told(const std::vector<calibrate::Problem>& problems)
{
    std::string all;
    for (const auto& problem : problems)
        all += text(problem, "spec") + "\n";
    return all;
}

inline calibrate::Spec parsed(std::string_view text, std::string_view profile = {})
{
    auto spec = calibrate::parse_spec(text, profile);
    INFO((spec ? "" : told(spec.error())));
    REQUIRE(spec);
    return *spec;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with)
{
    const auto at = text.find(what);
    INFO(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

}  // namespace flyball::test
